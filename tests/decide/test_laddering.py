"""The rungs of the ladder, as a table (design §6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hedgepair_runner.acting import Errand
from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.contract.spec import OnUnhedged
from hedgepair_runner.laddering import (
    LadderPolicy,
    LadderQuestion,
    Rung,
    closing_after,
    decide_rung,
)
from tests.decide.facts import HEDGER_ACCOUNT

POLICY = LadderPolicy(max_unhedged_s=10.0, on_unhedged=OnUnhedged.UNWIND, has_partner=True)
ERRAND = Errand(gap_lots=5, hedger_account=HEDGER_ACCOUNT, hedger_lots=-3, accepted_net_lots=0)
YOUNG = LadderQuestion(
    errand=ERRAND,
    maker_lots=8,
    open_s=9.9,
    may_not_grow=False,
    open_intents=0,
    is_refused=False,
    unknown=(),
)
LATE = replace(YOUNG, open_s=10.0)
HEDGED = replace(ERRAND, gap_lots=0)
ON_B_ALONE = replace(ERRAND, hedger_lots=5)


@pytest.mark.parametrize(
    ("question", "policy", "rung"),
    [
        pytest.param(YOUNG, {}, Rung.HEDGE, id="young: attempts go on"),
        pytest.param(LATE, {}, Rung.LEND, id="late: it is undone on A"),
        pytest.param(replace(LATE, open_intents=1), {}, Rung.CLOSE, id="open intents first"),
        pytest.param(replace(LATE, errand=HEDGED), {}, Rung.HEDGE, id="hedged after all"),
        pytest.param(replace(YOUNG, errand=None), {}, Rung.HOLD, id="unknown"),
        pytest.param(replace(LATE, unknown=("the mark",)), {}, Rung.HEDGE, id="no guess"),
        pytest.param(replace(LATE, maker_lots=0), {}, Rung.HEDGE, id="nothing to reduce"),
        pytest.param(replace(LATE, maker_lots=-3), {}, Rung.HEDGE, id="A on the other side"),
        pytest.param(LATE, {"has_partner": False}, Rung.HEDGE, id="nobody there"),
        pytest.param(replace(LATE, is_partner_there=False), {}, Rung.HEDGE, id="it is dead"),
        pytest.param(replace(LATE, is_partner_there=None), {}, Rung.HEDGE, id="being looked at"),
        pytest.param(LATE, {"on_unhedged": OnUnhedged.HALT}, Rung.HEDGE, id="Halt"),
        pytest.param(LATE, {"on_unhedged": OnUnhedged.FLATTEN}, Rung.LEND, id="Flatten"),
        pytest.param(replace(YOUNG, may_not_grow=True), {}, Rung.LEND, id="B was liquidated"),
        pytest.param(
            replace(YOUNG, may_not_grow=True),
            {"on_unhedged": OnUnhedged.HALT},
            Rung.LEND,
            id="B was liquidated, whatever the spec says",
        ),
        pytest.param(
            replace(YOUNG, may_not_grow=True),
            {"has_partner": False},
            Rung.HOLD,
            id="B was liquidated and nobody can reduce A",
        ),
        pytest.param(
            replace(YOUNG, may_not_grow=True, errand=ON_B_ALONE, maker_lots=0),
            {},
            Rung.HEDGE,
            id="the hedge shrinks B",
        ),
    ],
)
def test_the_rung(question: LadderQuestion, policy: dict[str, Any], rung: Rung) -> None:
    assert decide_rung(question, replace(POLICY, **policy)).rung is rung


def test_people_are_told_when_it_is_late_and_not_before() -> None:
    assert not decide_rung(YOUNG, POLICY).pages
    for question in (LATE, replace(LATE, errand=None), replace(LATE, unknown=("the mark",))):
        assert decide_rung(question, POLICY).pages


@pytest.mark.parametrize("on_unhedged", [OnUnhedged.HALT, OnUnhedged.FLATTEN])
def test_halt_and_flatten_halt(on_unhedged: OnUnhedged) -> None:
    assert decide_rung(LATE, replace(POLICY, on_unhedged=on_unhedged)).halts
    assert not decide_rung(LATE, POLICY).halts
    unknown = replace(LATE, unknown=("the mark",))
    assert not decide_rung(unknown, replace(POLICY, on_unhedged=on_unhedged)).halts


@pytest.mark.parametrize(
    ("is_refused", "code"), [(False, "UnhedgedTooLong"), (True, "HedgeRejected")]
)
def test_the_code_says_whether_the_venue_refuses(is_refused: bool, code: str) -> None:
    assert decide_rung(replace(LATE, is_refused=is_refused), POLICY).code == code


@pytest.mark.parametrize(
    ("reasons", "on_unhedged", "closes"),
    [
        ((HaltReason.UNHEDGED,), OnUnhedged.FLATTEN, True),
        ((HaltReason.HEDGE_REJECTED,), OnUnhedged.FLATTEN, True),
        ((HaltReason.FOREIGN_POSITION,), OnUnhedged.FLATTEN, False),
        ((HaltReason.UNHEDGED,), OnUnhedged.HALT, False),
        ((), OnUnhedged.FLATTEN, False),
    ],
)
def test_flatten_closes_while_its_halt_stands(
    reasons: tuple[HaltReason, ...], on_unhedged: OnUnhedged, closes: bool
) -> None:
    order = closing_after(reasons, on_unhedged)
    assert (order is not None) is closes
    if order is not None:
        assert order.target_lots == 0
