"""Isolated positions: margin of their own, in and out (protocol §5.4, §7.13)."""

from __future__ import annotations

import pytest

from hedgepair_runner.venues.paper.isolating import Holding, Terms, traded
from hedgepair_runner.venues.paper.records import OrderStatus, Position, TxStatus
from hedgepair_runner.venues.paper.transaction_shapes import (
    MarginDirection,
    MarginMode,
    UpdateLeverage,
)
from tests.exchange.booth import KEY, Booth
from tests.exchange.desk import ALICE, BOB, CAROL, PRICE, Desk, code_of
from tests.exchange.worth import worth_pico

USDC = 10**12
ISOLATED, REMOVE = MarginMode.ISOLATED, MarginDirection.REMOVE


@pytest.mark.parametrize(
    ("size", "margin", "delta", "price", "collateral_change", "new_margin"),
    [
        pytest.param(0, 0, 100, 1_000, -10_000, 10_000, id="opens: initial margin of a tenth"),
        pytest.param(0, 0, 100, 1_010, -11_000, 11_000, id="opens above the mark: the loss, too"),
        pytest.param(0, 0, -100, 1_010, -10_000, 10_000, id="opens a short above the mark"),
        pytest.param(100, 10_000, 100, 1_000, -10_000, 20_000, id="adds"),
        pytest.param(100, 10_000, -50, 1_020, 6_000, 5_000, id="halves with a profit of 1,000"),
        pytest.param(100, 10_000, -50, 980, 4_000, 5_000, id="halves with a loss of 1,000"),
        pytest.param(100, 10_000, -50, 800, 0, 0, id="halves, and the loss takes all of it"),
        pytest.param(100, 10_000, -100, 1_020, 12_000, 0, id="closes"),
        pytest.param(100, 10_000, -150, 1_000, 5_000, 5_000, id="turns short"),
    ],
)
def test_what_a_trade_moves(
    size: int, margin: int, delta: int, price: int, collateral_change: int, new_margin: int
) -> None:
    position = Position(
        market_id=0,
        size_lots=size,
        entry_quote_micro=abs(size) * 1_000,
        margin_mode=1,
        allocated_margin_pico=margin * 10**6,
    )
    terms = Terms(
        delta_lots=delta, price_ticks=price, mark_ticks=1_000, initial_fraction=1_000, fee_pico=7
    )
    after = traded(Holding(collateral_pico=0, position=position), terms)
    assert after.collateral_pico == collateral_change * 10**6 - 7
    assert after.position.allocated_margin_pico == new_margin * 10**6


def isolated(lots: int = 100_000) -> Desk:
    """ALICE is long 10 ETH at 2,000 with 5 % of it as margin."""
    desk = Desk()
    desk.send(desk.leverage(ALICE, 500, ISOLATED))
    desk.place(BOB, "sell", lots)
    desk.place(ALICE, "buy", lots)
    return desk


def test_the_margin_of_a_position_comes_from_the_collateral() -> None:
    view = isolated().account(ALICE)
    held = view.positions[0]
    assert (view.collateral_pico, held.position.allocated_margin_pico) == (
        99_000 * USDC,
        1_000 * USDC,
    )
    assert view.cross_asset_value_pico == 99_000 * USDC
    assert view.total_asset_value_pico == 100_000 * USDC
    assert view.cross_initial_margin_pico == 0
    assert held.liquidation_price_ticks == 192_308  # 5 % less 1.2 % of what is left


def test_cross_positions_do_not_feel_it() -> None:
    desk = isolated()
    desk.index(195_000)
    view = desk.account(ALICE)
    assert view.cross_asset_value_pico == 99_000 * USDC
    assert view.total_asset_value_pico == 99_500 * USDC


def test_closing_gives_it_back() -> None:
    desk = isolated()
    desk.place(CAROL, "buy", 100_000, PRICE + 1_000)
    desk.place(ALICE, "sell", 100_000, PRICE + 1_000)
    view = desk.account(ALICE)
    assert view.collateral_pico == 100_100 * USDC
    assert view.positions[0].position.allocated_margin_pico == 0
    assert worth_pico(desk.exchange, (ALICE, BOB, CAROL)) == 1_300_000 * USDC


