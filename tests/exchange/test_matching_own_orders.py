"""Self-trade modes, reduce-only, modify and cancel (protocol §7.7, §7.8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.venues.paper.records import OrderStatus, TimeInForce, TxStatus
from hedgepair_runner.venues.paper.settings import DeadCancel, ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import Attributes
from tests.exchange.desk import ALICE, BOB, CAROL, PRICE, UNLIMITED, Desk, code_of

IOC = TimeInForce.IOC
SELF = OrderStatus.CANCELED_SELF_TRADE
ONE_OWNER = replace(UNLIMITED, same_l1=frozenset({frozenset({ALICE, BOB})}))


@pytest.mark.parametrize(
    ("mode", "maker", "taker", "taker_left"),
    [
        pytest.param(0, SELF, OrderStatus.OPEN, 300, id="expire maker"),
        pytest.param(1, OrderStatus.OPEN, SELF, 300, id="expire taker"),
        pytest.param(2, SELF, SELF, 300, id="expire both"),
        pytest.param(3, SELF, OrderStatus.OPEN, 200, id="reduce"),
    ],
)
@pytest.mark.parametrize(
    ("settings", "other", "equality"),
    [
        pytest.param(UNLIMITED, ALICE, 0, id="same account"),
        pytest.param(ONE_OWNER, BOB, 1, id="same master"),
    ],
)
def test_an_order_that_meets_its_own(
    settings: ExchangeSettings,
    other: int,
    equality: int,
    mode: int,
    maker: OrderStatus,
    taker: OrderStatus,
    taker_left: int,
) -> None:
    desk = Desk(settings)
    resting = desk.place(other, "sell", 100)
    attributes = Attributes(self_trade_behaviour=mode, self_trade_equality=equality)
    incoming = desk.place(ALICE, "buy", 300, attributes=attributes)
    assert desk.trades == []
    assert desk.order_now(resting).status is maker
    assert (incoming.status, incoming.remaining_lots) == (taker, taker_left)


def test_reduce_shortens_the_larger_resting_order_in_its_place() -> None:
    desk = Desk()
    first = desk.place(ALICE, "sell", 300)
    desk.place(BOB, "sell", 300)
    attributes = Attributes(self_trade_behaviour=3)
    incoming = desk.place(ALICE, "buy", 100, attributes=attributes)
    assert incoming.status is SELF
    assert desk.order_now(first).remaining_lots == 200
    assert desk.levels("sell") == [(PRICE, 500)]
    assert desk.book().ask_orders[0].order_index == first.order_index


@pytest.mark.parametrize(
    ("settings", "equality"),
    [
        pytest.param(UNLIMITED, 0, id="two masters"),
        pytest.param(UNLIMITED, 1, id="two masters, equality master"),
        pytest.param(ONE_OWNER, 0, id="one master, equality account"),
    ],
)
def test_two_accounts_trade_with_each_other(settings: ExchangeSettings, equality: int) -> None:
    desk = Desk(settings)
    desk.place(BOB, "sell", 100)
    desk.place(ALICE, "buy", 100, attributes=Attributes(self_trade_equality=equality))
    assert len(desk.trades) == 1


def test_an_own_order_in_front_is_passed_and_the_next_one_trades() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100, PRICE - 1)
    desk.place(BOB, "sell", 100, PRICE)
    desk.place(ALICE, "buy", 100, PRICE, tif=IOC)
    assert [trade.maker.account_index for trade in desk.trades] == [BOB]


def test_a_post_only_order_at_its_own_ends_and_leaves_the_resting_one() -> None:
    desk = Desk()
    resting = desk.place(ALICE, "sell", 100)
    incoming = desk.place(ALICE, "buy", 100, tif=TimeInForce.POST_ONLY)
    assert incoming.status is OrderStatus.CANCELED_POST_ONLY
    assert desk.order_now(resting).status is OrderStatus.OPEN


# -- reduce-only --


def test_a_reduce_only_taker_stops_at_flat() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    desk.place(BOB, "buy", 100)
    desk.place(CAROL, "buy", 500)
    closing = desk.place(BOB, "sell", 400, tif=IOC, reduce_only=True)
    assert (closing.filled_lots, closing.status) == (100, OrderStatus.CANCELED_REDUCE_ONLY)
    assert desk.position(BOB) == 0


def test_a_size_of_zero_closes_the_whole_position() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 130)
    desk.place(BOB, "buy", 130)
    desk.place(CAROL, "buy", 500)
    closing = desk.place(BOB, "sell", 0, tif=IOC, reduce_only=True)
    assert (closing.initial_lots, closing.status) == (130, OrderStatus.FILLED)
    assert desk.position(BOB) == 0


def test_a_reduce_only_maker_is_capped_at_its_position_and_then_leaves() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    desk.place(BOB, "buy", 100)
    resting = desk.place(BOB, "sell", 300, PRICE + 1, reduce_only=True)
    desk.place(ALICE, "sell", 100, PRICE + 2)
    taker = desk.place(CAROL, "buy", 150, PRICE + 2, tif=IOC)
    assert desk.order_now(resting).status is OrderStatus.CANCELED_REDUCE_ONLY
    assert desk.order_now(resting).filled_lots == 100
    assert taker.status is OrderStatus.FILLED
    assert [trade.size_lots for trade in desk.trades[1:]] == [100, 50]


def test_a_reduce_only_maker_leaves_with_the_fill_that_made_it_flat() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    desk.place(BOB, "buy", 100)
    resting = desk.place(BOB, "sell", 300, PRICE + 1, reduce_only=True)
    desk.place(CAROL, "buy", 100, PRICE + 1, tif=IOC)
    assert desk.order_now(resting).status is OrderStatus.CANCELED_REDUCE_ONLY
    assert desk.levels("sell") == []


def test_a_reduce_only_maker_whose_position_went_is_removed_when_met() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    desk.place(BOB, "buy", 100)
    resting = desk.place(BOB, "sell", 100, PRICE + 1, reduce_only=True)
    desk.place(CAROL, "buy", 100, PRICE)
    desk.place(BOB, "sell", 100, PRICE, tif=IOC)
    desk.place(CAROL, "buy", 100, PRICE + 1, tif=IOC)
    assert desk.order_now(resting).status is OrderStatus.CANCELED_REDUCE_ONLY
    assert desk.position(BOB) == 0


# -- modify --


def test_a_modify_keeps_the_indexes_and_loses_the_place() -> None:
    desk = Desk()
    first = desk.place(ALICE, "sell", 100, client=5)
    second = desk.place(BOB, "sell", 100)
    desk.send(desk.modify(ALICE, 5, 120))
    now = desk.order_now(first)
    assert (now.order_index, now.client_order_index) == (first.order_index, 5)
    assert (now.initial_lots, now.order_version, now.expiry_ms) == (120, 0, first.expiry_ms)
    assert now.priority > second.priority
    assert [order.order_index for order in desk.book().ask_orders] == [
        second.order_index,
        first.order_index,
    ]
    assert desk.levels("sell") == [(PRICE, 220)]


def test_a_modified_size_counts_what_has_filled() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 200)
    desk.place(BOB, "buy", 80)
    desk.send(desk.modify(ALICE, order.order_index, 150))
    assert desk.order_now(order).remaining_lots == 70
    desk.send(desk.modify(ALICE, order.order_index, 60))
    assert desk.order_now(order).status is OrderStatus.FILLED
    assert desk.order_now(order).filled_lots == 80
    assert desk.levels("sell") == []


def test_a_modify_through_the_book_takes() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    order = desk.place(BOB, "buy", 100, PRICE - 10)
    desk.send(desk.modify(BOB, order.order_index, 100, PRICE))
    assert desk.order_now(order).status is OrderStatus.FILLED
    assert desk.levels("buy") == []


def test_a_post_only_modify_through_the_book_ends_the_order() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    order = desk.place(BOB, "buy", 100, PRICE - 10, tif=TimeInForce.POST_ONLY)
    desk.send(desk.modify(BOB, order.order_index, 100, PRICE))
    assert desk.order_now(order).status is OrderStatus.CANCELED_POST_ONLY
    assert (desk.levels("buy"), desk.trades) == ([], [])


def test_a_modify_on_a_stale_version_is_refused() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100)
    desk.send(desk.modify(ALICE, order.order_index, 110, version=7))
    for stale in (3, 7):
        answer = desk.admit(desk.modify(ALICE, order.order_index, 120, version=stale))
        assert code_of(answer) == 21743
    desk.send(desk.modify(ALICE, order.order_index, 130, version=8))
    desk.send(desk.modify(ALICE, order.order_index, 140))
    now = desk.order_now(order)
    assert (now.initial_lots, now.order_version) == (140, 8)


# -- cancel --


@pytest.mark.parametrize("by_client_index", [True, False], ids=["client index", "order index"])
def test_a_cancel_finds_its_order_by_either_index(by_client_index: bool) -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100, client=5)
    desk.send(desk.cancel(ALICE, 5 if by_client_index else order.order_index))
    assert desk.order_now(order).status is OrderStatus.CANCELED
    assert desk.exchange.active_orders(ALICE) == ()
    assert desk.exchange.inactive_orders(ALICE).orders[0].order_index == order.order_index


def test_a_dead_order_cannot_be_cancelled_again() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100, client=5)
    desk.send(desk.cancel(ALICE, 5))
    before = desk.nonce(ALICE)
    assert code_of(desk.admit(desk.cancel(ALICE, 5))) == 21715
    assert code_of(desk.admit(desk.cancel(ALICE, order.order_index))) == 21715
    assert code_of(desk.admit(desk.modify(ALICE, 5, 200))) == 21715
    assert desk.nonce(ALICE) == before


def test_an_exchange_may_let_a_dead_cancel_pass_without_effect() -> None:
    desk = Desk(replace(UNLIMITED, dead_cancel=DeadCancel.NO_EFFECT))
    record = desk.send(desk.cancel(ALICE, 5))
    assert record.status is TxStatus.EXECUTED
    assert desk.nonce(ALICE) == record.nonce + 1


@pytest.mark.parametrize(
    ("index", "market", "code"),
    [
        pytest.param(0, 0, 21700, id="no index"),
        pytest.param(2**48 + 1, 0, 21707, id="another account's order"),
        pytest.param(77, 0, 21715, id="unknown client index"),
        pytest.param(5, 1, 21715, id="in another market"),
        pytest.param(5, 9, 21602, id="in no market"),
    ],
)
def test_a_cancel_that_finds_nothing_of_its_own(index: int, market: int, code: int) -> None:
    desk = Desk()
    desk.place(BOB, "sell", 100, client=6)
    desk.place(ALICE, "sell", 100, client=5)
    assert code_of(desk.admit(desk.cancel(ALICE, index, market=market))) == code
