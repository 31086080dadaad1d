"""What an account can carry, and how far it is from liquidation: never better than it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.contract.legs import LegRisk, read_leg
from hedgepair_runner.margins import (
    Leg,
    distance_bps,
    foreseen_distance_bps,
    leg_of,
    margin_obstacle,
    needed_units,
    shrunk_lots,
)
from hedgepair_runner.orders import AccountRead, PositionMargin
from tests.decide.facts import BRIEFLY, HEDGER_ACCOUNT, MAKER_ACCOUNT, MARKET

MARK = 200_000
"""2,000.00"""
RISK = LegRisk(
    account_index=HEDGER_ACCOUNT,
    read_ms=1_000,
    position_lots=0,
    value_ticks=None,
    available_quote="100",
    equity_quote="100",
    other_maintenance_quote="0",
    initial_margin_bps=500,
    maintenance_margin_bps=120,
    liquidation_ticks=None,
)


def hedger(risk: LegRisk | None = RISK, *, lots: int | None = 0, cost_bps: int = 50) -> Leg:
    return Leg(
        account_index=HEDGER_ACCOUNT, risk=risk, position_lots=lots, sign=-1, cost_bps=cost_bps
    )


def maker(**changes: Any) -> Leg:
    risk = replace(RISK, account_index=MAKER_ACCOUNT, **changes)
    return Leg(
        account_index=MAKER_ACCOUNT,
        risk=risk,
        position_lots=risk.position_lots,
        sign=1,
        cost_bps=0,
    )


def obstacle(*legs: Leg, lots: int = 1_000, distance: int = 0) -> str | None:
    return margin_obstacle(
        legs, signed_lots=lots, mark_ticks=MARK, least_distance_bps=distance, market=MARKET
    )


# 1,000 lots are 0.1 ETH: worth 200, an initial margin of 10, with the buffer 11, and 1 of slippage.


@pytest.mark.parametrize(
    ("available", "is_carried"),
    [
        pytest.param("12.00", True, id="just enough for margin, buffer and slippage"),
        pytest.param("11.99", False, id="a cent short"),
        pytest.param("0", False, id="nothing"),
        pytest.param("-3.5", False, id="less than nothing"),
    ],
)
def test_a_hedge_that_the_account_could_not_carry_is_not_quoted_for(
    available: str, is_carried: bool
) -> None:
    found = obstacle(maker(), hedger(replace(RISK, available_quote=available)))
    assert (found is None) is is_carried
    if found is not None:
        assert "account 102 could not carry the hedge of 0.1000 ETH" in found
        assert "12.00 needed" in found


def test_an_unknown_account_carries_nothing_not_even_what_reduces() -> None:
    assert obstacle(hedger(None)) == "margin: what account 102 could carry is unknown"
    assert obstacle(hedger(lots=None), lots=-1) is not None


def test_what_reduces_needs_no_margin() -> None:
    poor = replace(RISK, available_quote="0", equity_quote="1", position_lots=-1_000)
    assert obstacle(hedger(poor, lots=-1_000), lots=-1_000) is None


def test_a_read_from_before_the_last_fill_does_not_count_its_margin_as_free() -> None:
    stale = replace(RISK, available_quote="22.5")
    assert obstacle(hedger(stale)) is None
    assert obstacle(hedger(stale, lots=-1_000)) is not None


def test_a_quote_that_would_end_near_liquidation_is_not_placed() -> None:
    found = obstacle(maker(equity_quote="24"), distance=1_000)
    assert found is not None
    assert "would leave account 101" in found
    assert obstacle(maker(equity_quote="30"), distance=1_000) is None


@pytest.mark.parametrize(
    ("lots", "liquidation", "expected"),
    [
        pytest.param(500, 180_000, 1_000, id="long: the mark falls"),
        pytest.param(-500, 220_000, 1_000, id="short: the mark rises"),
        pytest.param(500, 210_000, 0, id="passed already"),
        pytest.param(500, None, None, id="no such price"),
        pytest.param(0, 180_000, None, id="nothing to liquidate"),
    ],
)
def test_distance(lots: int, liquidation: int | None, expected: int | None) -> None:
    leg = replace(RISK, position_lots=lots, liquidation_ticks=liquidation)
    assert distance_bps(leg, MARK) == expected


@BRIEFLY
@given(
    lots=st.integers(1, 50_000),
    equity=st.decimals("0.01", "10000", places=2),
    is_short=st.booleans(),
)
def test_the_foreseen_distance_is_never_larger_than_the_real_one(
    lots: int, equity: Decimal, is_short: bool
) -> None:
    """Against the engine's rule: liquidated once worth < maintenance at the new mark (§7.13)."""
    risk = replace(RISK, equity_quote=str(equity))
    foreseen = foreseen_distance_bps(
        risk, -lots if is_short else lots, mark_ticks=MARK, market=MARKET
    )
    moved = Decimal(foreseen) / 10_000
    notional = MARKET.quote(lots * MARK)
    worth = equity - notional * moved
    at_mark = notional * (1 + moved if is_short else 1 - moved)
    assert foreseen == 0 or worth >= at_mark * Decimal("0.012") - Decimal("0.000001")


@BRIEFLY
@given(
    position=st.integers(-9_999, 9_999).filter(bool),
    distance=st.integers(0, 999),
)
def test_a_shrunk_position_is_smaller_of_the_same_side_and_far_enough(
    position: int, distance: int
) -> None:
    target = shrunk_lots(position, distance=distance, wanted=1_000)
    assert abs(target) < abs(position)
    assert target * position >= 0
    # The distance grows as the position shrinks: about a quarter more than is asked for.
    assert abs(target) * 1_250 <= abs(position) * distance


@BRIEFLY
@given(now=st.integers(-5_000, 5_000), after=st.integers(-5_000, 5_000))
def test_margin_needed_is_never_negative_and_nothing_for_what_shrinks(now: int, after: int) -> None:
    needed = needed_units(RISK, now_lots=now, after_lots=after, mark_ticks=MARK)
    assert needed >= 0
    if abs(after) <= abs(now):
        assert needed == 0


def test_an_account_as_read_becomes_a_leg() -> None:
    read = AccountRead(
        account_index=HEDGER_ACCOUNT,
        l1_address="0x1",
        positions_lots={MARKET.market_id: -1_000},
        entry_prices={MARKET.market_id: "2010"},
        available_balance="80",
        collateral="90",
        total_asset_value="91",
        cancel_all_time_ms=0,
        maintenance_quote="5.4",
        margins={
            MARKET.market_id: PositionMargin(
                initial_margin_bps=1_000,
                liquidation_ticks=230_000,
                value_quote="200.5",
                unrealised_quote="1",
            )
        },
    )
    market = replace(MARKET, maintenance_margin_bps=100, initial_margin_bps=500)
    leg = leg_of(read, market, read_ms=7)
    assert (leg.position_lots, leg.value_ticks, leg.liquidation_ticks) == (-1_000, 200_500, 230_000)
    assert leg.initial_margin_bps == 1_000
    assert Decimal(leg.other_maintenance_quote) == Decimal("3.395")


def test_a_leg_of_a_newer_writer_is_read_all_the_same() -> None:
    raw = {name: getattr(RISK, name) for name in RISK.__dataclass_fields__} | {"later": 1}
    assert read_leg(raw) == RISK
    assert read_leg(None) is None
