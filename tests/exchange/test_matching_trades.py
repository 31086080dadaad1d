"""Who trades with whom, at which price, how much (protocol §7.3)."""

from __future__ import annotations

import pytest

from hedgepair_runner.venues.paper.events import (
    Event,
    LevelChanged,
    OrderChanged,
    PositionChanged,
    Traded,
    TxChanged,
)
from hedgepair_runner.venues.paper.records import OrderStatus, OrderType, TimeInForce
from tests.exchange.desk import ALICE, BOB, CAROL, PRICE, Desk

IOC = TimeInForce.IOC
POST_ONLY = TimeInForce.POST_ONLY


def test_a_trade_happens_at_the_makers_price() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100, PRICE - 50)
    taker = desk.place(BOB, "buy", 100, PRICE)
    assert taker.status is OrderStatus.FILLED
    assert [(t.price_ticks, t.size_lots, t.is_maker_ask) for t in desk.trades] == [
        (PRICE - 50, 100, True)
    ]


def test_better_prices_come_first_and_equal_prices_by_time() -> None:
    desk = Desk()
    for account, price in ((ALICE, PRICE + 1), (BOB, PRICE), (ALICE, PRICE), (BOB, PRICE - 1)):
        desk.place(account, "sell", 100, price)
    desk.place(CAROL, "buy", 350, PRICE + 1)
    met = [(t.maker.account_index, t.price_ticks, t.size_lots) for t in desk.trades]
    assert met == [
        (BOB, PRICE - 1, 100),
        (BOB, PRICE, 100),
        (ALICE, PRICE, 100),
        (ALICE, PRICE + 1, 50),
    ]


def test_each_step_is_one_trade_with_the_next_id_at_the_same_time() -> None:
    desk = Desk()
    for _ in range(3):
        desk.place(ALICE, "sell", 100)
    desk.place(BOB, "buy", 300)
    first = desk.trades[0].trade_id
    assert [trade.trade_id for trade in desk.trades] == [first, first + 1, first + 2]
    assert len({trade.executed_us for trade in desk.trades}) == 1


def test_a_partial_fill_keeps_the_makers_place() -> None:
    desk = Desk()
    first = desk.place(ALICE, "sell", 100)
    desk.place(BOB, "sell", 100)
    desk.place(CAROL, "buy", 60, tif=IOC)
    desk.place(CAROL, "buy", 60, tif=IOC)
    assert [t.maker.account_index for t in desk.trades] == [ALICE, ALICE, BOB]
    assert desk.order_now(first).status is OrderStatus.FILLED
    assert desk.levels("sell") == [(PRICE, 80)]


def test_what_a_resting_order_does_not_find_rests() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 60)
    taker = desk.place(BOB, "buy", 100)
    assert (taker.status, taker.filled_lots, taker.filled_quote_micro) == (
        OrderStatus.OPEN,
        60,
        60 * PRICE,
    )
    assert (desk.levels("sell"), desk.levels("buy")) == ([], [(PRICE, 40)])


@pytest.mark.parametrize(
    ("makers", "kind", "price", "status", "filled"),
    [
        pytest.param(
            [], OrderType.LIMIT, PRICE, "canceled-not-enough-liquidity", 0, id="limit, nobody there"
        ),
        pytest.param(
            [(600, PRICE)],
            OrderType.LIMIT,
            PRICE,
            "canceled-not-enough-liquidity",
            600,
            id="limit, the rest ends",
        ),
        pytest.param(
            [(600, PRICE), (600, PRICE + 1)],
            OrderType.LIMIT,
            PRICE,
            "canceled-not-enough-liquidity",
            600,
            id="limit, strict at every fill",
        ),
        pytest.param(
            [], OrderType.MARKET, PRICE, "canceled-not-enough-liquidity", 0, id="market, nobody"
        ),
        pytest.param(
            [(600, PRICE + 1)],
            OrderType.MARKET,
            PRICE,
            "canceled-too-much-slippage",
            0,
            id="market, dearer than the average allows",
        ),
        pytest.param(
            [(600, PRICE - 10), (1000, PRICE + 20)],
            OrderType.MARKET,
            PRICE,
            "canceled-too-much-slippage",
            900,
            id="market, 600·10 of budget buy 300 lots at 20 worse",
        ),
        pytest.param(
            [(600, PRICE - 10), (300, PRICE + 20), (100, PRICE + 21)],
            OrderType.MARKET,
            PRICE,
            "canceled-too-much-slippage",
            900,
            id="market, at the end of its budget",
        ),
    ],
)
def test_an_immediate_order_never_rests(
    makers: list[tuple[int, int]], kind: OrderType, price: int, status: str, filled: int
) -> None:
    desk = Desk()
    for lots, at in makers:
        desk.place(ALICE, "sell", lots, at)
    taker = desk.place(BOB, "buy", 1_000, price, kind=kind, tif=IOC)
    assert (taker.status, taker.filled_lots) == (status, filled)
    assert desk.levels("buy") == []
    assert taker.filled_quote_micro <= taker.filled_lots * price


