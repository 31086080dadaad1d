"""Liquidation: through the book, by the insurance fund, against others (protocol §7.13)."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import replace
from typing import Any

import pytest

from hedgepair_runner.venues.paper.accounts import INSURANCE_FUND
from hedgepair_runner.venues.paper.events import Notified
from hedgepair_runner.venues.paper.liquidating import (
    deleverage_rank,
    slice_lots,
    zero_price_ticks,
)
from hedgepair_runner.venues.paper.margining import Health, Standing
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.records import OrderStatus, Position, TimeInForce, TradeType
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import MarginMode
from tests.exchange.booth import Booth
from tests.exchange.desk import ALICE, BOB, CAROL, DAVE, UNLIMITED, Desk, code_of
from tests.exchange.worth import worth_pico

with warnings.catch_warnings():
    # The SDK imports the websockets library's legacy client.
    legacy = "websockets.(legacy|client.connect) is deprecated"
    warnings.filterwarnings("ignore", legacy, DeprecationWarning)
    lighter: Any = importlib.import_module("lighter")

IOC = TimeInForce.IOC
USDC = 10**12
ALL = (ALICE, BOB, CAROL, DAVE)
STEP_US = 200_000
POOR_FUND = replace(UNLIMITED, insurance_fund_micro=0)
LOTS = 8_000_000  # 800 ETH at 2,000.00 on 100,000 USDC: 16 times
PARTIAL, FULL, BANKRUPT = 189_700, 188_000, 180_000
ZERO = 187_500
"""Where ALICE's collateral is used up."""


def long_alice(settings: ExchangeSettings = UNLIMITED) -> Desk:
    """ALICE is long 800 ETH, BOB short as many, and CAROL bids for 400 a little lower."""
    desk = Desk(settings)
    desk.place(BOB, "sell", LOTS)
    desk.place(ALICE, "buy", LOTS)
    desk.place(CAROL, "buy", 4_000_000, 189_600)
    return desk


@pytest.mark.parametrize(
    ("value", "standing"),
    [
        pytest.param(5, Standing.HEALTHY, id="at initial margin"),
        pytest.param(4, Standing.PRE_LIQUIDATION, id="below it"),
        pytest.param(3, Standing.PRE_LIQUIDATION, id="at maintenance margin"),
        pytest.param(2, Standing.PARTIAL_LIQUIDATION, id="below it, at close-out margin"),
        pytest.param(1, Standing.FULL_LIQUIDATION, id="below that"),
        pytest.param(-1, Standing.FULL_LIQUIDATION, id="bankrupt"),
    ],
)
def test_how_an_account_stands(value: int, standing: Standing) -> None:
    state = Health(total_value_pico=value, initial_pico=5, maintenance_pico=3, closeout_pico=2)
    assert state.standing is standing


@pytest.mark.parametrize(
    ("size", "value", "price"),
    [
        pytest.param(100, 12, 988, id="long: maintenance lower"),
        pytest.param(100, 6, 994, id="half of the value, half of the way"),
        pytest.param(100, 0, 1_000, id="nothing left: at the mark"),
        pytest.param(100, -6, 1_006, id="bankrupt: past the mark"),
        pytest.param(-100, 12, 1_012, id="short: maintenance higher"),
        pytest.param(-100, -6, 994, id="bankrupt short"),
        pytest.param(100, 5, 995, id="rounded for the account"),
    ],
)
def test_the_zero_price_keeps_value_and_maintenance_in_proportion(
    size: int, value: int, price: int
) -> None:
    position = Position(market_id=0, size_lots=size, entry_quote_micro=100_000)
    state = Health(total_value_pico=value, initial_pico=60, maintenance_pico=12)
    assert zero_price_ticks(position, ETH, 1_000, state) == price


