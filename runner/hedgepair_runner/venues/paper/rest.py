"""The REST API as a table: method and path → how it is answered (protocol §2, §3).

Answers are JSON bytes with the statuses that the SDK's exceptions hang on: 200, 400, 404.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from hedgepair_runner.venues.paper import (
    reading_accounts,
    reading_funding,
    reading_markets,
    reading_tiers,
)
from hedgepair_runner.venues.paper.fates import Loss
from hedgepair_runner.venues.paper.parameters import (
    INVALID_PARAM,
    BadParameterError,
    Parameters,
)
from hedgepair_runner.venues.paper.reading import Answer, Read, auth_required
from hedgepair_runner.venues.paper.views import Refusal

JSON = "application/json"
INVALID_TX_INFO = 21_501
TOO_MANY_REQUESTS = 23_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """`query` of a GET, `form` of a POST; `authorization` is the header of that name."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = None
    ip: str = ""
    """Who asks: for limits, and for faults."""

    @property
    def token(self) -> str | None:
        return self.authorization or self.query.get("auth") or self.form.get("auth") or None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestAnswer:
    status: int
    body: bytes
    content_type: str = JSON
    loss: Loss = Loss.NONE
    """A lost answer never leaves: the client waits, or finds its connection cut."""


class Auth(Enum):
    NONE = "a token is ignored"
    OPTIONAL = "a token is checked where there is one"
    REQUIRED = "without a token there is no answer"


@dataclass(frozen=True, slots=True)
class Route:
    """A read, or by POST a change. The gateway checks the token, then calls `read`."""

    read: Callable[[Read], Answer]
    auth: Auth = Auth.NONE


class Submission(Enum):
    """The two POSTs that carry transactions: the gateway's own business."""

    SINGLE = "sendTx"
    BATCH = "sendTxBatch"


_API = "/api/v1/"
_ROUTES: dict[tuple[str, str], Route | Submission] = {
    ("GET", "/"): Route(reading_markets.status),
    ("GET", "/info"): Route(reading_markets.info),
    ("GET", _API + "systemConfig"): Route(reading_markets.system_config),
    ("GET", _API + "orderBooks"): Route(reading_markets.order_books),
    ("GET", _API + "orderBookDetails"): Route(reading_markets.order_book_details),
    ("GET", _API + "orderBookOrders"): Route(reading_markets.order_book_orders),
    ("GET", _API + "recentTrades"): Route(reading_markets.recent_trades),
    ("GET", _API + "trades"): Route(reading_markets.trades, Auth.OPTIONAL),
    ("GET", _API + "candles"): Route(reading_markets.candlesticks),
    ("GET", _API + "fundings"): Route(reading_funding.fundings),
    ("GET", _API + "funding-rates"): Route(reading_funding.funding_rates),
    ("GET", _API + "exchangeStats"): Route(reading_markets.exchange_stats),
    ("GET", _API + "currentHeight"): Route(reading_markets.current_height),
    ("GET", _API + "account"): Route(reading_accounts.account),
    ("GET", _API + "accountsByL1Address"): Route(reading_accounts.accounts_by_l1_address),
    ("GET", _API + "accountLimits"): Route(reading_accounts.account_limits, Auth.REQUIRED),
    ("GET", _API + "apikeys"): Route(reading_accounts.api_keys),
    ("GET", _API + "nextNonce"): Route(reading_accounts.next_nonce),
    ("GET", _API + "accountActiveOrders"): Route(reading_accounts.active_orders, Auth.REQUIRED),
    ("GET", _API + "accountInactiveOrders"): Route(reading_accounts.inactive_orders, Auth.REQUIRED),
    ("GET", _API + "accountOrders"): Route(reading_accounts.orders_by_client_index, Auth.REQUIRED),
    ("GET", _API + "tx"): Route(reading_accounts.tx),
    ("GET", _API + "accountTxs"): Route(reading_accounts.account_txs, Auth.OPTIONAL),
    ("GET", _API + "positionFunding"): Route(reading_funding.position_funding, Auth.OPTIONAL),
    ("GET", _API + "pnl"): Route(reading_funding.pnl, Auth.OPTIONAL),
    ("GET", _API + "liquidations"): Route(reading_funding.liquidations, Auth.REQUIRED),
    ("GET", _API + "feeTiers"): Route(reading_tiers.fee_tiers),
    ("GET", _API + "transferFeeInfo"): Route(reading_tiers.transfer_fee_info, Auth.REQUIRED),
    ("GET", _API + "withdrawalDelay"): Route(reading_tiers.withdrawal_delay),
    ("GET", _API + "layer1BasicInfo"): Route(reading_tiers.layer1_basic_info),
    ("GET", _API + "getMakerOnlyApiKeys"): Route(reading_tiers.maker_only_api_keys, Auth.REQUIRED),
    ("POST", _API + "setMakerOnlyApiKeys"): Route(
        reading_tiers.set_maker_only_api_keys, Auth.REQUIRED
    ),
    ("POST", _API + "changeAccountTier"): Route(reading_tiers.change_account_tier, Auth.OPTIONAL),
    ("POST", _API + "sendTx"): Submission.SINGLE,
    ("POST", _API + "sendTxBatch"): Submission.BATCH,
}


