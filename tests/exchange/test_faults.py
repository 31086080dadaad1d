"""Every fault knob of protocol §9 by its name, and the rules by which faults happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.fates import Loss, treatment_of
from hedgepair_runner.venues.paper.fault_files import read_fault, read_scenario, write_fault
from hedgepair_runner.venues.paper.fault_rules import (
    KINDS,
    BadFaultError,
    FaultKind,
    FaultRule,
    Group,
    Occasion,
)
from hedgepair_runner.venues.paper.faulting import FaultBook, FaultState
from hedgepair_runner.venues.paper.recording import RecordedExchange
from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.rest import RestAnswer, RestRequest
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.signing import SignedTransaction
from hedgepair_runner.venues.paper.transactions import CreateOrder
from hedgepair_runner.venues.paper.treatments import UNTREATED
from tests.exchange.booth import (
    BOTH_ETH_AND_BTC,
    KEY,
    START_US,
    Booth,
    Json,
    Line,
    batch_form,
    tx_frame,
)

SENDTX = {"endpoint": "sendTx"}


def arm(booth: Booth, kind: str, **rule: Any) -> int:
    return booth.gateway.troubles.arm(read_fault({"kind": kind, **rule})).fault_id


def post(booth: Booth, tx: SignedTransaction, *, ip: str = "") -> RestAnswer:
    return asyncio.run(booth.gateway.rest(_request(tx, ip=ip)))


def get(booth: Booth) -> int:
    request = RestRequest(method="GET", path="/api/v1/orderBooks")
    return asyncio.run(booth.gateway.rest(request)).status


def _request(tx: SignedTransaction, *, ip: str = "") -> RestRequest:
    form = {"tx_type": str(tx.tx_type), "tx_info": tx.tx_info}
    return RestRequest(method="POST", path="/api/v1/sendTx", form=form, ip=ip)


def bid(booth: Booth, *, price_ticks: int = 230_000, client_order_index: int = 0) -> Any:
    return booth.create(
        1, is_ask=False, price_ticks=price_ticks, client_order_index=client_order_index
    )


def taker(booth: Booth, *, lots: int = 500) -> SignedTransaction:
    """Account 1 sells at once into what `rest_bid` rests."""
    return booth.create(
        1, is_ask=True, price_ticks=236_000, lots=lots, time_in_force=TimeInForce.IOC
    )


def rest_bid(booth: Booth, *, lots: int = 500) -> None:
    booth.rest_order(2, is_ask=False, price_ticks=236_000, lots=lots)


def nonce(booth: Booth) -> int | None:
    return booth.exchange.next_nonce(1, KEY)


def record(booth: Booth, tx: SignedTransaction) -> tuple[int, str]:
    found = booth.exchange.tx(tx.tx_hash)
    assert found is not None
    return found.status, found.event_info


def watch(booth: Booth, *channels: str) -> Line:
    line = booth.line()
    for channel in channels:
        line.subscribe(channel, booth.token(1))
    line.take()
    return line


# -- of requests --


def answer_under(booth: Booth, kind: str, **rule: Any) -> RestAnswer:
    arm(booth, kind, when=SENDTX, **rule)
    return post(booth, bid(booth))


def a_429_burst() -> None:
    booth = Booth()
    arm(booth, "rate_limited", count=2, when=SENDTX)
    tx = bid(booth)

    assert [post(booth, tx).status for _ in range(3)] == [429, 429, 200]
    assert b"23000" in answer_under(booth, "rate_limited").body


def a_405_for_sixty_seconds() -> None:
    booth = Booth()
    arm(booth, "firewall", when={"endpoint": "sendTx", "account": 1})
    tx = bid(booth)

    assert post(booth, tx).status == 405
    assert post(booth, tx).status == 405
    assert get(booth) == 405
    assert post(booth, tx, ip="10.0.0.9").status == 200
    booth.pass_ms(60_000)
    assert get(booth) == 200


def an_answer_dropped_after_accepting() -> None:
    booth = Booth()
    answer = answer_under(booth, "drop_answer")

    assert answer.loss is Loss.SILENT
    assert nonce(booth) == 2


def an_answer_dropped_with_its_connection() -> None:
    booth = Booth()
    assert answer_under(booth, "drop_answer", cut=True).loss is Loss.CUT
    assert nonce(booth) == 2


def an_answer_dropped_on_a_socket() -> None:
    booth = Booth()
    line = watch(booth, "account_tx/1")
    arm(booth, "drop_answer", when={"endpoint": "sendTx", "transport": "socket"})

    frames = line.say(tx_frame(bid(booth), "a"))
    assert [frame["type"] for frame in frames] == ["update/account_tx"]
    assert line.say(tx_frame(bid(booth), "b"))[0]["id"] == "b"


def a_request_dropped() -> None:
    booth = Booth()
    assert answer_under(booth, "drop_request").loss is Loss.SILENT
    assert nonce(booth) == 1

    line = watch(booth)
    arm(booth, "drop_request", when=SENDTX)
    booth.forget_nonces()
    assert line.say(tx_frame(bid(booth))) == []
    assert nonce(booth) == 1


def an_html_502() -> None:
    booth = Booth()
    answer = answer_under(booth, "bad_gateway")

    assert (answer.status, answer.content_type) == (502, "text/html")
    assert nonce(booth) == 1


def a_refusal_with_a_late_second_copy() -> None:
    booth = Booth()
    arm(booth, "second_copy", delay_ms=3_000, when=SENDTX)
    answer = answer_under(booth, "refuse", code=29500, message="internal server error")

    assert (answer.status, answer.body[:13]) == (400, b'{"code":29500')
    assert nonce(booth) == 1
    booth.pass_ms(3_000)
    assert nonce(booth) == 2


def a_second_copy_of_an_accepted_one() -> None:
    booth = Booth()
    rest_bid(booth, lots=1_000)
    arm(booth, "second_copy", delay_ms=5_000, when=SENDTX)
    assert post(booth, taker(booth)).status == 200
    booth.pass_ms(5_000)

    view = booth.exchange.account(1)
    assert view is not None
    assert view.positions[0].position.size_lots == -500, "its nonce was used: 21104"


def a_slow_request() -> None:
    booth = Booth()
    arm(booth, "slow_request", delay_ms=400, when=SENDTX)
    _, seen = _while_waiting(booth, bid(booth), ms=400)

    assert seen == [1, 2]


def a_slow_answer() -> None:
    booth = Booth()
    arm(booth, "slow_answer", delay_ms=400, when=SENDTX)
    answer, seen = _while_waiting(booth, bid(booth), ms=400)

    assert seen == [2, 2]
    assert answer.status == 200


def _while_waiting(
    booth: Booth, tx: SignedTransaction, *, ms: int
) -> tuple[RestAnswer, list[int | None]]:
    """The answer, and the next nonce before and after that time."""

    async def both() -> tuple[RestAnswer, list[int | None]]:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(booth.gateway.rest(_request(tx)))
            await asyncio.sleep(0)
            booth.pass_ms(ms - 1)
            before = nonce(booth)
            assert not asked.done()
            booth.pass_ms(1)
            answer = await asked
            return answer, [before, nonce(booth)]

    return asyncio.run(both())


def a_slow_frame_holds_up_those_behind_it() -> None:
    booth = Booth()
    line = watch(booth)
    arm(booth, "slow_request", delay_ms=100, when=SENDTX)
    first, second = bid(booth), bid(booth)

    async def send() -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            for name, tx in (("a", first), ("b", second)):
                pending = line.session.begin(orjson.dumps(tx_frame(tx, name)))
                assert pending is not None
                tasks.create_task(pending)
            await asyncio.sleep(0)
            assert line.take() == []
            booth.pass_ms(100)

    asyncio.run(send())
    assert [(frame["id"], frame["code"]) for frame in line.take()] == [("a", 200), ("b", 200)]


def a_socket_closed_1006_in_mid_batch() -> None:
    booth = Booth()
    line = watch(booth)
    arm(booth, "drop_answer", cut=True, when={"endpoint": "sendTxBatch"})
    form = batch_form([bid(booth), bid(booth)])
    frames = line.say({"type": "jsonapi/sendtxbatch", "data": form})

    assert frames == []
    assert line.closed == (1006, "fault")
    assert nonce(booth) == 3

    line = watch(booth)
    arm(booth, "drop_request", cut=True, when={"endpoint": "sendTxBatch"})
    line.say({"type": "jsonapi/sendtxbatch", "data": batch_form([bid(booth)])})
    assert line.closed == (1006, "fault")
    assert nonce(booth) == 3


def sockets_closed_at_a_time() -> None:
    booth = Booth()
    mine, other = watch(booth, "account_tx/1"), watch(booth)
    arm(booth, "close_sockets", at="1s", when={"account": 1})
    booth.pass_ms(999)
    assert mine.closed is None
    booth.pass_ms(1)

    assert [each.closed for each in (mine, other)] == [(1006, "fault"), None]


def a_handshake_refused() -> None:
    booth = Booth()
    arm(booth, "bad_gateway", when={"endpoint": "stream"})

    refused = asyncio.run(booth.gateway.handshake(""))
    assert refused is not None
    assert refused.status == 502
    assert asyncio.run(booth.gateway.handshake("")) is None


# -- of transactions --


def an_engine_failure_that_consumes_the_nonce() -> None:
    booth = Booth()
    arm(booth, "engine_failure", code=21739)
    tx = bid(booth)

    assert post(booth, tx).status == 200
    assert record(booth, tx) == (0, '{"ae":"21739: not enough margin to create the order"}')
    assert nonce(booth) == 2


def an_engine_failure_that_does_not() -> None:
    booth = Booth()
    arm(booth, "engine_failure", consumes_nonce=False, when={"account": 1, "key": KEY})
    tx = bid(booth)

    assert post(booth, tx).status == 200
    assert record(booth, tx)[0] == 0
    assert nonce(booth) == 1


def an_execution_slower_than_predicted() -> None:
    booth = Booth()
    arm(booth, "slow_execution", delay_ms=700)
    tx, behind = bid(booth), bid(booth)
    receipt = booth.send(tx)
    booth.send(behind)

    assert receipt["predicted_execution_time_ms"] == booth.now_ms
    booth.pass_ms(699)
    assert [record(booth, each)[0] for each in (tx, behind)] == [1, 1]
    booth.pass_ms(1)
    assert [record(booth, each)[0] for each in (tx, behind)] == [2, 2]


@pytest.mark.parametrize(("ratio", "filled"), [("0", 0), ("0.5", 250), ("0.999", 499), ("1", 500)])
def test_an_ioc_order_fills_no_more_than_the_fault_allows(ratio: str, filled: int) -> None:
    booth = Booth()
    rest_bid(booth)
    arm(booth, "ioc_short_fill", fill_ratio=ratio)
    booth.send(bid(booth, price_ticks=220_000))  # no IOC: not its business
    booth.send(taker(booth))

    [order] = booth.exchange.inactive_orders(1).orders
    assert (order.filled_lots, order.status.value) == (
        filled,
        "filled" if filled == 500 else "canceled-not-enough-liquidity",
    )


def an_ioc_not_filled() -> None:
    test_an_ioc_order_fills_no_more_than_the_fault_allows("0", 0)


def an_ioc_filled_in_part() -> None:
    test_an_ioc_order_fills_no_more_than_the_fault_allows("0.5", 250)


def an_invalid_reduce_only_order_silently_dropped() -> None:
    booth = Booth()
    line = watch(booth, "account_all_orders/1", "account_tx/1")
    order = CreateOrder(
        account_index=1,
        api_key_index=KEY,
        nonce=1,
        expired_at_ms=booth.now_ms + 599_000,
        market_id=0,
        client_order_index=9,
        base_lots=500,
        price_ticks=236_000,
        is_ask=True,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        expiry_ms=0,
    )
    tx = booth.sign(order)
    assert post(booth, tx).status == 400
    arm(booth, "hide_reduce_only")

    assert post(booth, tx).status == 200
    assert line.types() == ["update/account_tx"]
    assert record(booth, tx)[0] == 2
    assert booth.exchange.inactive_orders(1).orders == ()
    assert nonce(booth) == 2


def two_clients_on_one_key() -> None:
    booth = Booth()
    tx = bid(booth)
    arm(booth, "other_client", when={"account": 1, "key": KEY})

    assert nonce(booth) == 2
    answer = post(booth, tx)
    assert (answer.status, b"21104" in answer.body) == (400, True)


# -- of frames --


def book_updates(booth: Booth, line: Line, count: int) -> list[Json]:
    """So many changes of the book, each in its own update."""
    for number in range(count):
        booth.rest_order(2, is_ask=False, price_ticks=230_000 + number)
        booth.pass_ms(50)
    return [frame["order_book"] for frame in line.of_type("update/order_book")]


def a_gap_in_the_book() -> None:
    booth = Booth()
    line = watch(booth, "order_book/0")
    arm(booth, "book_gap")
    first, second = book_updates(booth, line, 3)

    assert first["begin_nonce"] > 0, "the first link is missing"
    assert second["begin_nonce"] == first["nonce"]


def a_jump_of_the_offset() -> None:
    booth = Booth()
    line = watch(booth, "order_book/0")
    arm(booth, "offset_jump", jump=500)
    first, second = book_updates(booth, line, 2)

    assert [first["offset"], second["offset"]] == [501, 502]
    assert second["begin_nonce"] == first["nonce"]


def trade_frames(kind: str, **rule: Any) -> list[Json]:
    booth = Booth()
    rest_bid(booth)
    line = watch(booth, "account_all_trades/1", "account_all_orders/1", "account_all_positions/1")
    arm(booth, kind, **rule)
    booth.send(taker(booth))
    booth.pass_ms(1_000)
    return line.take()


def types(frames: list[Json]) -> list[str]:
    return [frame["type"].removeprefix("update/account_all_") for frame in frames]


def a_trade_frame_twice() -> None:
    frames = trade_frames("duplicate_frame", when={"channel": "account_all_trades"})

    assert types(frames) == ["orders", "trades", "trades", "positions"]
    assert frames[1] == frames[2]


def a_frame_lost() -> None:
    frames = trade_frames("drop_frame", when={"channel": "account_all_trades:1"})
    assert types(frames) == ["orders", "positions"]


def frames_reordered_across_channels() -> None:
    frames = trade_frames("reorder_frame", when={"channel": "account_all_trades"})
    assert types(frames) == ["orders", "positions", "trades"]


def a_reordered_frame_that_nothing_follows() -> None:
    frames = trade_frames("reorder_frame", when={"channel": "account_all_positions"})
    assert types(frames) == ["orders", "trades", "positions"]


def late_order_updates() -> None:
    frames = trade_frames("late_orders", delay_ms=300)
    assert types(frames) == ["trades", "positions", "orders"]


def a_trade_snapshot_replayed() -> None:
    frames = trade_frames("replay_trades")

    assert [frame["type"] for frame in frames[1:3]] == [
        "update/account_all_trades",
        "subscribed/account_all_trades",
    ]
    assert frames[1]["trades"] == frames[2]["trades"]


def frames_delayed_in_their_order() -> None:
    booth = Booth()
    line = watch(booth, "account_all_orders/1", "account_tx/1")
    arm(booth, "delay_frame", delay_ms=200, when={"channel": "account_all_orders"})
    booth.send(bid(booth, client_order_index=1))
    booth.pass_ms(100)
    booth.send(bid(booth, client_order_index=2))

    assert set(line.types()) == {"update/account_tx"}
    booth.pass_ms(100)
    indexes = [
        order["client_order_index"] for frame in line.take() for order in frame["orders"]["0"]
    ]
    assert indexes == [1, 2], "the second waits behind the first"


def no_more_pings() -> None:
    booth = Booth(ping_every_us=10_000_000)
    line = watch(booth)
    arm(booth, "stop_pings", **{"for": "35s"})
    booth.pass_ms(30_000)
    assert line.take() == []
    booth.pass_ms(10_000)
    assert line.take() == [{"type": "ping"}]


def no_more_pongs() -> None:
    booth = Booth()
    line = watch(booth)
    number = arm(booth, "stop_pongs")
    assert line.say({"type": "ping"}) == []
    booth.gateway.troubles.disarm(number)
    assert line.say({"type": "ping"}) == [{"type": "pong"}]


# -- by time --


def a_market_that_flips_to_inactive() -> None:
    booth = Booth()
    arm(booth, "market_status", at="1s", when={"market": 0}, **{"for": "2s"})
    booth.pass_ms(1_000)
    answer = post(booth, bid(booth))
    assert b"21605" in answer.body
    assert booth.exchange.markets[1].status == "active"
    booth.pass_ms(2_000)
    booth.forget_nonces()
    assert post(booth, bid(booth)).status == 200


def a_minimum_raised() -> None:
    booth = Booth()
    number = arm(booth, "minimum_raised", min_base="1", when={"market": 0})
    assert booth.exchange.markets[0].min_base_lots == 10_000
    answer = post(booth, bid(booth))
    assert (answer.status, b"21706" in answer.body) == (400, True)
    booth.gateway.troubles.disarm(number)
    booth.forget_nonces()
    assert post(booth, bid(booth)).status == 200


def replica_lag_for_a_while() -> None:
    booth = Booth()
    arm(booth, "replica_lag", low_ms=100, high_ms=200, when={"endpoint": "account"}, **{"for": 1})
    assert booth.gateway.lags.all().keys() == {"account"}
    booth.pass_ms(1_000)
    assert not booth.gateway.lags


SWITCHES: list[tuple[str, object]] = [
    ("refuse_skip_nonce", True),
    ("ioc_dust_refused", True),
    ("skipped_nonces_live", True),
    ("scheduled_cancel_all", "overwrite"),
    ("dead_cancel", "no-effect"),
    ("sendtx_answer", "data"),
]


@pytest.mark.parametrize(("name", "value"), SWITCHES, ids=[name for name, _ in SWITCHES])
def test_an_uncertain_rule_is_the_other_way_for_a_while(name: str, value: object) -> None:
    booth = Booth()
    before = booth.gateway.switch_positions()
    arm(booth, "switch", name=name, value=value, **{"for": "1s"})
    assert booth.gateway.switch_positions() == {**before, name: value}
    booth.pass_ms(1_000)
    assert booth.gateway.switch_positions() == before


def an_uncertain_rule_the_other_way() -> None:
    booth = Booth()
    arm(booth, "switch", name="dead_cancel", value="no-effect")
    assert booth.send(booth.cancel(1, 4711))["code"] == 200


ANSWERS: dict[str, tuple[Json, Json]] = {
    "top-level": (
        {"id": "a", "code": 200},
        {"error": {"code": 21715, "message": "given order is not an active order", "id": "b"}},
    ),
    "data": (
        {"data": {"id": "a", "code": 200}},
        {"error": {"code": 21715, "message": "given order is not an active order", "id": "b"}},
    ),
    "bare": (
        {"code": 200},
        {
            "type": "jsonapi/sendtx",
            "code": 21715,
            "message": "given order is not an active order",
        },
    ),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_answers_on_the_socket_have_the_shape_of_the_switch(shape: str) -> None:
    accepted, refused = ANSWERS[shape]
    booth = Booth()
    booth.gateway.switch("sendtx_answer", shape)
    line = watch(booth)

    [told] = line.say(tx_frame(bid(booth), "a"))
    fields = told.get("data", told)
    shown = {name: fields[name] for name in ("id", "code") if name in fields}
    assert told["type"] == "jsonapi/sendtx"
    assert ({"data": shown} if "data" in told else shown) == accepted
    assert line.say(tx_frame(booth.cancel(1, 4711), "b")) == [refused]


KNOBS: dict[str, tuple[FaultKind, Callable[[], None]]] = {
    "429 bursts": (FaultKind.RATE_LIMITED, a_429_burst),
    "405 for 60 s": (FaultKind.FIREWALL, a_405_for_sixty_seconds),
    "drop the HTTP answer": (FaultKind.DROP_ANSWER, an_answer_dropped_after_accepting),
    "drop it with the connection": (
        FaultKind.DROP_ANSWER,
        an_answer_dropped_with_its_connection,
    ),
    "drop the WebSocket answer": (FaultKind.DROP_ANSWER, an_answer_dropped_on_a_socket),
    "drop the request, timeouts": (FaultKind.DROP_REQUEST, a_request_dropped),
    "slow send": (FaultKind.SLOW_REQUEST, a_slow_request),
    "slow send on a socket": (FaultKind.SLOW_REQUEST, a_slow_frame_holds_up_those_behind_it),
    "slow answer": (FaultKind.SLOW_ANSWER, a_slow_answer),
    "second copy executed late": (FaultKind.SECOND_COPY, a_second_copy_of_an_accepted_one),
    "400 with a late second copy": (FaultKind.REFUSE, a_refusal_with_a_late_second_copy),
    "HTML 502 bodies": (FaultKind.BAD_GATEWAY, an_html_502),
    "handshake refused": (FaultKind.BAD_GATEWAY, a_handshake_refused),
    "accept, then fail; nonce consumed": (
        FaultKind.ENGINE_FAILURE,
        an_engine_failure_that_consumes_the_nonce,
    ),
    "accept, then fail; nonce kept": (FaultKind.ENGINE_FAILURE, an_engine_failure_that_does_not),
    "slow predicted vs. real execution": (
        FaultKind.SLOW_EXECUTION,
        an_execution_slower_than_predicted,
    ),
    "IOC not filled": (FaultKind.IOC_SHORT_FILL, an_ioc_not_filled),
    "IOC filled in part": (FaultKind.IOC_SHORT_FILL, an_ioc_filled_in_part),
    "WS close 1006 mid-batch": (FaultKind.DROP_ANSWER, a_socket_closed_1006_in_mid_batch),
    "WS close at a time": (FaultKind.CLOSE_SOCKETS, sockets_closed_at_a_time),
    "order-book gap": (FaultKind.BOOK_GAP, a_gap_in_the_book),
    "offset jump": (FaultKind.OFFSET_JUMP, a_jump_of_the_offset),
    "duplicate trade frames": (FaultKind.DUPLICATE_FRAME, a_trade_frame_twice),
    "frames lost": (FaultKind.DROP_FRAME, a_frame_lost),
    "frames reordered across channels": (
        FaultKind.REORDER_FRAME,
        frames_reordered_across_channels,
    ),
    "a reordered frame at the end": (
        FaultKind.REORDER_FRAME,
        a_reordered_frame_that_nothing_follows,
    ),
    "frames delayed": (FaultKind.DELAY_FRAME, frames_delayed_in_their_order),
    "subscribed/account_all_trades replay": (
        FaultKind.REPLAY_TRADES,
        a_trade_snapshot_replayed,
    ),
    "late order updates (fill before open)": (FaultKind.LATE_ORDERS, late_order_updates),
    "silent drop of an invalid reduce-only order": (
        FaultKind.HIDE_REDUCE_ONLY,
        an_invalid_reduce_only_order_silently_dropped,
    ),
    "stop sending pings": (FaultKind.STOP_PINGS, no_more_pings),
    "stop answering pings": (FaultKind.STOP_PONGS, no_more_pongs),
    "two clients on one API key": (FaultKind.OTHER_CLIENT, two_clients_on_one_key),
    "market flips to inactive": (FaultKind.MARKET_STATUS, a_market_that_flips_to_inactive),
    "minimum size raised": (FaultKind.MINIMUM_RAISED, a_minimum_raised),
    "an endpoint lags": (FaultKind.REPLICA_LAG, replica_lag_for_a_while),
    "uncertain rules switched": (FaultKind.SWITCH, an_uncertain_rule_the_other_way),
}


@pytest.mark.parametrize("knob", KNOBS)
def test_the_fault_knob(knob: str) -> None:
    _, show = KNOBS[knob]
    show()


def test_every_kind_of_fault_has_its_knob() -> None:
    assert {kind for kind, _ in KNOBS.values()} == set(FaultKind) == set(KINDS)


# -- when a fault happens --

ANYTHING = Occasion(endpoint="sendTx", transport="rest")


def drawn(book: FaultBook, times_us: list[int], occasion: Occasion = ANYTHING) -> list[int]:
    return [us for us in times_us if book.draw(Group.REQUEST, occasion, now_us=us)]


def fault(**rule: Any) -> FaultRule:
    return read_fault({"kind": "rate_limited", **rule})


def book_of(*rules: FaultRule, seed: int = 7) -> FaultBook:
    book = FaultBook(Random(seed))
    for rule in rules:
        book.arm(rule, now_us=0)
    return book


@pytest.mark.parametrize(
    ("rule", "happens_at_s"),
    [
        ({}, [0]),
        ({"count": 2}, [0, 1]),
        ({"count": None}, [0, 1, 2, 3, 4, 5]),
        ({"at": "2s"}, [2]),
        ({"for": "2s"}, [0, 1]),
        ({"at": 1, "for": "3000ms"}, [1, 2, 3]),
        ({"at": 1, "for": 3, "count": 2}, [1, 2]),
    ],
    ids=["once", "twice", "always", "at", "for", "at and for", "at, for and count"],
)
def test_a_fault_happens_at_its_time_and_so_often(
    rule: dict[str, Any], happens_at_s: list[int]
) -> None:
    book = book_of(fault(**rule))
    times = [second * 1_000_000 for second in range(6)]

    assert drawn(book, times) == [second * 1_000_000 for second in happens_at_s]


@pytest.mark.parametrize(
    ("when", "occasion"),
    [
        ({"endpoint": "sendTx"}, Occasion(endpoint="sendTx")),
        ({"transport": "rest"}, Occasion(transport="rest")),
        ({"tx_type": 14}, Occasion(tx_types=frozenset({14, 15}))),
        ({"account": 1}, Occasion(accounts=frozenset({1}))),
        ({"key": 4}, Occasion(keys=frozenset({4}))),
        ({"market": 0}, Occasion(markets=frozenset({0}))),
        ({"ip": "10.0.0.1"}, Occasion(ip="10.0.0.1")),
        ({"channel": "ticker:0"}, Occasion(channel="ticker:0")),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_fault_happens_where_it_is_wanted_and_nowhere_else(
    when: dict[str, Any], occasion: Occasion
) -> None:
    assert drawn(book_of(fault(when=when)), [0], Occasion(endpoint="other")) == []
    assert drawn(book_of(fault(when=when)), [0], occasion) == [0]
    assert drawn(book_of(fault(when={**when, "account": 99})), [0], occasion) == []


def test_chance_is_decided_by_the_seed() -> None:
    rule = fault(probability=0.3)
    times = list(range(1_000))
    first = drawn(book_of(rule, seed=1), times)

    assert first == drawn(book_of(rule, seed=1), times)
    assert first != drawn(book_of(rule, seed=2), times)
    assert 200 < len(first) < 400


def test_what_is_spent_is_shown_as_spent_and_asked_no_more() -> None:
    book = book_of(fault(), fault(at=5))
    drawn(book, [0])

    assert [armed.state(0) for armed in book.all()] == [FaultState.SPENT, FaultState.WAITING]
    assert book.fired == 1
    assert [armed.fault_id for armed in book.in_force()] == [2]


def test_disarming_undoes_and_clearing_undoes_everything() -> None:
    booth = Booth()
    arm(booth, "market_status")
    arm(booth, "minimum_raised", min_quote=99)
    arm(booth, "switch", name="ioc_dust_refused", value=True)
    arm(booth, "rate_limited")
    booth.gateway.keeper.limiter.block("ip", until_us=booth.clock.us + 1)
    rules = booth.exchange.markets[0]
    assert (rules.status, rules.min_quote_micro) == ("inactive", 99_000_000)

    assert booth.gateway.troubles.clear() == 4
    rules = booth.exchange.markets[0]
    assert (rules.status, rules.min_quote_micro) == ("active", 10_000_000)
    assert booth.gateway.switch_positions()["ioc_dust_refused"] is False
    assert booth.gateway.keeper.limiter.blocked(booth.clock.us) == {}
    with pytest.raises(KeyError):
        booth.gateway.troubles.disarm(99)


def test_a_fault_by_time_is_done_when_its_moment_is_over() -> None:
    booth = Booth()
    number = arm(booth, "close_sockets")

    assert booth.gateway.troubles.book.in_force() == []
    assert booth.gateway.troubles.book.all()[number - 1].fired == 1


# -- faults as text --

BAD: list[tuple[object, str]] = [
    ([], "the fault: input should be"),
    ({}, "kind: field required"),
    ({"kind": "gremlins"}, "kind: input should be"),
    ({"kind": "refuse"}, "code: a refuse fault needs it"),
    ({"kind": "refuse", "code": "x"}, "code: input should be a valid integer"),
    ({"kind": "book_gap", "jump": 1}, "jump: a book_gap fault has no such option; it knows"),
    ({"kind": "book_gap", "jmup": 1}, "jmup: there is no such field"),
    ({"kind": "book_gap", "at": "soon"}, "at: must be seconds"),
    ({"kind": "book_gap", "at": -1}, "at: must be seconds"),
    ({"kind": "book_gap", "for": True}, "for: must be seconds"),
    ({"kind": "book_gap", "probability": 0}, "probability: input should be greater than 0"),
    ({"kind": "book_gap", "count": 0}, "count: input should be greater than"),
    ({"kind": "book_gap", "when": {"markt": 0}}, "when.markt: there is no such field"),
    ({"kind": "book_gap", "when": {"transport": "fax"}}, "when.transport: input should be"),
    ({"kind": "ioc_short_fill", "fill_ratio": 1.5}, "fill_ratio: input should be less"),
    ({"kind": "other_client", "when": {"account": 1}}, "when: an other_client fault needs"),
    ({"kind": "minimum_raised"}, "min_base: a minimum_raised fault needs it, or min_quote"),
    ({"kind": "replica_lag", "low_ms": 9, "high_ms": 8}, "low_ms: must not be more"),
]


@pytest.mark.parametrize(("content", "sentence"), BAD, ids=[each[1] for each in BAD])
def test_a_fault_that_cannot_be_followed_is_refused_with_a_sentence(
    content: object, sentence: str
) -> None:
    with pytest.raises(BadFaultError) as refused:
        read_fault(content)
    assert str(refused.value).startswith(sentence)


UNKNOWN: list[tuple[dict[str, Any], str]] = [
    ({"kind": "book_gap", "when": {"market": 77}}, "when.market: there is no market 77"),
    ({"kind": "refuse", "code": 1, "when": {"endpoint": "x"}}, "when.endpoint: there is no 'x'"),
    ({"kind": "drop_frame", "when": {"channel": "x"}}, "when.channel: there is no channel 'x'"),
    ({"kind": "switch", "name": "x", "value": 1}, "value: there is no switch 'x'"),
    ({"kind": "switch", "name": "dead_cancel", "value": 1}, "value: dead_cancel is one of"),
]


@pytest.mark.parametrize(("content", "sentence"), UNKNOWN, ids=[each[1] for each in UNKNOWN])
def test_a_fault_for_what_the_exchange_does_not_have_is_not_armed(
    content: dict[str, Any], sentence: str
) -> None:
    booth = Booth()
    with pytest.raises(BadFaultError) as refused:
        booth.gateway.troubles.arm(read_fault(content))
    assert str(refused.value).startswith(sentence)
    assert booth.gateway.troubles.book.all() == []


def test_a_scenario_is_yaml_or_json() -> None:
    yaml_text = """
    seed: 11
    faults:
      - {kind: rate_limited, at: 5s, for: 10s, probability: 0.5, when: {endpoint: sendTx}}
      - kind: drop_answer
        cut: true
    """
    scenario = read_scenario(yaml_text)

    assert (scenario.seed, [rule.kind.value for rule in scenario.faults]) == (
        "11",
        ["rate_limited", "drop_answer"],
    )
    assert scenario.faults[0].at_us == 5_000_000
    assert (scenario.faults[0].count, scenario.faults[1].count) == (None, 1)
    assert read_scenario('[{"kind": "drop_answer", "cut": true}]').faults == scenario.faults[1:]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not YAML: "),
        ("hello", "a scenario is a list of faults"),
        ("{faults: 3}", "a scenario is a list of faults"),
        ("{faults: [], sede: 3}", "sede: a scenario has seed and faults"),
        ("[{kind: book_gap}, {kind: x}]", "fault 2: kind: "),
    ],
)
def test_a_scenario_that_cannot_be_followed_is_refused_with_a_sentence(
    text: str, sentence: str
) -> None:
    with pytest.raises(BadFaultError) as refused:
        read_scenario(text)
    assert str(refused.value).startswith(sentence)


_NEEDED: dict[str, Any] = {
    "code": 21104,
    "delay_ms": 5,
    "high_ms": 9,
    "name": "dead_cancel",
    "value": "refuse",
}


@given(
    kind=st.sampled_from(FaultKind),
    at_ms=st.integers(0, 10**6),
    lasting_ms=st.none() | st.integers(0, 10**6),
    count=st.none() | st.integers(1, 99),
    account=st.none() | st.integers(0, 99),
)
def test_a_fault_that_is_written_and_read_is_the_same(
    kind: FaultKind, at_ms: int, lasting_ms: int | None, count: int | None, account: int | None
) -> None:
    content: Json = {"kind": kind.value, "at": f"{at_ms}ms", "count": count}
    content |= {name: _NEEDED[name] for name in KINDS[kind].needs}
    content["when"] = {"account": account or 1, "key": 4}
    if kind is FaultKind.MINIMUM_RAISED:
        content["min_base"] = "0.5"
    if lasting_ms is not None:
        content["for"] = f"{lasting_ms}ms"
    rule = read_fault(content)

    assert read_fault(write_fault(rule)) == rule


def test_two_markets_changed_by_two_faults_come_back_one_by_one() -> None:
    booth = Booth(exchange=ExchangeSettings())
    arm(booth, "market_status", when={"market": 0}, **{"for": "1s"})
    arm(booth, "minimum_raised", min_base=5, when={"market": 0}, **{"for": "2s"})
    booth.pass_ms(1_000)
    rules = booth.exchange.markets[0]
    assert (rules.status, rules.min_base_lots) == ("active", 50_000)
    booth.pass_ms(1_000)
    assert booth.exchange.markets[0].min_base_lots == 50


def test_what_faults_change_is_noted_and_done_again_from_the_journal() -> None:
    journal: list[list[Any]] = []

    def fresh() -> RecordedExchange:
        return RecordedExchange(
            chain_id=300,
            seed="booth",
            markets=BOTH_ETH_AND_BTC,
            settings=ExchangeSettings(),
            now_us=START_US,
        )

    first, second = fresh(), fresh()
    first.note = lambda entry: journal.append(orjson.loads(orjson.dumps(entry)))
    treatment = treatment_of(
        [
            read_fault({"kind": "engine_failure", "code": 21739, "consumes_nonce": False}),
            read_fault({"kind": "slow_execution", "delay_ms": 5}),
            read_fault({"kind": "ioc_short_fill", "fill_ratio": "0.3"}),
            read_fault({"kind": "hide_reduce_only"}),
        ]
    )
    first.treat("aa", treatment)
    first.treat("bb", UNTREATED)
    first.treat("bb", None)
    first.switch("dead_cancel", "no-effect")
    first.open_account(70, tier="premium", siblings=[71], now_us=START_US)
    for entry in journal:
        second.repeat(entry)

    assert second._engine.treatments == {"aa": treatment}
    assert second.doors.settings == first.doors.settings
    assert second.doors.owner(70) == first.doors.owner(70)
    assert second.account(70) == first.account(70)