@pytest.mark.parametrize(
    ("size", "lots"), [(1_001, 201), (-1_000, 200), (200, 50), (60, 50), (-7, 7)]
)
def test_a_fifth_is_closed_at_a_time_but_no_dust_is_left_over(size: int, lots: int) -> None:
    assert slice_lots(Position(market_id=0, size_lots=size), ETH) == lots


def test_profit_and_leverage_rank_for_deleveraging() -> None:
    def rank(entry_ticks: int, value: int) -> object:
        position = Position(market_id=0, size_lots=-10, entry_quote_micro=10 * entry_ticks)
        return deleverage_rank(position, 100, value * 10**6)

    assert rank(150, 100) > rank(120, 100)  # type: ignore[operator]  # fractions, as objects
    assert rank(120, 50) > rank(120, 100)  # type: ignore[operator]
    assert rank(90, 50) < rank(120, 1_000)  # type: ignore[operator]


# -- through the book --


def test_below_maintenance_a_slice_is_sold_above_the_zero_price() -> None:
    desk = long_alice()
    resting = desk.place(ALICE, "buy", 100, 150_000)
    before = worth_pico(desk.exchange, ALL)
    desk.index(PARTIAL)
    assert desk.trades[1:] == []
    desk.wait(STEP_US)
    [trade] = desk.trades[1:]
    assert trade.trade_type is TradeType.LIQUIDATION
    assert (trade.taker.account_index, trade.maker.account_index) == (ALICE, CAROL)
    assert (trade.size_lots, trade.price_ticks) == (LOTS // 5, 189_600)
    assert trade.taker.fee_millionths == 10_000
    fund = desk.account(INSURANCE_FUND)
    assert fund.collateral_pico == 1_000_000 * USDC + trade.quote_micro * 10_000
    assert desk.order_now(resting).status is OrderStatus.CANCELED_LIQUIDATION
    assert worth_pico(desk.exchange, ALL) == before


def test_it_ends_when_maintenance_is_met_again() -> None:
    desk = long_alice()
    desk.index(PARTIAL)
    desk.wait(10_000_000)
    view = desk.account(ALICE)
    assert 0 < desk.position(ALICE) < LOTS
    assert view.cross_maintenance_margin_pico <= view.cross_asset_value_pico
    assert all(trade.trade_type is TradeType.LIQUIDATION for trade in desk.trades[1:])
    assert desk.wait(10_000_000) == []


def test_the_fee_is_what_the_price_is_better_and_no_more() -> None:
    desk = Desk()
    desk.place(BOB, "sell", LOTS)
    desk.place(ALICE, "buy", LOTS)
    desk.place(CAROL, "buy", 4_000_000, 188_000)  # zero price: 1,875.01
    desk.index(PARTIAL)
    desk.wait(STEP_US)
    trade = desk.trades[1]
    assert 2_600 < trade.taker.fee_millionths < 2_700


def test_nothing_is_sold_below_the_zero_price() -> None:
    desk = Desk()
    desk.place(BOB, "sell", LOTS)
    desk.place(ALICE, "buy", LOTS)
    desk.place(CAROL, "buy", 4_000_000, 187_000)
    desk.index(PARTIAL)
    desk.wait(1_000_000)
    assert desk.trades[1:] == []
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, PARTIAL))) == 21112


def test_a_halted_market_liquidates_nobody() -> None:
    desk = long_alice()
    desk.exchange.set_market_status(0, "inactive")
    desk.index(FULL)
    desk.wait(1_000_000)
    assert desk.trades[1:] == []
    desk.exchange.set_market_status(0, "active")
    desk.wait(STEP_US)
    assert desk.position(ALICE) == 0


# -- what the account may still do --


def test_below_initial_margin_it_may_only_get_healthier() -> None:
    desk = long_alice()
    desk.index(191_000)
    assert code_of(desk.admit(desk.order(ALICE, "buy", 100, 191_000))) == 21111
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, 191_000))) == 0