def endpoints() -> frozenset[str]:
    """Every endpoint by its short name: the path after the API's prefix."""
    return frozenset(endpoint_of(path) for _, path in _ROUTES)


def endpoint_of(path: str) -> str:
    """`nextNonce` of `/api/v1/nextNonce`; `status` is `/`, `stream` the WebSocket."""
    return path.removeprefix(_API).strip("/") or "status"


def find_route(method: str, path: str) -> Route | Submission | None:
    return _ROUTES.get((method, path))


def answer_read(route: Route, read: Read) -> RestAnswer:
    """What a read comes to, refusals and bad parameters included."""
    if route.auth is Auth.REQUIRED and read.claim is None:
        return refused(auth_required("authorization"))
    try:
        answer = route.read(read)
    except BadParameterError as error:
        return refused(Refusal(code=INVALID_PARAM, message=str(error)))
    return refused(answer) if isinstance(answer, Refusal) else answered(answer)


def answered(body: Mapping[str, Any]) -> RestAnswer:
    return RestAnswer(status=200, body=orjson.dumps(body))


def refused(refusal: Refusal) -> RestAnswer:
    """The code and text that the SDK's nonce recovery looks for; 429 past a limit (protocol §2)."""
    body = orjson.dumps({"code": refusal.code, "message": refusal.message})
    return RestAnswer(status=429 if refusal.code == TOO_MANY_REQUESTS else 400, body=body)


NOT_FOUND = RestAnswer(status=404, body=orjson.dumps({"code": 29_404, "message": "not found"}))
TOO_LARGE = RestAnswer(
    status=413,
    body=orjson.dumps({"code": INVALID_PARAM, "message": "invalid param: request body"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One transaction to send."""

    tx_type: int
    tx_info: str | Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a form or a frame asks to send."""

    entries: tuple[Entry, ...]
    is_batch: bool
    price_protection: bool = True


def read_sending(form: Mapping[str, str], submission: Submission) -> Sending | Refusal:
    """`tx_type`, `tx_info`; or JSON arrays `tx_types`, `tx_infos` (protocol §3.8, §3.9)."""
    parameters = Parameters(form)
    try:
        protection = parameters.truth("price_protection", default=True)
        if submission is Submission.BATCH:
            types, infos = parameters.text("tx_types"), parameters.text("tx_infos")
            return read_batch(types, infos, price_protection=protection)
        entry = Entry(
            tx_type=parameters.whole("tx_type", high=255), tx_info=parameters.text("tx_info")
        )
    except BadParameterError as error:
        return Refusal(code=INVALID_PARAM, message=str(error))
    return Sending(entries=(entry,), is_batch=False, price_protection=protection)


def read_batch(types: object, infos: object, *, price_protection: bool = True) -> Sending | Refusal:
    """Two JSON arrays of equal length: whole numbers, and JSON texts."""
    kinds, texts = _array(types), _array(infos)
    if kinds is None or not all(type(kind) is int for kind in kinds):
        return Refusal(code=INVALID_PARAM, message="invalid param: tx_types")
    if texts is None or not all(isinstance(text, str) for text in texts):
        return Refusal(code=INVALID_PARAM, message="invalid param: tx_infos")
    if len(kinds) != len(texts):
        message = "TxInfos and TxTypes should have the same length"
        return Refusal(code=21_513, message=message)
    if not kinds:
        return Refusal(code=INVALID_TX_INFO, message="invalid tx info")
    entries = tuple(
        Entry(tx_type=kind, tx_info=text) for kind, text in zip(kinds, texts, strict=True)
    )
    return Sending(entries=entries, is_batch=True, price_protection=price_protection)


def _array(text: object) -> list[Any] | None:
    if not isinstance(text, str):
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, list) else None