@pytest.mark.parametrize(
    ("usdc", "direction", "code"),
    [
        pytest.param(500, MarginDirection.ADD, 0, id="add"),
        pytest.param(99_001, MarginDirection.ADD, 21301, id="add more than there is"),
        pytest.param(100, REMOVE, 0, id="remove what a gain has freed"),
        pytest.param(1_090, REMOVE, 21508, id="remove below initial margin"),
        pytest.param(1_900, REMOVE, 21507, id="remove below maintenance margin"),
    ],
)
def test_margin_is_added_and_removed(usdc: int, direction: MarginDirection, code: int) -> None:
    desk = isolated()
    desk.index(PRICE + 11_000)  # 1,100 USDC of profit, 1,055 of initial margin
    tx = desk.margin(ALICE, usdc * 10**6, direction)
    assert code_of(desk.admit(tx)) == code
    desk.wait()
    signed = 0 if code else usdc if direction is MarginDirection.ADD else -usdc
    view = desk.account(ALICE)
    assert view.collateral_pico == (99_000 - signed) * USDC
    assert view.positions[0].position.allocated_margin_pico == (1_000 + signed) * USDC


def test_margin_is_for_isolated_positions_that_are_open() -> None:
    desk = Desk()
    assert code_of(desk.admit(desk.margin(ALICE, 1))) == 21613
    desk.send(desk.leverage(ALICE, 500, ISOLATED))
    assert code_of(desk.admit(desk.margin(ALICE, 1))) == 21614


def test_the_mode_changes_only_in_an_empty_market() -> None:
    desk = Desk()
    order = desk.place(ALICE, "buy", 100, PRICE - 100)
    assert code_of(desk.admit(desk.leverage(ALICE, 500, ISOLATED))) == 21132
    desk.send(desk.cancel(ALICE, order.order_index))
    desk.send(desk.leverage(ALICE, 500, ISOLATED))
    desk.place(BOB, "sell", 100)
    desk.place(ALICE, "buy", 100)
    assert code_of(desk.admit(desk.leverage(ALICE, 500, MarginMode.CROSS))) == 21132
    assert desk.send(desk.leverage(ALICE, 400, ISOLATED)).status is TxStatus.EXECUTED


def test_a_lower_leverage_needs_its_margin_first() -> None:
    desk = isolated()
    record = desk.send(desk.leverage(ALICE, 1_000, ISOLATED))
    assert (record.status, "21508" in record.event_info) == (TxStatus.FAILED, True)
    desk.send(desk.margin(ALICE, 1_000 * 10**6))
    assert desk.send(desk.leverage(ALICE, 1_000, ISOLATED)).status is TxStatus.EXECUTED


def test_an_order_needs_the_collateral_to_allocate() -> None:
    desk = Desk()
    desk.send(desk.leverage(ALICE, 500, ISOLATED))
    assert code_of(desk.admit(desk.order(ALICE, "buy", 10_000_000))) == 0
    assert code_of(desk.admit(desk.order(ALICE, "buy", 10_000_001))) == 21739


def test_a_maker_without_collateral_to_allocate_is_cancelled() -> None:
    desk = Desk()
    desk.send(desk.leverage(ALICE, 500, ISOLATED))
    maker = desk.place(ALICE, "buy", 1_000_000)
    desk.exchange.deposit(ALICE, -99_999 * USDC, now_us=desk.now_us)
    desk.place(BOB, "sell", 1_000_000)
    assert desk.order_now(maker).status is OrderStatus.CANCELED_MARGIN_NOT_ALLOWED


def test_rest_shows_mode_and_margin() -> None:
    booth = Booth()
    tx = UpdateLeverage(
        account_index=6,
        api_key_index=KEY,
        nonce=booth.next_nonce(6),
        expired_at_ms=booth.now_ms + 599_000,
        market_id=0,
        initial_margin_fraction=1_000,
        margin_mode=ISOLATED,
    )
    booth.send(booth.sign(tx))
    booth.send(booth.create(5, is_ask=True, price_ticks=236_131, lots=10_000))
    booth.send(booth.create(6, is_ask=False, price_ticks=236_131, lots=10_000))
    [shown] = booth.get("/api/v1/account?by=index&value=6")["accounts"]
    [held] = shown["positions"]
    assert (held["margin_mode"], held["allocated_margin"]) == (1, "236.131000")
    assert held["initial_margin_fraction"] == "10.00"
    assert shown["collateral"] == shown["cross_asset_value"] == "99763.869000"
    assert shown["total_asset_value"] == "100000.000000"
    stats = booth.line().subscribe("user_stats/6")["stats"]
    assert (stats["cross_stats"]["leverage"], stats["total_stats"]["leverage"]) == ("0.00", "0.02")