def test_in_liquidation_it_may_do_nothing() -> None:
    desk = long_alice()
    resting = desk.place(ALICE, "buy", 100, 150_000)
    desk.index(PARTIAL)
    for tx in (
        desk.order(ALICE, "sell", 100, PARTIAL),
        desk.cancel(ALICE, resting.order_index),
        desk.cancel_all(ALICE),
        desk.leverage(ALICE, 1_000),
    ):
        assert code_of(desk.admit(tx)) == 21112


def test_what_waits_when_liquidation_begins_fails_and_consumes_its_nonce() -> None:
    desk = Desk(replace(UNLIMITED, tier_of_account={ALICE: "standard"}))
    desk.place(BOB, "sell", LOTS)
    desk.admit(desk.order(ALICE, "buy", LOTS))
    desk.wait(300_000)
    nonce = desk.nonce(ALICE)
    desk.admit(desk.order(ALICE, "sell", 100, PARTIAL, tif=TimeInForce.POST_ONLY))
    desk.wait(150_000)
    desk.index(PARTIAL)
    desk.wait(60_000)
    assert "21112" in desk.verdicts[-1].event_info
    assert desk.nonce(ALICE) == nonce + 1


def test_liquidation_can_be_switched_off() -> None:
    desk = long_alice(replace(UNLIMITED, liquidation_every_us=None))
    desk.index(BANKRUPT)
    desk.wait(10_000_000)
    assert desk.position(ALICE) == LOTS


def test_the_markets_own_traders_are_never_liquidated() -> None:
    desk = Desk()
    desk.exchange.place_direct(
        900, market_id=0, is_ask=True, size_lots=LOTS, price_ticks=200_000, now_us=desk.now_us
    )
    desk.place(ALICE, "buy", LOTS)
    desk.index(400_000)
    desk.wait(10_000_000)
    assert desk.position(900) == -LOTS


# -- past the book --


@pytest.mark.parametrize("index", [FULL, BANKRUPT])
def test_below_close_out_the_insurance_fund_takes_over(index: int) -> None:
    desk = long_alice()
    before = worth_pico(desk.exchange, ALL)
    desk.index(index)
    desk.wait(STEP_US)
    trade = desk.trades[-1]
    assert (trade.trade_type, trade.price_ticks) == (TradeType.DELEVERAGE, ZERO)
    assert (trade.maker.account_index, trade.taker.fee_millionths) == (INSURANCE_FUND, 0)
    assert desk.position(ALICE) == 0
    assert desk.position(INSURANCE_FUND) == LOTS
    assert desk.account(ALICE).collateral_pico == 0
    assert desk.exchange.mark_price_ticks(0) == index
    assert worth_pico(desk.exchange, ALL) == before


def test_without_a_fund_the_best_ranked_of_the_other_side_are_closed() -> None:
    desk = Desk(POOR_FUND)
    desk.exchange.deposit(CAROL, 900_000 * USDC, now_us=desk.now_us)
    for who in (BOB, CAROL):
        desk.place(who, "sell", 4_500_000)
    desk.place(ALICE, "buy", LOTS)
    desk.place(DAVE, "buy", 1_000_000)
    before = worth_pico(desk.exchange, ALL)
    desk.index(FULL)
    desk.wait(STEP_US)
    forced = [trade for trade in desk.trades if trade.trade_type is TradeType.DELEVERAGE]
    assert [(trade.maker.account_index, trade.size_lots) for trade in forced] == [
        (BOB, 4_500_000),
        (CAROL, 3_500_000),
    ]
    assert {trade.price_ticks for trade in forced} == {ZERO}
    assert [desk.position(who) for who in ALL] == [0, 0, -1_000_000, 1_000_000]
    told = [(e.account_index, e.is_deleverage) for e in desk.events if isinstance(e, Notified)]
    assert told == [(ALICE, False), (BOB, True), (ALICE, False), (CAROL, True)]
    assert worth_pico(desk.exchange, ALL) == before


