"""Every error code of protocol Appendix B: how this venue comes to answer it, or why it never does.

A REST answer carries the HTTP status beside the code, a frame has none (status 0). Codes of one
transaction that only the engine can tell are under `ae` in its verdict and not listed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from hedgepair_runner.venues.paper.gateway_settings import Checking
from hedgepair_runner.venues.paper.records import OrderType
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import (
    CancelAllTimeInForce,
    CreateOrder,
    MarginDirection,
    MarginMode,
    Transaction,
)
from hedgepair_runner.venues.paper.verifier import VerifierUnavailable
from tests.exchange.booth import KEY, Booth, batch_form
from tests.exchange.wire import (
    LIMITS,
    LOTS,
    ME,
    OTHER,
    PRICE,
    Told,
    batch_of,
    cancel,
    cancel_all,
    frame,
    get,
    leverage,
    margin,
    modify,
    order,
    post,
    send,
    stop,
    subscribe,
    told,
)

# -- longer stories --


def holding(lots: int = 10_000, *, mode: MarginMode | None = None) -> Booth:
    """ME is long, OTHER is short."""
    booth = Booth()
    if mode is not None:
        assert post(booth, leverage(booth, mode=mode))[0] == 200
    for who, is_ask in ((OTHER, True), (ME, False)):
        tx = order(booth, who, is_ask=is_ask, base_lots=lots, price_ticks=PRICE)
        assert post(booth, tx)[0] == 200
    return booth


def at_mark(mark: int) -> Booth:
    """ME has lost so much that its health suffers, and liquidation has not begun to act."""
    booth = holding(LOTS)
    booth.exchange.set_index_price(0, mark, now_us=booth.clock.us)
    return booth


def pre_liquidation() -> Told:
    booth = at_mark(227_000)
    return post(booth, order(booth, base_lots=100, price_ticks=227_000))


def in_liquidation() -> Told:
    booth = at_mark(225_800)
    return post(booth, cancel_all(booth, CancelAllTimeInForce.IMMEDIATE))


def moved_margin(usdc: int, direction: MarginDirection) -> Callable[[], Told]:
    def act() -> Told:
        booth = holding(mode=MarginMode.ISOLATED)
        booth.exchange.set_index_price(0, PRICE + 5_000, now_us=booth.clock.us)
        return post(booth, margin(booth, usdc, direction))

    return act


def wrong_signature() -> Told:
    class NeverRight:
        async def verify(self, tx_hash: bytes, *, signature: bytes, public_key: bytes) -> bool:
            return False

    booth = Booth(checking=Checking.STRICT, verifier=NeverRight())
    return post(booth, order(booth))


def no_verifier() -> Told:
    class Broken:
        async def verify(self, tx_hash: bytes, *, signature: bytes, public_key: bytes) -> bool:
            raise VerifierUnavailable("no workers")

    booth = Booth(checking=Checking.STRICT, verifier=Broken())
    return post(booth, order(booth))


def uneven_batch() -> Told:
    booth = Booth()
    form = batch_form([booth.sign(order(booth))]) | {"tx_types": "[14, 14]"}
    return told(booth.request("/api/v1/sendTxBatch", method="POST", form=form))


def switch_is_due() -> Told:
    booth = Booth()
    at_ms = booth.now_ms + 360_000
    post(booth, cancel_all(booth, CancelAllTimeInForce.SCHEDULED, at_ms))
    booth.clock.us = at_ms * 1_000
    return post(booth, order(booth))


def two_schedules() -> Told:
    booth = Booth()
    for minutes in (6, 7):
        at_ms = booth.now_ms + minutes * 60_000
        answer = post(booth, cancel_all(booth, CancelAllTimeInForce.SCHEDULED, at_ms))
    return answer


def again(*makes: Callable[[Booth], Transaction]) -> Callable[[], Told]:
    """The answer to the last one, with limits of one or two of everything."""

    def act() -> Told:
        booth = Booth(exchange=LIMITS)
        for make in makes:
            answer = post(booth, make(booth))
        return answer

    return act


def queue_is_full() -> Told:
    booth = Booth(exchange=replace(LIMITS, default_tier="standard"))
    post(booth, order(booth))
    return post(booth, order(booth))


def on_resting(act_on: Callable[[Booth, int], Transaction], owner: int = ME) -> Callable[[], Told]:
    def act() -> Told:
        booth = Booth()
        post(booth, order(booth, owner))
        return post(booth, act_on(booth, booth.exchange.active_orders(owner)[0].order_index))

    return act


def overtaken() -> Told:
    booth = Booth()
    post(booth, order(booth))
    index = booth.exchange.active_orders(ME)[0].order_index
    post(booth, modify(booth, index, version=9))
    return post(booth, modify(booth, index, version=8))


def locked_mode() -> Told:
    booth = holding()
    return post(booth, leverage(booth, mode=MarginMode.ISOLATED))


def no_position() -> Told:
    booth = Booth()
    post(booth, leverage(booth, mode=MarginMode.ISOLATED))
    return post(booth, margin(booth, 1, MarginDirection.ADD))


def halted() -> Told:
    booth = Booth()
    booth.exchange.set_market_status(0, "inactive")
    return post(booth, order(booth))


def far_through() -> Told:
    booth = Booth()
    post(booth, order(booth, OTHER, is_ask=True, price_ticks=PRICE))
    return post(booth, order(booth, price_ticks=PRICE * 106 // 100))


def increases() -> Told:
    booth = holding()
    return post(booth, order(booth, reduce_only=True))


def set_makers(keys: str, tier: str = "premium", times: int = 1) -> Callable[[], Told]:
    def act() -> Told:
        booth = Booth(exchange=ExchangeSettings(default_tier=tier))
        form = {"account_index": str(ME), "api_key_indexes": keys}
        for _ in range(times):
            answer = told(
                booth.request(
                    "/api/v1/setMakerOnlyApiKeys", method="POST", form=form, auth=booth.token(ME)
                )
            )
        return answer

    return act


def taking_with_a_maker_key() -> Told:
    booth = Booth(exchange=ExchangeSettings(default_tier="premium"))
    booth.exchange.set_maker_only_keys(ME, {KEY}, now_us=booth.clock.us)
    return post(booth, order(booth))


def tier(*names: str, before: Callable[[Booth], object] | None = None) -> Callable[[], Told]:
    def act() -> Told:
        booth = Booth()
        if before is not None:
            before(booth)
        for name in names:
            form = {"account_index": str(ME), "new_tier": name}
            answer = told(
                booth.request(
                    "/api/v1/changeAccountTier", method="POST", form=form, auth=booth.token(ME)
                )
            )
        return answer

    return act


def tier_while_holding() -> Told:
    booth = holding()
    form = {"account_index": str(ME), "new_tier": "premium"}
    path = "/api/v1/changeAccountTier"
    return told(booth.request(path, method="POST", form=form, auth=booth.token(ME)))


def market_order(booth: Booth) -> CreateOrder:
    return order(booth, order_type=OrderType.MARKET)


SPAN = "&count_back=1&start_timestamp="
PRODUCED: Mapping[int, tuple[int, Callable[[], Told]]] = {
    20001: (400, lambda: get("account?by=index")),
    21100: (400, lambda: get("account?by=index&value=0")),
    21102: (400, send(order, AccountIndex=-1)),
    21104: (400, send(lambda booth: replace(order(booth), nonce=9))),
    21105: (400, batch_of({})),
    21109: (400, lambda: get(f"apikeys?account_index={ME}&api_key_index=0")),
    21110: (400, set_makers("[3]")),
    21111: (400, pre_liquidation),
    21112: (400, in_liquidation),
    21113: (400, send(lambda booth: leverage(booth, 199))),
    21120: (400, wrong_signature),
    21121: (400, batch_of({"api_key_index": 5})),
    21122: (400, switch_is_due),
    21123: (400, set_makers("[4]", "none")),
    21132: (400, locked_mode),
    21301: (400, moved_margin(100_000, MarginDirection.ADD)),
    21500: (400, lambda: get("tx?by=hash&value=" + "0" * 80)),
    21501: (400, send(order, BaseAmount="100")),
    21505: (400, send(order, tx_type=28)),
    21506: (400, queue_is_full),
    21507: (400, moved_margin(155, MarginDirection.REMOVE)),
    21508: (400, moved_margin(60, MarginDirection.REMOVE)),
    21513: (400, uneven_batch),
    21514: (400, batch_of(*({"nonce": n} for n in range(2, 52)))),
    21515: (400, taking_with_a_maker_key),
    21602: (400, send(lambda booth: order(booth, market_id=77))),
    21605: (400, halted),
    21613: (400, send(lambda booth: margin(booth, 1, MarginDirection.ADD))),
    21614: (400, no_position),
    21615: (400, send(lambda booth: margin(booth, 1, MarginDirection.ADD), Direction=2)),
    21700: (400, send(lambda booth: cancel(booth, 0))),
    21701: (400, send(lambda booth: order(booth, base_lots=0))),
    21702: (400, send(lambda booth: order(booth, price_ticks=0))),
    21703: (400, send(order, IsAsk=2)),
    21704: (400, send(order, Type=9)),
    21705: (400, send(market_order)),
    21706: (400, send(lambda booth: order(booth, base_lots=49))),
    21707: (400, on_resting(cancel, OTHER)),
    21710: (400, send(lambda booth: order(booth, order_type=OrderType.TWAP))),
    21711: (400, send(lambda booth: order(booth, expiry_ms=booth.now_ms))),
    21712: (400, two_schedules),
    21713: (400, send(lambda b: cancel_all(b, CancelAllTimeInForce.ABORT), TimeInForce=3)),
    21714: (400, send(lambda b: cancel_all(b, CancelAllTimeInForce.SCHEDULED, b.now_ms))),
    21715: (400, send(lambda booth: cancel(booth, 7))),
    21717: (
        400,
        again(order, lambda booth: order(booth, market_id=1, price_ticks=643_515), order),
    ),
    21718: (400, again(order, order)),
    21719: (
        400,
        again(
            stop,
            lambda booth: stop(booth, market_id=1, is_ask=True),
            lambda booth: stop(booth, market_id=1, is_ask=True),
        ),
    ),
    21720: (400, again(stop, stop)),
    21727: (400, send(order, ClientOrderIndex=1 << 48)),
    21728: (400, again(*[lambda booth: order(booth, client_order_index=1)] * 2)),
    21729: (400, send(lambda booth: stop(booth, trigger_price_ticks=0))),
    21732: (400, increases),
    21733: (400, far_through),
    21734: (400, send(lambda booth: order(booth, price_ticks=PRICE * 111 // 100))),
    21735: (400, send(lambda booth: stop(booth, price_ticks=PRICE * 2))),
    21738: (400, send(lambda booth: order(booth, reduce_only=True))),
    21739: (400, send(lambda booth: order(booth, base_lots=10_000_000, price_ticks=PRICE))),
    21740: (400, send(order, ReduceOnly=2)),
    21743: (400, overtaken),
    22400: (400, lambda: get(f"candles?market_id=0&resolution=1m{SPAN}2&end_timestamp=1")),
    22401: (
        400,
        lambda: get(f"candles?market_id=0&resolution=1m{SPAN}1&end_timestamp=9{'9' * 14}"),
    ),
    22402: (400, lambda: get(f"candles?market_id=0&resolution=2m{SPAN}1&end_timestamp=2")),
    23000: (429, set_makers("[4]", times=2)),
    23001: (0, subscribe("height", "trade/0", subscriptions_per_connection=1)),
    23002: (0, subscribe("account_all/5", "account_all/6", accounts_per_connection=1)),
    29404: (404, lambda: get("nothing")),
    29500: (400, no_verifier),
    30000: (0, frame("{")),
    30001: (0, frame({"type": "shout"})),
    30002: (0, frame({"type": "unsubscribe", "channel": "height"})),
    30003: (0, subscribe("height", "height")),
    30005: (0, subscribe("order_book/77")),
    30007: (0, frame({"type": "jsonapi/sendtx", "data": 1})),
    30009: (0, subscribe("height", "trade/0", messages_per_minute=1)),
    30010: (0, subscribe("height", messages_in_flight=0)),
    62002: (400, tier("gold")),
    62003: (400, tier("standard")),
    62004: (400, tier_while_holding),
    62005: (400, tier("premium", before=lambda booth: post(booth, order(booth)))),
    62006: (400, tier("premium", "standard")),
}

NEVER: Mapping[str, frozenset[int]] = {
    "keys are functions of the seed: none is registered, changed or missing": frozenset(
        {21101, 21106, 21107, 21108, 21126, 21136}
    ),
    "L1 addresses are functions of the seed and are not signed with": frozenset({21103, 21504}),
    "there are no spot markets, assets, transfers or withdrawals": frozenset(
        {21135, 21304, 21305, 21616, 21618, 21619, 23004}
    ),
    "risk parameters, fees and markets are set by the operator, not by transactions": frozenset(
        {21133, 21134, 21606, 21617}
    ),
    "told by a plainer code: 21715, whether the order never was, has ended or is no limit order": (
        frozenset({21600, 21708, 21709, 21730, 21731, 21736, 21737})
    ),
    "the book and the API server have no such limit or failure": frozenset(
        {21502, 21503, 21601, 22403, 29501, 30004, 30011, 30012}
    ),
    "sizes below the minimum are 21706": frozenset({21603}),
    "a transaction type that accounts may not send is 21505 or 21515": frozenset({21511}),
    "liquidation, deleverage and expiry are the engine's own steps and cannot be asked for": (
        frozenset({21716, 21723, 21724, 21725, 21726, 21901, 21902, 21903, 21904, 21905, 21906})
    ),
    "TWAP orders are 21710, grouped orders 21505": frozenset({21721, 21722, 21741, 21742}),
    "there are no pools, requests for quotes or account types to be wrong": frozenset(
        {30006, 30008}
    ),
    "API tokens are not issued; auth tokens are signed by keys": frozenset(range(61001, 61010)),
    "a tier changes at once": frozenset({62001}),
    "integrators are not approved or refused": frozenset({21149}),
    "a connection too many is refused before it is a session: HTTP 429 at the handshake": frozenset(
        {23003}
    ),
}

PUBLISHED = frozenset(
    {20001, 21149, 29404, 29500, 29501}
    | {*range(21100, 21114), 21120, 21121, 21122, 21123, 21126, *range(21132, 21137)}
    | {21301, 21304, 21305, *range(21500, 21509), 21511, 21513, 21514, 21515}
    | {21600, 21601, 21602, 21603, 21605, 21606, *range(21613, 21620)}
    | {*range(21700, 21744), *range(21901, 21907), *range(22400, 22404)}
    | {*range(23000, 23005), *range(30000, 30013), *range(61001, 61010), *range(62001, 62007)}
)
"""Appendix B: trading, account, limit and WebSocket groups, and two codes seen unpublished."""


@pytest.mark.parametrize("code", PRODUCED, ids=str)
def test_the_venue_answers_it(code: int) -> None:
    status, act = PRODUCED[code]
    assert act() == (status, code)


def test_every_published_code_is_answered_or_explained() -> None:
    explained = frozenset().union(*NEVER.values())
    assert not explained & set(PRODUCED)
    assert sum(map(len, NEVER.values())) == len(explained), "one reason each"
    assert explained | set(PRODUCED) == PUBLISHED
