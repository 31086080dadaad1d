"""Positions, profit, fees, margin and health (protocol §7.11, §7.13)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.venues.paper.margining import Health, allowed
from hedgepair_runner.venues.paper.positions import after_trade
from hedgepair_runner.venues.paper.records import OrderStatus, OrderType, Position, TimeInForce
from tests.exchange.desk import ALICE, BOB, CAROL, PRICE, UNLIMITED, Desk, code_of

IOC = TimeInForce.IOC
USDC = 10**12


@pytest.mark.parametrize(
    ("size", "entry", "delta", "price", "new_size", "new_entry", "pnl"),
    [
        pytest.param(0, 0, 10, 7, 10, 70, 0, id="opens long"),
        pytest.param(0, 0, -10, 7, -10, 70, 0, id="opens short"),
        pytest.param(10, 70, 5, 9, 15, 115, 0, id="adds"),
        pytest.param(-10, 70, -5, 9, -15, 115, 0, id="adds to a short"),
        pytest.param(10, 70, -4, 9, 6, 42, 8, id="reduces"),
        pytest.param(3, 10, -1, 3, 2, 6, -1, id="reduces, entry rounded down"),
        pytest.param(-3, 10, 1, 3, -2, 6, 1, id="reduces a short, entry rounded down"),
        pytest.param(10, 70, -10, 9, 0, 0, 20, id="closes"),
        pytest.param(-10, 70, 10, 9, 0, 0, -20, id="closes a short"),
        pytest.param(10, 70, -14, 9, -4, 36, 20, id="turns short"),
        pytest.param(-10, 70, 14, 9, 4, 36, -20, id="turns long"),
    ],
)
def test_what_a_trade_does_to_a_position(
    size: int, entry: int, delta: int, price: int, new_size: int, new_entry: int, pnl: int
) -> None:
    before = Position(
        market_id=0, size_lots=size, entry_quote_micro=entry, initial_margin_fraction=300
    )
    after = after_trade(before, delta, price)
    assert (after.size_lots, after.entry_quote_micro) == (new_size, new_entry)
    assert after.realized_pnl_pico == pnl * 10**6
    assert after.initial_margin_fraction == 300


def test_profit_goes_to_collateral() -> None:
    desk = Desk()
    desk.place(BOB, "sell", 10_000)
    desk.place(ALICE, "buy", 10_000)
    desk.place(CAROL, "buy", 10_000, PRICE + 500)
    desk.place(ALICE, "sell", 10_000, PRICE + 500)
    assert desk.account(ALICE).collateral_pico == 100_005 * USDC
    assert desk.account(ALICE).positions[0].position.realized_pnl_pico == 5 * USDC
    assert desk.account(BOB).collateral_pico == 100_000 * USDC
    assert desk.account(BOB).total_asset_value_pico == 99_995 * USDC


def test_each_side_pays_its_own_tiers_fee_to_the_last_unit() -> None:
    tiers = {ALICE: "premium", BOB: "plus", CAROL: "none"}
    desk = Desk(replace(UNLIMITED, tier_of_account=tiers))
    desk.admit(desk.order(ALICE, "sell", 101))
    desk.wait(1_000_000)
    desk.admit(desk.order(BOB, "buy", 101, tif=IOC))
    desk.wait(1_000_000)
    quote_micro = 101 * PRICE
    assert desk.account(ALICE).collateral_pico == 100_000 * USDC - quote_micro * 40
    assert desk.account(BOB).collateral_pico == 100_000 * USDC - quote_micro * 50
    assert desk.exchange.fees_collected_pico == quote_micro * 90
    trade = desk.trades[0]
    assert (trade.maker.fee_millionths, trade.taker.fee_millionths) == (40, 50)


def test_the_figures_of_an_account() -> None:
    desk = Desk()
    desk.place(BOB, "sell", 1_000_000)
    desk.place(ALICE, "buy", 1_000_000)  # 100 ETH at 2,000
    desk.exchange.set_index_price(0, 190_000, now_us=desk.now_us)
    view = desk.account(ALICE)
    held = view.positions[0]
    assert view.total_asset_value_pico == 90_000 * USDC
    assert view.cross_initial_margin_pico == 9_500 * USDC
    assert view.cross_maintenance_margin_pico == 2_280 * USDC
    assert view.available_balance_pico == 80_500 * USDC
    assert held.value_micro == 190_000 * 10**6
    assert held.unrealized_pnl_micro == -10_000 * 10**6
    assert (held.initial_margin_fraction, held.mark_price_ticks) == (500, 190_000)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_at_the_liquidation_price_value_meets_maintenance(side: str) -> None:
    desk = Desk()
    other = "sell" if side == "buy" else "buy"
    desk.place(BOB, other, 8_000_000)
    desk.place(ALICE, side, 8_000_000)  # 800 ETH, 16 times
    price = desk.account(ALICE).positions[0].liquidation_price_ticks
    against = -1 if side == "buy" else 1
    for ticks, healthy in ((price, True), (price + 2 * against, False)):
        desk.exchange.set_index_price(0, ticks, now_us=desk.now_us)
        view = desk.account(ALICE)
        assert (view.total_asset_value_pico >= view.cross_maintenance_margin_pico) is healthy


def test_a_small_long_has_no_liquidation_price() -> None:
    desk = Desk()
    desk.place(BOB, "sell", 100)
    desk.place(ALICE, "buy", 100)
    assert desk.account(ALICE).positions[0].liquidation_price_ticks == 0


# -- margin --


@pytest.mark.parametrize(
    ("lots", "code"),
    [
        pytest.param(10_000_000, 0, id="all of it, 20 times"),
        pytest.param(10_000_001, 21739, id="one lot more"),
    ],
)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_an_order_must_have_its_margin_when_placed(side: str, lots: int, code: int) -> None:
    desk = Desk()
    assert code_of(desk.admit(desk.order(ALICE, side, lots))) == code


def test_a_market_order_is_judged_at_the_mark_and_not_at_its_bound() -> None:
    desk = Desk()
    draft = desk.order(ALICE, "buy", 10_000_000, PRICE * 2, kind=OrderType.MARKET, tif=IOC)
    assert code_of(desk.admit(draft)) == 0


def test_a_maker_that_lost_its_margin_is_cancelled_and_the_next_one_trades() -> None:
    desk = Desk()
    poor = desk.place(ALICE, "sell", 9_000_000, PRICE)
    desk.place(CAROL, "sell", 100, PRICE)
    desk.exchange.deposit(ALICE, -90_000 * USDC, now_us=desk.now_us)
    taker = desk.place(BOB, "buy", 100, tif=IOC)
    # The part that trades is small enough for what is left; the whole order is not asked about.
    assert desk.trades[0].maker.account_index == ALICE
    taker = desk.place(BOB, "buy", 2_000_000, tif=IOC)
    assert desk.order_now(poor).status is OrderStatus.CANCELED_MARGIN_NOT_ALLOWED
    assert (taker.filled_lots, desk.trades[1].maker.account_index) == (100, CAROL)


def test_a_taker_that_cannot_carry_the_fill_is_cancelled() -> None:
    desk = Desk(replace(UNLIMITED, tier_of_account={ALICE: "standard"}))
    desk.place(BOB, "sell", 9_000_000, PRICE)
    desk.admit(desk.order(ALICE, "buy", 9_000_000, tif=IOC))
    desk.exchange.deposit(ALICE, -99_000 * USDC, now_us=desk.now_us)
    desk.wait(1_000_000)
    assert desk.trades == []
    ended = desk.exchange.inactive_orders(ALICE).orders
    assert [order.status for order in ended] == [OrderStatus.CANCELED_MARGIN_NOT_ALLOWED]
    assert desk.levels("sell") == [(PRICE, 9_000_000)]


def test_an_account_below_its_margin_may_reduce_and_not_add() -> None:
    desk = Desk()
    desk.place(BOB, "sell", 9_000_000)
    desk.place(ALICE, "buy", 9_000_000)
    desk.exchange.set_index_price(0, PRICE - 5_000, now_us=desk.now_us)
    view = desk.account(ALICE)
    assert view.total_asset_value_pico < view.cross_initial_margin_pico
    assert code_of(desk.admit(desk.order(ALICE, "buy", 100, PRICE - 5_000))) == 21111
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, PRICE - 5_000))) == 0


@pytest.mark.parametrize(
    ("before", "after", "is_allowed"),
    [
        pytest.param((10, 5, 2), (5, 5, 2), True, id="just at initial"),
        pytest.param((4, 5, 2), (4, 6, 3), False, id="ratio falls"),
        pytest.param((4, 6, 3), (3, 4, 2), True, id="ratio rises"),
        pytest.param((4, 6, 3), (4, 6, 3), True, id="ratio stays"),
        pytest.param((-4, 6, 3), (-4, 0, 0), True, id="bankrupt, closes its last position"),
        pytest.param((3, 0, 0), (3, 4, 2), False, id="opens beyond its means"),
    ],
)
def test_when_a_trade_is_allowed(
    before: tuple[int, int, int], after: tuple[int, int, int], is_allowed: bool
) -> None:
    was, then = (
        Health(total_value_pico=value, initial_pico=initial, maintenance_pico=maintenance)
        for value, initial, maintenance in (before, after)
    )
    assert allowed(was, then) is is_allowed


def test_the_markets_own_traders_have_no_margin_limit() -> None:
    desk = Desk()
    events = desk.exchange.place_direct(
        900, market_id=0, is_ask=True, size_lots=10**9, price_ticks=PRICE, now_us=desk.now_us
    )
    assert len(events) == 2
    taker = desk.place(ALICE, "buy", 100, tif=IOC)
    assert taker.status is OrderStatus.FILLED
    order = desk.exchange.active_orders(900)[0]
    desk.exchange.cancel_direct(900, order.order_index, now_us=desk.now_us)
    assert desk.exchange.active_orders(900) == ()
    assert desk.exchange.cancel_direct(900, order.order_index, now_us=desk.now_us) == []


@pytest.mark.parametrize(
    ("size", "client", "message"),
    [
        pytest.param(0, 0, "a size", id="nothing"),
        pytest.param(100, 7, "client index 7", id="a client index that is taken"),
    ],
)
def test_their_orders_must_make_sense(size: int, client: int, message: str) -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100, client=7)
    with pytest.raises(ValueError, match=message):
        desk.exchange.place_direct(
            ALICE,
            market_id=0,
            is_ask=True,
            size_lots=size,
            price_ticks=PRICE,
            now_us=desk.now_us,
            client_order_index=client,
        )


def test_in_a_closed_market_their_orders_go_nowhere() -> None:
    desk = Desk()
    desk.exchange.set_market_status(0, "inactive")
    events = desk.exchange.place_direct(
        900, market_id=0, is_ask=True, size_lots=100, price_ticks=PRICE, now_us=desk.now_us
    )
    assert events == []


# -- prices --


def test_the_mark_follows_the_index_or_else_the_last_trade() -> None:
    desk = Desk()
    assert desk.exchange.mark_price_ticks(0) == PRICE
    desk.place(BOB, "sell", 100, PRICE + 7)
    desk.place(ALICE, "buy", 100, PRICE + 7)
    assert desk.exchange.mark_price_ticks(0) == desk.exchange.index_price_ticks(0) == PRICE + 7
    desk.exchange.set_index_price(0, PRICE + 1, now_us=desk.now_us)
    desk.place(BOB, "sell", 100, PRICE + 9)
    desk.place(ALICE, "buy", 100, PRICE + 9)
    assert desk.exchange.mark_price_ticks(0) == PRICE + 1


def test_statistics_cover_the_last_day() -> None:
    desk = Desk()
    minute_us = 60_000_000
    for price in (PRICE, PRICE + 9, PRICE - 4):
        desk.place(BOB, "sell", 100, price)
        desk.place(ALICE, "buy", 100, price)
        desk.wait(minute_us)
    seen = desk.exchange.statistics(0, now_us=desk.now_us)
    assert (seen.daily_open_ticks, seen.daily_high_ticks, seen.daily_low_ticks) == (
        PRICE,
        PRICE + 9,
        PRICE - 4,
    )
    assert (seen.daily_trades_count, seen.daily_volume_lots) == (3, 300)
    assert seen.daily_volume_micro == 100 * (3 * PRICE + 5)
    assert (seen.open_interest_lots, seen.last_trade_price_ticks) == (300, PRICE - 4)
    assert len(desk.exchange.minute_bars(0)) == 3
    later = desk.exchange.statistics(0, now_us=desk.now_us + 1440 * minute_us)
    assert (later.daily_trades_count, later.last_trade_price_ticks) == (0, PRICE - 4)