def test_positions_in_two_markets_go_together_and_leave_nothing() -> None:
    desk = Desk()
    for market in (0, 1):
        price = 200_000
        desk.place(BOB, "sell", 4_000_000, price, market=market)
        desk.place(ALICE, "buy", 4_000_000, price, market=market)
    before = worth_pico(desk.exchange, ALL)
    desk.index(188_000)
    desk.index(187_500, market=1)
    desk.wait(STEP_US)
    assert [desk.position(ALICE, market) for market in (0, 1)] == [0, 0]
    # Each zero price is rounded up to a tick: so much may be left, and no less than nothing.
    assert 0 <= desk.account(ALICE).collateral_pico <= 2 * 4_000_000 * 10**6
    assert worth_pico(desk.exchange, ALL) == before


def test_an_isolated_position_goes_alone() -> None:
    desk = Desk()
    desk.send(desk.leverage(ALICE, 500, MarginMode.ISOLATED))
    for market in (0, 1):
        desk.place(BOB, "sell", 100_000, market=market)
        desk.place(ALICE, "buy", 100_000, market=market)
    kept = desk.place(ALICE, "buy", 100, 150_000, market=1)
    gone = desk.place(ALICE, "buy", 100, 150_000)
    before = worth_pico(desk.exchange, ALL)
    collateral = desk.account(ALICE).collateral_pico
    desk.index(190_500)  # 5 % of margin, 4.75 % of loss
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, 190_500))) == 21112
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, market=1))) == 0
    desk.wait(STEP_US)
    assert [desk.position(ALICE, market) for market in (0, 1)] == [0, 100_000]
    assert desk.order_now(gone).status is OrderStatus.CANCELED_LIQUIDATION
    assert desk.order_now(kept).status is OrderStatus.OPEN
    assert desk.account(ALICE).collateral_pico == collateral
    assert worth_pico(desk.exchange, ALL) == before


# -- what is told of it --


def liquidated_booth() -> Booth:
    booth = Booth()
    booth.send(booth.create(5, is_ask=True, price_ticks=236_000, lots=LOTS))
    ioc = TimeInForce.IOC
    tx = booth.create(6, is_ask=False, price_ticks=236_000, lots=LOTS, time_in_force=ioc)
    booth.send(tx)
    return booth


def test_it_is_told_on_the_notification_and_trade_channels() -> None:
    booth = liquidated_booth()
    line = booth.line()
    line.subscribe("notification/6", booth.token(6))
    line.subscribe("trade/0")
    booth.exchange.set_index_price(0, 223_500, now_us=booth.clock.us)
    booth.pass_ms(300)
    [frame] = line.of_type("update/notification")
    [notice] = frame["notifs"]
    assert (notice["kind"], notice["account_index"], notice["ack"]) == ("liquidation", 6, False)
    assert notice["content"]["size"] == "800.0000"
    assert notice["content"]["is_ask"] is True
    [trades] = line.of_type("update/trade")
    assert trades["trades"] == []
    assert [trade["type"] for trade in trades["liquidation_trades"]] == ["deleverage"]


def test_the_liquidations_of_an_account_pass_the_published_model() -> None:
    booth = liquidated_booth()
    booth.exchange.set_index_price(0, 223_500, now_us=booth.clock.us)
    booth.pass_ms(300)
    path = "/api/v1/liquidations?account_index=6&limit=10"
    body = booth.get(path, auth=booth.token(6))
    model = lighter.LiquidationInfos.model_validate(body)
    [entry] = model.liquidations
    assert (entry.type, entry.trade.size, entry.market_id) == ("deleverage", "800.0000", 0)
    before, after = entry.info.risk_info_before, entry.info.risk_info_after
    assert before.cross_risk_parameters.collateral == "100000.000000"
    assert after.cross_risk_parameters.maintenance_margin_req == "0.000000"
    assert booth.request(path)[0] == 400
