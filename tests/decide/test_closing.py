"""What a closing takes from a position: never more than is proved, never past its target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.closing import (
    ClosingOrder,
    ClosingQuestion,
    ClosingStep,
    Instructions,
    decide_closing,
    surplus_lots,
)
from hedgepair_runner.orders import Side
from tests.decide.facts import MARKET

QUESTION = ClosingQuestion(
    order=ClosingOrder(target_lots=0, reason="flattening"),
    position_lots=0,
    proved_lots=0,
    mark_ticks=100_000,
    most_lots=500,
    bound_bps=50,
)

lots = st.integers(-5_000, 5_000)


@pytest.mark.parametrize(
    ("position", "target", "surplus"),
    [
        pytest.param(300, 0, 300, id="long to flat"),
        pytest.param(-300, 0, -300, id="short to flat"),
        pytest.param(300, 100, 200, id="long to less"),
        pytest.param(-300, -100, -200, id="short to less"),
        pytest.param(300, 300, 0, id="at the target"),
        pytest.param(300, 400, 0, id="a target beyond opens nothing"),
        pytest.param(300, -100, 300, id="a target past zero stops at zero"),
        pytest.param(0, 100, 0, id="flat stays flat"),
    ],
)
def test_what_is_to_be_closed(position: int, target: int, surplus: int) -> None:
    assert surplus_lots(position, target) == surplus


@given(position=lots, target=lots, proved=lots | st.none(), most=st.integers(1, 1_000))
def test_a_step_only_shrinks_what_two_sources_prove(
    position: int, target: int, proved: int | None, most: int
) -> None:
    order = ClosingOrder(target_lots=target, reason="because")
    question = replace(
        QUESTION, order=order, position_lots=position, proved_lots=proved, most_lots=most
    )

    step = decide_closing(question, market=MARKET)

    if isinstance(step, ClosingStep):
        assert proved == position
        assert 0 < step.lots <= most
        after = position + step.side * step.lots
        assert after * position >= 0
        assert abs(after) < abs(position)
        assert abs(after) >= (abs(target) if target * position > 0 else 0)


def test_the_price_is_bounded_from_the_mark_and_rounded_toward_it() -> None:
    question = replace(QUESTION, position_lots=7, proved_lots=7, mark_ticks=99_999)

    sell = decide_closing(question, market=MARKET)
    buy = decide_closing(replace(question, position_lots=-7, proved_lots=-7), market=MARKET)

    assert sell == ClosingStep(side=Side.SELL, lots=7, price_ticks=99_500)
    assert buy == ClosingStep(side=Side.BUY, lots=7, price_ticks=100_498)


def test_a_step_stays_within_the_largest_order_of_the_venue() -> None:
    market = replace(MARKET, order_quote_limit_units=99_500 * 20)
    question = replace(QUESTION, position_lots=100, proved_lots=100)
    step = decide_closing(question, market=market)
    assert isinstance(step, ClosingStep)
    assert step.lots == 20


def test_of_several_orders_the_one_that_leaves_least_counts() -> None:
    instructions = Instructions()
    instructions.close("margin", ClosingOrder(target_lots=-200, reason="margin"))
    instructions.close("wish", ClosingOrder(target_lots=0, reason="wish"))
    assert instructions.closing == ClosingOrder(target_lots=0, reason="wish")

    instructions.close("wish", None)
    assert instructions.closing == ClosingOrder(target_lots=-200, reason="margin")

    instructions.close("margin", None)
    assert instructions.closing is None


def test_what_several_withhold_is_free_when_all_of_them_say_so() -> None:
    instructions = Instructions()
    instructions.withhold("wish", "suspended")
    instructions.withhold("halt", "halted")
    instructions.withhold("wish", "")
    assert list(instructions.withheld) == ["halted"]
    instructions.withhold("halt", "")
    assert not instructions.withheld
