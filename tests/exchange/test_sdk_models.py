"""Every answer and every channel payload passes the SDK's own models, strictly: no coercion.

The SDK never validates (protocol §2); code generated from the same schema elsewhere does. With
`complete_fields` on, nothing that a model requires is left out.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pytest

from hedgepair_runner.venues.paper import rest
from hedgepair_runner.venues.paper.channels import Kind
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.exchange.booth import KEY, Booth, Json, batch_form, tx_frame
from tests.exchange.watching import read

with warnings.catch_warnings():
    legacy = "websockets.(legacy|client.connect) is deprecated"
    warnings.filterwarnings("ignore", legacy, DeprecationWarning)
    # Untyped on purpose: the SDK's package exports nothing by name.
    models: Any = importlib.import_module("lighter").models

TOUCH = 236_131
API = "/api/v1/"
SPAN = "start_timestamp=1&end_timestamp=2000000000000&count_back=10"
MINE = "account_index=1"
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def booth() -> Booth:
    """Trades, a resting, a cancelled and a filled order; funding was paid, and account 4 broke."""
    booth = Booth(
        exchange=ExchangeSettings(
            same_l1=frozenset({frozenset({1, 3})}),
            tier_of_account={1: "premium"},
            price_band_bps=None,
        ),
        complete_fields=True,
        messages_per_minute=10**6,
        idle_close_us=10**15,
    )
    ioc = TimeInForce.IOC
    booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, client_order_index=11))
    booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, lots=300, time_in_force=ioc))
    booth.send(booth.cancel(1, 11))
    _break(booth, 4)
    booth.pass_ms(HOUR_MS)
    mark = booth.exchange.mark_price_ticks(0)
    booth.send(booth.create(1, is_ask=False, price_ticks=mark * 9 // 10, client_order_index=12))
    booth.send(booth.create(1, is_ask=True, price_ticks=mark * 11 // 10))
    return booth


def _break(booth: Booth, account: int) -> None:
    """Buys for all its money, then the price falls."""
    booth.rest_order(9, is_ask=True, price_ticks=TOUCH + 90, lots=8_000_000)
    booth.rest_order(9, is_ask=False, price_ticks=TOUCH * 93 // 100, lots=9_000_000)
    booth.send(booth.create(account, is_ask=False, price_ticks=TOUCH + 90, lots=8_000_000))
    booth.exchange.set_index_price(0, TOUCH * 94 // 100, now_us=booth.clock.us)
    booth.pass_ms(5_000)


READS = {
    "/": "Status",
    "/info": "ZkLighterInfo",
    "systemConfig": "SystemConfig",
    "orderBooks": "OrderBooks",
    "orderBookDetails": "OrderBookDetails",
    "orderBookOrders?market_id=0&limit=5": "OrderBookOrders",
    "recentTrades?market_id=0&limit=5": "Trades",
    f"trades?sort_by=trade_id&limit=1&{MINE}": "Trades",
    f"candles?market_id=0&resolution=1m&{SPAN}": "Candles",
    f"fundings?market_id=0&resolution=1h&{SPAN}": "Fundings",
    "funding-rates": "FundingRates",
    "exchangeStats": "ExchangeStats",
    "currentHeight": "CurrentHeight",
    "account?by=index&value=1": "DetailedAccounts",
    "accountsByL1Address?l1_address=@": "SubAccounts",
    f"accountLimits?{MINE}": "AccountLimits",
    f"apikeys?{MINE}&api_key_index=255": "AccountApiKeys",
    f"nextNonce?{MINE}&api_key_index=4": "NextNonce",
    f"accountActiveOrders?{MINE}&market_id=0": "Orders",
    f"accountInactiveOrders?{MINE}&limit=1": "Orders",
    "accountOrders?client_order_indexes=11,12": "Orders",
    "tx?by=hash&value=@": "EnrichedTx",
    "accountTxs?by=account_index&value=1&limit=5": "Txs",
    f"positionFunding?{MINE}&limit=5": "PositionFundings",
    f"pnl?by=index&value=1&resolution=1h&{SPAN}": "AccountPnL",
    "liquidations?account_index=4&limit=5": "LiquidationInfos",
    "feeTiers": "FeeTiers",
    f"transferFeeInfo?{MINE}": "TransferFeeInfo",
    "withdrawalDelay": "RespWithdrawalDelay",
    "layer1BasicInfo": "Layer1BasicInfo",
    f"getMakerOnlyApiKeys?{MINE}": "RespGetMakerOnlyApiKeys",
}
NOTHING_TO_LIST = {
    # No spot markets, no chain below, no restricted keys.
    "orderBookDetails": {"spot_order_book_details"},
    "layer1BasicInfo": {"l1_providers", "validator_info", "contract_addresses"},
    f"getMakerOnlyApiKeys?{MINE}": {"api_key_indexes"},
    "feeTiers": {"bo_tiers", "staking_tiers"},
}
POSTS = {
    "sendTx": "RespSendTx",
    "sendTxBatch": "RespSendTxBatch",
    "changeAccountTier": "RespChangeAccountTier",
    "setMakerOnlyApiKeys": "RespSetMakerOnlyApiKeys",
}


def check(model: str, value: object) -> None:
    getattr(models, model).model_validate(value, strict=True)


def fill_in(booth: Booth, path: str) -> str:
    """`@` stands for what only this venue knows."""
    if path.startswith("tx?"):
        txs = read(booth, API + "accountTxs?by=account_index&value=1&limit=1")["txs"]
        return path.replace("@", txs[0]["hash"])
    account = read(booth, API + "account?by=index&value=1")["accounts"][0]
    return path.replace("@", account["l1_address"])


@pytest.mark.parametrize(("path", "model"), READS.items(), ids=lambda text: text.split("?")[0])
def test_a_read_is_what_its_model_says(booth: Booth, path: str, model: str) -> None:
    account = 4 if "account_index=4" in path else 1
    whole = path if path.startswith("/") else API + fill_in(booth, path)

    body = read(booth, whole, booth.token(account))

    check(model, body)
    empty = {name for name, value in body.items() if value == []}
    assert empty <= NOTHING_TO_LIST.get(path, set()), "an empty list proves nothing"


@pytest.mark.parametrize("path", POSTS)
def test_a_post_is_answered_as_its_model_says(path: str) -> None:
    premium = ExchangeSettings(tier_of_account={1: "premium"})
    booth = Booth(exchange=premium, complete_fields=True)
    one = booth.create(1, is_ask=False, price_ticks=TOUCH)
    form = {
        "sendTx": {"tx_type": "14", "tx_info": one.tx_info},
        "sendTxBatch": batch_form([one]),
        "changeAccountTier": {"account_index": "1", "new_tier": "standard"},
        "setMakerOnlyApiKeys": {"account_index": "1", "api_key_indexes": "[5]"},
    }[path]

    status, body = booth.request(API + path, method="POST", form=form, auth=booth.token(1))

    assert status == 200, body
    check(POSTS[path], body)


def test_the_tables_hold_every_path_of_the_api() -> None:
    gets = {path.split("?")[0] for path in READS}
    told = {("GET", path if path.startswith("/") else API + path) for path in gets}
    told |= {("POST", API + path) for path in POSTS}

    assert set(rest._ROUTES) == told


@pytest.mark.parametrize(
    ("status", "path"),
    [(404, "nothing"), (400, "orderBookOrders"), (400, "accountLimits?account_index=1")],
)
def test_a_refusal_is_a_result_code(booth: Booth, status: int, path: str) -> None:
    answer = booth.request(API + path)

    assert answer[0] == status
    check("ResultCode", answer[1])


# -- what channels carry --


class Feed:
    """All frames of account 1, of its market and of the broken account, snapshots included."""

    def __init__(self) -> None:
        self.booth = Booth(
            exchange=ExchangeSettings(price_band_bps=None),
            complete_fields=True,
            messages_per_minute=10**6,
            idle_close_us=10**15,
            statistics_every_us=600_000_000,
        )
        line = self.booth.line()
        self.frames: list[Json] = []
        ioc = TimeInForce.IOC
        booth = self.booth
        booth.send(booth.create(1, is_ask=False, price_ticks=TOUCH, client_order_index=11))
        booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, lots=100, time_in_force=ioc))
        for account in (1, 4):
            for kind in Kind:
                self.frames += line.say(_subscription(kind, account, booth.token(account)))
        booth.send(booth.create(2, is_ask=True, price_ticks=TOUCH, lots=100, time_in_force=ioc))
        _break(booth, 4)
        booth.pass_ms(HOUR_MS)
        self.frames += line.take()

    def of(self, kind: Kind) -> list[Json]:
        return [frame for frame in self.frames if frame.get("type", "").endswith(f"/{kind.value}")]


def _subscription(kind: Kind, account: int, token: str) -> Json:
    parts = {
        Kind.CANDLE: ["0", "1m"],
        Kind.HEIGHT: [],
        Kind.ACCOUNT_MARKET: ["0", str(account)],
        Kind.ACCOUNT_ORDERS: ["0", str(account)],
        **{each: ["0"] for each in (Kind.ORDER_BOOK, Kind.TICKER, Kind.TRADE, Kind.MARKET_STATS)},
    }.get(kind, [str(account)])
    return {"type": "subscribe", "channel": "/".join([kind.value, *parts]), "auth": token}


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed()


def _each(frames: list[Json], name: str) -> list[Json]:
    """The objects under a name, whether listed, by market, or alone."""
    found: list[Json] = []
    for frame in frames:
        value = frame.get(name)
        if isinstance(value, dict) and all(key.isdigit() for key in value):
            for each in value.values():
                found += each if isinstance(each, list) else [each]
        elif value is not None:
            found += value if isinstance(value, list) else [value]
    return found


@pytest.mark.parametrize(
    ("kind", "name", "model"),
    [
        (Kind.ACCOUNT_ALL_ORDERS, "orders", "Order"),
        (Kind.ACCOUNT_ORDERS, "orders", "Order"),
        (Kind.ACCOUNT_MARKET, "orders", "Order"),
        (Kind.ACCOUNT_MARKET, "position", "AccountPosition"),
        (Kind.ACCOUNT_MARKET, "trades", "Trade"),
        (Kind.ACCOUNT_ALL_TRADES, "trades", "Trade"),
        (Kind.TRADE, "trades", "Trade"),
        (Kind.ACCOUNT_ALL, "trades", "Trade"),
        (Kind.ACCOUNT_ALL, "positions", "AccountPosition"),
        (Kind.ACCOUNT_ALL, "assets", "AccountAsset"),
        (Kind.ACCOUNT_ALL, "funding_histories", "PositionFunding"),
        (Kind.ACCOUNT_ALL_POSITIONS, "positions", "AccountPosition"),
        (Kind.ACCOUNT_ALL_ASSETS, "assets", "AccountAsset"),
        (Kind.ACCOUNT_TX, "txs", "Tx"),
        (Kind.CANDLE, "candles", "Candle"),
    ],
    ids=lambda value: str(value),
)
def test_what_a_channel_carries_is_what_the_model_says(
    feed: Feed, kind: Kind, name: str, model: str
) -> None:
    objects = _each(feed.of(kind), name)

    assert objects, "an empty list proves nothing"
    for each in objects:
        check(model, each)


PUBLISHED = {
    Kind.ORDER_BOOK: {"order_book", "offset", "last_updated_at"},
    Kind.TICKER: {"ticker", "nonce", "last_updated_at"},
    Kind.MARKET_STATS: {"market_stats"},
    Kind.HEIGHT: {"height"},
    Kind.USER_STATS: {"stats"},
    Kind.NOTIFICATION: {"notifs"},
}
"""Channels whose payload has no model: what protocol §6.5 shows of them."""


@pytest.mark.parametrize("kind", PUBLISHED)
def test_a_channel_without_a_model_carries_what_was_recorded(feed: Feed, kind: Kind) -> None:
    frames = feed.of(kind)

    assert frames
    for frame in frames:
        assert PUBLISHED[kind] <= set(frame), frame


def test_the_answer_over_a_socket_has_the_receipts_fields(feed: Feed) -> None:
    line = feed.booth.line()
    [answer] = line.say(tx_frame(feed.booth.create(1, is_ask=False, price_ticks=TOUCH - 9), "x"))

    check("RespSendTx", answer)
    assert (answer["id"], KEY) == ("x", 4)