def test_a_selling_market_order_has_a_budget_too() -> None:
    desk = Desk()
    desk.place(ALICE, "buy", 50, PRICE + 4)
    desk.place(ALICE, "buy", 200, PRICE - 2)
    taker = desk.place(BOB, "sell", 200, PRICE, kind=OrderType.MARKET, tif=IOC)
    assert (taker.status, taker.filled_lots) == (OrderStatus.CANCELED_TOO_MUCH_SLIPPAGE, 150)


def test_a_crossing_post_only_order_ends_whole() -> None:
    desk = Desk()
    maker = desk.place(ALICE, "sell", 100)
    taker = desk.place(BOB, "buy", 500, PRICE, tif=POST_ONLY)
    assert (taker.status, taker.filled_lots) == (OrderStatus.CANCELED_POST_ONLY, 0)
    assert desk.order_now(maker).status is OrderStatus.OPEN
    assert desk.verdicts[-1].event_info.endswith('"ae":""}')


def test_a_post_only_order_beside_the_touch_rests() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    assert desk.place(BOB, "buy", 100, PRICE - 1, tif=POST_ONLY).status is OrderStatus.OPEN


def test_an_expired_maker_leaves_at_its_time() -> None:
    desk = Desk()
    maker = desk.place(ALICE, "sell", 100)
    desk.wait(20 * 86_400_000_000)
    assert desk.order_now(maker).status is OrderStatus.CANCELED_EXPIRED
    assert desk.order_now(maker).updated_us == maker.expiry_ms * 1_000
    assert desk.levels("sell") == []


def test_order_indexes_count_up_for_asks_and_down_for_bids_per_market() -> None:
    desk = Desk()
    asks = [desk.place(ALICE, "sell", 100, PRICE + 9).order_index for _ in range(2)]
    bids = [desk.place(ALICE, "buy", 100, PRICE - 9).order_index for _ in range(2)]
    other = desk.place(ALICE, "sell", 100, PRICE * 10, market=1).order_index
    assert asks == [2**48 + 1, 2**48 + 2]
    assert bids == [2 * 2**48 - 1, 2 * 2**48 - 2]
    assert other == 2 * 2**48 + 1


def test_a_trade_tells_both_sides_before_it() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100, client=7)
    desk.place(BOB, "buy", 100, client=8)
    desk.place(BOB, "sell", 300, PRICE + 5, client=9)
    desk.place(ALICE, "buy", 150, PRICE + 5, client=10)
    trade = desk.trades[-1]
    maker, taker = trade.maker, trade.taker
    assert (maker.position_before_lots, maker.entry_quote_before_micro) == (100, 100 * PRICE)
    assert (taker.position_before_lots, taker.entry_quote_before_micro) == (-100, 100 * PRICE)
    assert (maker.client_order_index, taker.client_order_index) == (9, 10)
    assert (maker.sign_changed, taker.sign_changed) == (True, True)
    assert (maker.pnl_pico, taker.pnl_pico) == (500 * 10**6, -500 * 10**6)
    assert (trade.ask, trade.bid) == (maker, taker)


def test_events_come_in_causal_order() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    heard = len(desk.events)
    desk.place(BOB, "buy", 60)
    assert [_name(event) for event in desk.events[heard:]] == [
        "order 11 open",
        "order 12 filled",
        "trade",
        "position 11",
        "position 12",
        "level 40",
        "tx 2",
    ]


def test_every_change_has_its_own_engine_nonce_in_order() -> None:
    desk = Desk()
    for account, side, lots in ((ALICE, "sell", 100), (BOB, "buy", 60), (BOB, "buy", 60)):
        desk.place(account, side, lots)
    nonces = [event.order.engine_nonce for event in desk.events if isinstance(event, OrderChanged)]
    levels = [event.engine_nonce for event in desk.events if isinstance(event, LevelChanged)]
    assert nonces == sorted(set(nonces))
    assert levels == sorted(set(levels))
    assert desk.book().engine_nonce == levels[-1]


def _name(event: Event) -> str:
    match event:
        case OrderChanged(order=order):
            return f"order {order.account_index} {order.status}"
        case Traded():
            return "trade"
        case PositionChanged(account_index=account_index):
            return f"position {account_index}"
        case LevelChanged(size_lots=size_lots):
            return f"level {size_lots}"
        case TxChanged(record=record):
            return f"tx {int(record.status)}"
        case _:
            return "account"
