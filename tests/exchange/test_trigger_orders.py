"""Stop-loss and take-profit orders: they wait for the mark price (protocol §5.4, §7.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.venues.paper.records import OrderStatus, OrderType, TimeInForce
from hedgepair_runner.venues.paper.rendering_orders import order as rendered
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import CancelAllTimeInForce
from tests.exchange.desk import ALICE, BOB, CAROL, PRICE, UNLIMITED, Desk, code_of

IOC, GTT, POST_ONLY = TimeInForce.IOC, TimeInForce.GTT, TimeInForce.POST_ONLY
STOP, STOP_LIMIT = OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT
PROFIT, PROFIT_LIMIT = OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "mark", "goes"),
    [
        pytest.param("sell", STOP, PRICE - 100, PRICE - 99, False, id="stop of a long, not yet"),
        pytest.param("sell", STOP, PRICE - 100, PRICE - 100, True, id="stop of a long"),
        pytest.param("buy", STOP, PRICE + 100, PRICE + 99, False, id="stop of a short, not yet"),
        pytest.param("buy", STOP, PRICE + 100, PRICE + 100, True, id="stop of a short"),
        pytest.param("sell", PROFIT, PRICE + 100, PRICE + 99, False, id="profit of a long, no"),
        pytest.param("sell", PROFIT, PRICE + 100, PRICE + 100, True, id="profit of a long"),
        pytest.param("buy", PROFIT, PRICE - 100, PRICE - 99, False, id="profit of a short, no"),
        pytest.param("buy", PROFIT, PRICE - 100, PRICE - 100, True, id="profit of a short"),
    ],
)
def test_the_mark_price_lets_it_go(
    side: str, kind: OrderType, trigger: int, mark: int, goes: bool
) -> None:
    desk = Desk()
    far = PRICE + 5_000 if side == "buy" else PRICE - 5_000
    desk.place(BOB, "sell" if side == "buy" else "buy", 100, PRICE)
    order = desk.place(ALICE, side, 100, far, kind=kind, tif=IOC, trigger=trigger)
    assert order.status is OrderStatus.PENDING
    desk.index(mark)
    assert desk.order_now(order).status is (OrderStatus.FILLED if goes else OrderStatus.PENDING)


def test_while_it_waits_it_is_active_and_in_no_book() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100, PRICE - 200, kind=STOP_LIMIT, trigger=PRICE - 100)
    assert desk.exchange.active_orders(ALICE) == (order,)
    assert desk.levels("sell") == []
    view = desk.account(ALICE)
    assert (view.total_order_count, view.pending_order_count) == (1, 1)
    json = rendered(order, desk.exchange.markets[0])
    assert (json["status"], json["trigger_status"], json["trigger_price"]) == (
        "pending",
        "mark-price",
        "1999.00",
    )
    assert (json["type"], json["trigger_time"]) == ("stop-loss-limit", 0)


def test_a_limit_that_went_rests_like_any_other() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100, PRICE, kind=STOP_LIMIT, trigger=PRICE - 100)
    desk.wait(5_000_000)
    desk.index(PRICE - 100)
    now = desk.order_now(order)
    json = rendered(now, desk.exchange.markets[0])
    assert (json["status"], json["trigger_status"]) == ("open", "ready")
    assert json["trigger_time"] == desk.now_ms
    assert desk.levels("sell") == [(PRICE, 100)]
    assert desk.account(ALICE).pending_order_count == 0


def test_a_trade_that_moves_the_mark_sets_it_off_too() -> None:
    desk = Desk()
    desk.place(CAROL, "buy", 100, PRICE - 100)
    desk.place(CAROL, "buy", 100, PRICE - 200)
    order = desk.place(ALICE, "sell", 100, PRICE - 900, kind=STOP, tif=IOC, trigger=PRICE - 100)
    desk.place(BOB, "sell", 100, PRICE - 100)
    assert desk.order_now(order).status is OrderStatus.FILLED
    assert desk.trades[-1].price_ticks == PRICE - 200


def test_what_is_due_already_goes_at_once() -> None:
    desk = Desk()
    desk.place(BOB, "buy", 100)
    order = desk.place(ALICE, "sell", 100, PRICE - 900, kind=STOP, tif=IOC, trigger=PRICE)
    assert desk.order_now(order).status is OrderStatus.FILLED


def test_a_market_kind_keeps_its_average_within_its_price() -> None:
    desk = Desk()
    desk.place(BOB, "buy", 100, PRICE - 500)
    order = desk.place(ALICE, "sell", 100, PRICE - 400, kind=STOP, tif=IOC, trigger=PRICE - 100)
    desk.index(PRICE - 100)
    assert desk.order_now(order).status is OrderStatus.CANCELED_TOO_MUCH_SLIPPAGE


def test_a_post_only_one_that_would_take_is_cancelled() -> None:
    desk = Desk()
    desk.place(BOB, "buy", 100)
    order = desk.place(
        ALICE, "sell", 100, PRICE - 100, kind=STOP_LIMIT, tif=POST_ONLY, trigger=PRICE - 100
    )
    desk.index(PRICE - 100)
    assert desk.order_now(order).status is OrderStatus.CANCELED_POST_ONLY


def test_what_would_rest_without_margin_is_cancelled() -> None:
    desk = Desk()
    order = desk.place(ALICE, "buy", 9_000_000, kind=STOP_LIMIT, trigger=PRICE + 100)
    desk.exchange.deposit(ALICE, -90_000 * 10**12, now_us=desk.now_us)
    desk.index(PRICE + 100)
    assert desk.order_now(order).status is OrderStatus.CANCELED_MARGIN_NOT_ALLOWED


@pytest.mark.parametrize(
    "way", ["cancel", "cancel by client index", "cancel all", "expiry", "switch"]
)
def test_it_ends_like_any_other(way: str) -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100, kind=STOP_LIMIT, trigger=PRICE - 100, client=7)
    match way:
        case "cancel":
            desk.send(desk.cancel(ALICE, order.order_index))
        case "cancel by client index":
            desk.send(desk.cancel(ALICE, 7))
        case "cancel all":
            desk.send(desk.cancel_all(ALICE))
        case "switch":
            scheduled = CancelAllTimeInForce.SCHEDULED
            desk.send(desk.cancel_all(ALICE, scheduled, time_ms=desk.now_ms + 360_000))
            desk.wait(360_000_000)
        case _:
            desk.wait(21 * 86_400_000_000)
    status = OrderStatus.CANCELED_EXPIRED if way == "expiry" else OrderStatus.CANCELED
    assert desk.order_now(order).status is status
    assert desk.account(ALICE).total_order_count == 0


def test_a_modify_moves_its_trigger() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100, kind=STOP_LIMIT, trigger=PRICE - 100)
    assert code_of(desk.admit(desk.modify(ALICE, order.order_index, 100))) == 21729
    desk.send(desk.modify(ALICE, order.order_index, 150, trigger=PRICE - 50))
    now = desk.order_now(order)
    assert (now.status, now.initial_lots, now.trigger_price_ticks) == (
        OrderStatus.PENDING,
        150,
        PRICE - 50,
    )
    desk.index(PRICE - 50)
    assert desk.order_now(order).status is OrderStatus.OPEN


def test_a_plain_order_gets_no_trigger_by_modify() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100)
    tx = desk.modify(ALICE, order.order_index, 100, trigger=PRICE - 50)
    assert code_of(desk.admit(tx)) == 21729


def test_reduce_only_ones_go_with_their_position() -> None:
    desk = Desk()
    desk.place(BOB, "sell", 100)
    desk.place(ALICE, "buy", 100)
    tied = desk.place(
        ALICE, "sell", 100, PRICE - 900, kind=STOP, tif=IOC, trigger=PRICE - 500, reduce_only=True
    )
    free = desk.place(ALICE, "sell", 100, PRICE - 900, kind=STOP, tif=IOC, trigger=PRICE - 500)
    assert desk.account(ALICE).positions[0].position_tied_order_count == 1
    desk.place(CAROL, "buy", 100)
    desk.place(ALICE, "sell", 100)
    assert desk.order_now(tied).status is OrderStatus.CANCELED_REDUCE_ONLY
    assert desk.order_now(free).status is OrderStatus.PENDING


def test_in_a_halted_market_it_waits_on() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100, kind=STOP_LIMIT, trigger=PRICE - 100)
    desk.exchange.set_market_status(0, "inactive")
    desk.index(PRICE - 100)
    assert desk.order_now(order).status is OrderStatus.PENDING
    desk.exchange.set_market_status(0, "active")
    desk.wait()
    assert desk.order_now(order).status is OrderStatus.OPEN


# -- what is refused --


@pytest.mark.parametrize(
    ("kind", "tif", "price", "trigger", "code"),
    [
        pytest.param(OrderType.LIMIT, GTT, PRICE, PRICE, 21729, id="a limit with a trigger"),
        pytest.param(STOP, GTT, PRICE, PRICE, 21705, id="a market kind that rests"),
        pytest.param(PROFIT_LIMIT, GTT, PRICE * 11 // 10, PRICE, 0, id="10 % from the trigger"),
        pytest.param(PROFIT_LIMIT, GTT, PRICE * 11 // 10 + 1, PRICE, 21735, id="further"),
        pytest.param(OrderType.TWAP, GTT, PRICE, 0, 21710, id="TWAP"),
    ],
)
def test_what_is_wrong_with_it(
    kind: OrderType, tif: TimeInForce, price: int, trigger: int, code: int
) -> None:
    desk = Desk(ExchangeSettings())
    tx = desk.order(ALICE, "buy", 100, price, kind=kind, tif=tif, trigger=trigger)
    assert code_of(desk.admit(tx)) == code


def test_a_trigger_order_needs_a_trigger_and_an_expiry() -> None:
    desk = Desk()
    tx = desk.order(ALICE, "sell", 100, kind=STOP, tif=IOC, trigger=PRICE - 1)
    assert code_of(desk.admit(replace(tx, trigger_price_ticks=0))) == 21729
    assert code_of(desk.admit(replace(tx, expiry_ms=0))) == 21711


def test_so_many_may_wait() -> None:
    desk = Desk(
        replace(UNLIMITED, max_pending_orders_per_account=3, max_pending_orders_per_market=2)
    )

    def stop(market: int) -> int:
        tx = desk.order(ALICE, "sell", 100, kind=STOP_LIMIT, trigger=PRICE - 100, market=market)
        return code_of(desk.admit(tx))

    assert [stop(0), stop(0), stop(0)] == [0, 0, 21720]
    desk.wait()
    assert [stop(0), stop(1), stop(1)] == [21720, 0, 21719]
    assert code_of(desk.admit(desk.order(ALICE, "buy", 100, PRICE - 500))) == 0
