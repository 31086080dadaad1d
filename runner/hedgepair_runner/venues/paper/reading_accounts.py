"""REST reads of accounts, keys, orders and transactions (protocol §3.4, §3.5, §3.7, §3.10)."""

from __future__ import annotations

from hedgepair_runner.venues.paper import (
    rendering_accounts,
    rendering_orders,
    rendering_txs,
)
from hedgepair_runner.venues.paper.parameters import BadParameterError, read_whole
from hedgepair_runner.venues.paper.reading import Answer, Json, Read, auth_required
from hedgepair_runner.venues.paper.records import Order
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.views import AccountView, Refusal

FIRST_INTEGRATION_KEY = 4
ALL_KEYS = 255
_TX_NOT_FOUND = Refusal(code=21_500, message="transaction not found")


def account(read: Read) -> Answer:
    """By index or by L1 address; public."""
    by = read.parameters.choice("by", frozenset({"index", "l1_address"}))
    views: tuple[AccountView, ...]
    if by == "index":
        view = read.account("value")
        if isinstance(view, Refusal):
            return view
        views = (view,)
    else:
        views = read.exchange.accounts_of(read.parameters.text("value"))
    if not views:
        return refuse(Code.ACCOUNT_NOT_FOUND)
    active_only = read.parameters.truth("active_only", default=False)
    markets = read.exchange.markets
    shown = [
        rendering_accounts.detailed_account(view, markets, active_only=active_only)
        for view in views
    ]
    return {"code": 200, "total": len(shown), "accounts": shown, "next_cursor": ""}


def accounts_by_l1_address(read: Read) -> Answer:
    address = read.parameters.text("l1_address")
    views = read.exchange.accounts_of(address)
    if not views:
        return refuse(Code.ACCOUNT_NOT_FOUND)
    return {
        "code": 200,
        "l1_address": views[0].l1_address,
        "sub_accounts": [rendering_accounts.account(view) for view in views],
    }


def account_limits(read: Read) -> Answer:
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    view = read.account()
    if isinstance(view, Refusal):
        return view
    limits = rendering_accounts.limits(view)
    # A field of ours: who trades here need not live by a tier that nobody enforces.
    return limits if read.settings.limits.is_on else limits | {"request_limits_enforced": False}


def api_keys(read: Read) -> Answer:
    """All integration keys that a client may have, or the one asked for."""
    view = read.account()
    if isinstance(view, Refusal):
        return view
    asked = read.parameters.whole("api_key_index", high=ALL_KEYS, default=ALL_KEYS)
    indexes = [asked]
    if asked == ALL_KEYS:
        listed = range(FIRST_INTEGRATION_KEY, FIRST_INTEGRATION_KEY + read.settings.keys_listed)
        indexes = sorted({*read.exchange.api_keys(view.account_index), *listed})
    keys = [_api_key(read, view, index) for index in indexes]
    known = [key for key in keys if key is not None]
    if not known:
        return refuse(Code.API_KEY_NOT_FOUND)
    return {"code": 200, "api_keys": known}


def _api_key(read: Read, view: AccountView, api_key_index: int) -> Json | None:
    public_key = read.exchange.public_key(view.account_index, api_key_index)
    if public_key is None:
        return None
    return {
        "account_index": view.account_index,
        "api_key_index": api_key_index,
        "nonce": read.exchange.next_nonce(view.account_index, api_key_index) or 0,
        "public_key": public_key,
        "transaction_time": view.created_us,
    }


def next_nonce(read: Read) -> Answer:
    view = read.account()
    if isinstance(view, Refusal):
        return view
    api_key_index = read.parameters.whole("api_key_index", high=ALL_KEYS)
    nonce = read.exchange.next_nonce(view.account_index, api_key_index)
    if nonce is None:
        return refuse(Code.API_KEY_NOT_FOUND)
    return {"code": 200, "nonce": nonce}


def active_orders(read: Read) -> Answer:
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    rules = read.market_or_all()
    found = read.exchange.active_orders(own, rules.market_id if rules else None)
    return _orders(read, found)


def inactive_orders(read: Read) -> Answer:
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    rules = read.market_or_all()
    side = read.parameters.optional_whole("ask_filter", low=-1, high=1)
    start_ms, end_ms = _between(read)
    page = read.exchange.inactive_orders(
        own,
        market_id=rules.market_id if rules else None,
        is_ask=None if side in (None, -1) else side == 1,
        start_ms=start_ms,
        end_ms=end_ms,
        cursor=read.parameters.values.get("cursor", ""),
        limit=read.parameters.whole("limit", low=1, high=100),
    )
    return _orders(read, page.orders, next_cursor=page.next_cursor)


def _between(read: Read) -> tuple[int | None, int | None]:
    """`between_timestamps` is "start-end" in seconds (protocol §12)."""
    text = read.parameters.values.get("between_timestamps")
    if not text:
        return None, None
    start, _, end = text.partition("-")
    start_s, end_s = read_whole(start), read_whole(end)
    if start_s is None or end_s is None or end_s < start_s:
        raise BadParameterError("between_timestamps")
    return start_s * 1_000, end_s * 1_000 + 999


def orders_by_client_index(read: Read) -> Answer:
    """`accountOrders`: the token's account unless another is named, which must be the same."""
    if read.claim is None:
        return auth_required("account_index")
    asked = read.parameters.optional_whole("account_index")
    if asked is not None:
        own = read.own_account()
        if isinstance(own, Refusal):
            return own
    indexes = read.parameters.wholes("client_order_indexes", most=20)
    found = read.exchange.orders_by_client_index(read.claim.account_index, indexes)
    return _orders(read, found)


def _orders(read: Read, found: tuple[Order, ...], *, next_cursor: str = "") -> Answer:
    markets = read.exchange.markets
    answer: Json = {
        "code": 200,
        "orders": [rendering_orders.order(order, markets[order.market_id]) for order in found],
    }
    return answer | ({"next_cursor": next_cursor} if next_cursor else {})


def tx(read: Read) -> Answer:
    by = read.parameters.choice("by", frozenset({"hash", "sequence_index"}))
    if by == "hash":
        record = read.exchange.tx(read.parameters.text("value").removeprefix("0x"))
    else:
        record = read.exchange.tx_by_sequence(read.parameters.whole("value"))
    return _TX_NOT_FOUND if record is None else rendering_txs.enriched_tx(record)


def account_txs(read: Read) -> Answer:
    """Newest first; `index` asks for those before a sequence index."""
    read.parameters.choice("by", frozenset({"account_index"}))
    limit = read.parameters.whole("limit", low=1, high=100)
    view = read.account("value")
    if isinstance(view, Refusal):
        return view
    kinds: frozenset[int] | None = None
    if read.parameters.values.get("types"):
        kinds = frozenset(read.parameters.wholes("types", most=50))
    records = read.exchange.account_txs(
        view.account_index,
        tx_types=kinds,
        before_sequence=read.parameters.optional_whole("index"),
        limit=limit,
    )
    return {"code": 200, "txs": [rendering_txs.tx(record) for record in records]}
