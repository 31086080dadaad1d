"""Cancel-all and the dead man's switch (protocol §7.9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.venues.paper.records import NIL_MARKET, OrderStatus, TimeInForce
from hedgepair_runner.venues.paper.settings import CancelAllRefresh
from hedgepair_runner.venues.paper.transaction_shapes import CancelAllTimeInForce
from tests.exchange.desk import ALICE, BOB, MINUTE_US, PRICE, UNLIMITED, Desk, code_of

IMMEDIATE = CancelAllTimeInForce.IMMEDIATE
SCHEDULED = CancelAllTimeInForce.SCHEDULED
ABORT = CancelAllTimeInForce.ABORT
MINUTE_MS = MINUTE_US // 1_000


def test_an_immediate_one_takes_the_accounts_orders_and_no_others() -> None:
    desk = Desk()
    for market in (0, 1):
        desk.place(ALICE, "sell", 100, market=market)
        desk.place(BOB, "sell", 100, market=market)
    desk.send(desk.cancel_all(ALICE))
    assert desk.exchange.active_orders(ALICE) == ()
    assert len(desk.exchange.active_orders(BOB)) == 2
    ended = desk.exchange.inactive_orders(ALICE).orders
    assert {order.status for order in ended} == {OrderStatus.CANCELED}


def test_it_can_be_for_one_market() -> None:
    desk = Desk()
    for market in (0, 1):
        desk.place(ALICE, "sell", 100, market=market)
    desk.send(desk.cancel_all(ALICE, market=0))
    assert [order.market_id for order in desk.exchange.active_orders(ALICE)] == [1]


def test_a_scheduled_one_fires_at_its_time() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100)
    time_ms = desk.now_ms + 5 * MINUTE_MS
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=time_ms))
    assert desk.account(ALICE).cancel_all_time_ms == time_ms
    assert desk.exchange.next_due_us() == time_ms * 1_000
    desk.wait(5 * MINUTE_US - 1)
    assert desk.order_now(order).status is OrderStatus.OPEN
    desk.wait(1)
    assert desk.order_now(order).status is OrderStatus.CANCELED
    assert desk.account(ALICE).cancel_all_time_ms == 0


def test_a_scheduled_one_fires_before_what_comes_later_even_if_time_jumps() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100)
    time_ms = desk.now_ms + 5 * MINUTE_MS
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=time_ms))
    desk.wait(60 * MINUTE_US)
    assert desk.order_now(order).updated_us == time_ms * 1_000


def test_an_abort_disarms_it() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100)
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=desk.now_ms + 5 * MINUTE_MS))
    desk.send(desk.cancel_all(ALICE, ABORT))
    desk.wait(10 * MINUTE_US)
    assert desk.order_now(order).status is OrderStatus.OPEN


def test_a_second_schedule_is_refused_until_the_first_is_aborted() -> None:
    desk = Desk()
    later_ms = desk.now_ms + 9 * MINUTE_MS
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=desk.now_ms + 5 * MINUTE_MS))
    again = desk.cancel_all(ALICE, SCHEDULED, time_ms=later_ms)
    assert code_of(desk.admit(again)) == 21712
    desk.send(desk.cancel_all(ALICE, ABORT))
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=later_ms))
    assert desk.account(ALICE).cancel_all_time_ms == later_ms


def test_or_the_exchange_lets_it_overwrite() -> None:
    desk = Desk(replace(UNLIMITED, scheduled_cancel_all=CancelAllRefresh.OVERWRITE))
    order = desk.place(ALICE, "sell", 100)
    later_ms = desk.now_ms + 9 * MINUTE_MS
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=desk.now_ms + 5 * MINUTE_MS))
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=later_ms))
    desk.wait(20 * MINUTE_US)
    assert desk.order_now(order).updated_us == later_ms * 1_000


def test_while_a_due_switch_has_not_run_new_transactions_wait() -> None:
    desk = Desk()
    desk.send(desk.cancel_all(ALICE, SCHEDULED, time_ms=desk.now_ms + 5 * MINUTE_MS))
    desk.now_us += 5 * MINUTE_US
    draft = desk.order(ALICE, "sell", 100)
    assert code_of(desk.admit(draft)) == 21122
    desk.wait()
    assert code_of(desk.admit(draft)) == 0


@pytest.mark.parametrize(
    ("tif", "ahead_ms", "market", "code"),
    [
        pytest.param(IMMEDIATE, None, 0, 0, id="one market now"),
        pytest.param(IMMEDIATE, None, 9, 21602, id="one unknown market"),
        pytest.param(IMMEDIATE, 5 * MINUTE_MS, NIL_MARKET, 21714, id="now with a time"),
        pytest.param(ABORT, 5 * MINUTE_MS, NIL_MARKET, 21714, id="abort with a time"),
        pytest.param(SCHEDULED, None, NIL_MARKET, 21714, id="schedule without a time"),
        pytest.param(SCHEDULED, 5 * MINUTE_MS - 1, NIL_MARKET, 21714, id="too soon"),
        pytest.param(SCHEDULED, 5 * MINUTE_MS, NIL_MARKET, 0, id="five minutes"),
        pytest.param(SCHEDULED, 15 * 1440 * MINUTE_MS, NIL_MARKET, 0, id="fifteen days"),
        pytest.param(SCHEDULED, 15 * 1440 * MINUTE_MS + 1, NIL_MARKET, 21714, id="too late"),
        pytest.param(SCHEDULED, 5 * MINUTE_MS, 0, 21713, id="schedule for one market"),
    ],
)
def test_what_may_be_asked(
    tif: CancelAllTimeInForce, ahead_ms: int | None, market: int, code: int
) -> None:
    desk = Desk()
    time_ms = 0 if ahead_ms is None else desk.now_ms + ahead_ms
    assert code_of(desk.admit(desk.cancel_all(ALICE, tif, time_ms=time_ms, market=market))) == code


def test_orders_placed_after_it_stay() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    desk.send(desk.cancel_all(ALICE))
    desk.place(ALICE, "sell", 70, PRICE + 1, tif=TimeInForce.POST_ONLY)
    assert desk.levels("sell") == [(PRICE + 1, 70)]
