"""The limits of `risk`: what is passed, what holds, and that the unknown is never a breach."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.contract.legs import LegRisk
from hedgepair_runner.reckoning import DAY_MS, DayBook, DayTrade, FundingPaid, day_of, day_start_ms
from hedgepair_runner.risking import (
    FRESH_MS,
    Assessment,
    Breach,
    BreachRule,
    RiskFacts,
    RiskPolicy,
    assess,
    is_confirmed,
)
from hedgepair_runner.venues.tiers import PREMIUM, STANDARD, UNLIMITED
from hedgepair_runner.watching import AT_EASE, SPARING, is_due, pace_of
from tests.decide.facts import BRIEFLY, HEDGER_ACCOUNT, MAKER_ACCOUNT, MARKET

NOW_MS = 1_800_000_000_000
TODAY = day_of(NOW_MS)
MARK = 200_000
POLICY = RiskPolicy(
    max_position_lots=5_000,
    accepted_net_lots=0,
    min_distance_bps=1_000,
    max_daily_loss=Decimal(10),
    on_breach=BreachRule.CANCEL_ORDERS,
)


def leg(account: int, lots: int, **changes: Any) -> LegRisk:
    whole = LegRisk(
        account_index=account,
        read_ms=NOW_MS,
        position_lots=lots,
        value_ticks=MARK,
        available_quote="100",
        equity_quote="100",
        other_maintenance_quote="0",
        initial_margin_bps=500,
        maintenance_margin_bps=120,
        liquidation_ticks=None,
        day=TODAY,
        day_quote="0",
    )
    return replace(whole, **changes)


def facts(
    *, maker: dict[str, Any] | None = None, hedger: dict[str, Any] | None = None
) -> RiskFacts:
    return RiskFacts(
        maker=leg(MAKER_ACCOUNT, 1_000, **(maker or {})),
        hedger=leg(HEDGER_ACCOUNT, -1_000, **(hedger or {})),
        has_hedger=True,
        maker_lots=1_000,
        hedger_lots=-1_000,
        mark_ticks=MARK,
        today=TODAY,
        now_ms=NOW_MS,
    )


def judge(known: RiskFacts, **policy: Any) -> Assessment:
    return assess(known, policy=replace(POLICY, **policy), market=MARKET)


def test_within_every_limit_nothing_is_asked() -> None:
    found = judge(facts())
    assert (found.hold, found.shrink, found.breach, found.unknown) == ("", None, None, "")


# -- the daily loss -------------------------------------------------------------------------


def test_the_sum_of_both_legs_decides() -> None:
    found = judge(facts(maker={"day_quote": "-110"}, hedger={"day_quote": "99.99"}))
    assert found.breach is not None
    assert found.breach.is_of_the_day
    assert found.hold == "risk.maxDailyLoss: 10.01 lost since 00:00 UTC, the limit is 10"
    assert judge(facts(maker={"day_quote": "-110"}, hedger={"day_quote": "100.01"})).hold == ""


def test_legs_that_were_read_at_different_marks_do_not_look_like_a_loss() -> None:
    # A was valued when the mark stood 100 lower: 0.1 ETH long looks 10 worse than it is now.
    assert judge(facts(maker={"day_quote": "-11", "value_ticks": MARK - 10_000})).hold == ""


def test_a_loss_from_reads_of_different_moments_holds_and_is_no_breach_yet() -> None:
    found = judge(
        facts(maker={"day_quote": "-50", "position_lots": 500}, hedger={"day_quote": "0"})
    )
    assert found.breach is None
    assert found.is_pending
    assert "to be confirmed" in found.hold


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"day_quote": None}, id="not known"),
        pytest.param({"day": "2020-01-01", "day_quote": "-500"}, id="of another day"),
        pytest.param({"day_quote": "-500", "read_ms": NOW_MS - FRESH_MS - 1}, id="stale"),
    ],
)
def test_an_unknown_result_is_never_a_breach(changes: dict[str, Any]) -> None:
    found = judge(facts(hedger=changes))
    assert found.breach is None
    assert found.shrink is None
    assert found.unknown


def test_without_a_limit_the_day_is_not_asked_for() -> None:
    assert judge(facts(hedger={"day_quote": None}), max_daily_loss=None).unknown == ""


# -- distance -------------------------------------------------------------------------------

NEAR = {"liquidation_ticks": 215_000, "is_near": True, "is_near_twice": True}


def test_near_on_either_leg_both_shrink() -> None:
    found = judge(facts(hedger=NEAR))
    assert found.shrink is not None
    assert found.shrink.target_lots == 600
    assert found.hold == (
        "margin: account 102 is 7.5 % from liquidation; risk.minMarginDistance is 10 %"
    )


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(facts(hedger={**NEAR, "is_near_twice": False}), id="one read is not enough"),
        pytest.param(facts(hedger=NEAR, maker={"position_lots": 0}), id="reads that disagree"),
        pytest.param(replace(facts(hedger=NEAR), maker_lots=None), id="an unknown chain"),
    ],
)
def test_nothing_is_closed_on_a_guess(known: RiskFacts) -> None:
    found = judge(known)
    assert found.shrink is None
    assert found.hold


# -- the largest position -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "role"),
    [
        pytest.param({"maker_lots": 5_001}, "maker", id="the maker's"),
        pytest.param({"hedger_lots": -5_001}, "hedger", id="the hedger's"),
    ],
)
def test_a_position_beyond_the_limit_is_a_breach(changes: dict[str, Any], role: str) -> None:
    found = judge(replace(facts(), **changes))
    assert found.breach is not None
    assert f"the {role} holds" in found.hold
    assert judge(replace(facts(), hedger_lots=-5_001), accepted_net_lots=-1).breach is None


def test_a_breach_is_confirmed_by_later_reads_of_both_legs_alone() -> None:
    first = Breach(reason="r", is_of_the_day=True, reads=(5, 5))
    assert not is_confirmed(first, first)
    assert not is_confirmed(first, replace(first, reads=(6, 5)))
    assert is_confirmed(first, replace(first, reads=(6, 6)))


@BRIEFLY
@given(st.data())
def test_with_anything_unknown_nothing_is_closed(data: st.DataObject) -> None:
    """Law 7, over any facts: closing needs both legs, fresh and agreeing."""
    known = facts(hedger={**NEAR, "day_quote": "-900"})
    unknown = data.draw(
        st.sampled_from(["maker", "hedger", "maker_lots", "hedger_lots", "mark_ticks"])
    )
    changes: dict[str, Any] = {unknown: None}
    found = judge(replace(known, **changes))
    assert found.shrink is None
    assert found.breach is None


# -- the day's book -------------------------------------------------------------------------

START_MS = day_start_ms(NOW_MS)


def day_trade(trade_id: int, realised: str, *, after: int = 0, at_ms: int = START_MS) -> DayTrade:
    return DayTrade(
        trade_id=trade_id,
        timestamp_ms=at_ms,
        realised_quote=Decimal(realised),
        fee_quote=Decimal("0.5"),
        after_lots=after,
    )


def test_a_day_is_realised_less_fees_with_funding_and_what_is_open() -> None:
    book = DayBook(start_ms=START_MS)
    book.add([day_trade(1, "3"), day_trade(2, "-7", after=40)])
    book.add([day_trade(2, "-7", after=40), day_trade(3, "9", at_ms=START_MS - 1)])
    book.add_fundings([FundingPaid(funding_id=1, timestamp_ms=START_MS, change_quote=Decimal(2))])
    result = book.result_quote(position_lots=40, unrealised_quote=Decimal(10))
    assert result == Decimal(7)


def test_a_position_that_the_newest_trade_does_not_lead_to_is_another_moment() -> None:
    book = DayBook(start_ms=START_MS)
    book.add([day_trade(1, "3", after=40)])
    assert book.result_quote(position_lots=0, unrealised_quote=Decimal(0)) is None
    untraded = DayBook(start_ms=START_MS)
    assert untraded.result_quote(position_lots=9, unrealised_quote=Decimal(1)) == Decimal(1)


def test_a_day_begins_at_midnight_utc() -> None:
    assert day_start_ms(NOW_MS) % DAY_MS == 0
    assert day_of(START_MS - 1) != day_of(START_MS) == day_of(START_MS + DAY_MS - 1)


# -- when to read ---------------------------------------------------------------------------


def test_a_small_tier_is_read_sparingly() -> None:
    assert pace_of(STANDARD) is SPARING
    assert pace_of(PREMIUM) is SPARING  # 80 reads a minute, whatever its transactions
    assert pace_of(UNLIMITED) is AT_EASE


def test_a_read_is_due_sooner_after_a_trade_and_soonest_near_a_limit() -> None:
    due_s = [
        next(s for s in range(99) if is_due(SPARING, since_s=s, has_traded=traded, is_near=near))
        for traded, near in ((False, False), (True, False), (True, True))
    ]
    assert due_s == [20, 8, 2]
    assert is_due(SPARING, since_s=None, has_traded=False, is_near=False)
