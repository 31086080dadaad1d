"""What is undone on A, and when nothing is (design §6, law 7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.acting import Errand
from hedgepair_runner.orders import Side
from hedgepair_runner.unwinding import (
    PROOF_LASTS_S,
    TRIES_FOR_S,
    Done,
    NotYet,
    Proof,
    Undo,
    UnwindQuestion,
    decide_unwinding,
    undoable_lots,
)
from tests.decide.facts import BRIEFLY, HEDGER_ACCOUNT, MARKET

ERRAND = Errand(gap_lots=300, hedger_account=HEDGER_ACCOUNT, hedger_lots=-200, accepted_net_lots=0)
QUESTION = UnwindQuestion(
    errand=ERRAND,
    position_lots=500,
    proof=Proof(maker_lots=500, hedger_lots=-200, read_s=100.0),
    mark_ticks=200_000,
    obstacles=(),
    bound_bps=50,
    now_s=100.2,
    lent_s=100.0,
)


def test_what_two_sources_prove_is_undone_by_reducing_a_within_the_bound() -> None:
    assert decide_unwinding(QUESTION, market=MARKET) == Undo(
        side=Side.SELL, lots=300, price_ticks=199_000
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"position_lots": None}, id="own position unknown"),
        pytest.param({"mark_ticks": None}, id="mark unknown"),
        pytest.param({"obstacles": ("the market stream is down",)}, id="a stream is down"),
        pytest.param({"proof": None}, id="nothing read"),
        pytest.param({"now_s": 100.0 + PROOF_LASTS_S + 0.1}, id="read too long ago"),
        pytest.param({"position_lots": 499}, id="the chain differs from the read"),
        pytest.param(
            {"proof": Proof(maker_lots=500, hedger_lots=-201, read_s=100.0)},
            id="B differs from the hedger's ledger",
        ),
    ],
)
def test_with_anything_unknown_or_in_doubt_nothing_is_undone(changes: dict[str, Any]) -> None:
    decision = decide_unwinding(replace(QUESTION, **changes), market=MARKET)
    assert isinstance(decision, NotYet)


@pytest.mark.parametrize(
    ("changes", "left_lots"),
    [
        pytest.param({"position_lots": 200}, 0, id="all is undone"),
        pytest.param({"position_lots": -10}, 0, id="A is on the other side"),
        pytest.param({"is_refused": True}, 300, id="the venue refuses"),
        pytest.param({"now_s": 100.0 + TRIES_FOR_S}, 300, id="tried for long enough"),
        pytest.param(
            {"now_s": 100.0 + TRIES_FOR_S, "position_lots": None}, 300, id="unknown for too long"
        ),
    ],
)
def test_the_right_is_handed_back(changes: dict[str, Any], left_lots: int) -> None:
    decision = decide_unwinding(replace(QUESTION, **changes), market=MARKET)
    assert isinstance(decision, Done)
    assert decision.left_lots == left_lots


lots = st.integers(-1_000, 1_000)


@BRIEFLY
@given(gap=lots.filter(bool), hedger=lots, accepted=lots, position=lots)
def test_undoing_shrinks_a_and_the_net_and_never_more_than_was_asked_for(
    gap: int, hedger: int, accepted: int, position: int
) -> None:
    errand = Errand(
        gap_lots=gap,
        hedger_account=HEDGER_ACCOUNT,
        hedger_lots=hedger,
        accepted_net_lots=accepted,
    )
    undone = undoable_lots(errand, position)
    net = position + hedger - accepted
    assert abs(undone) <= abs(gap)
    assert abs(net - undone) <= abs(net)
    assert net * (net - undone) >= 0
    assert abs(position - undone) <= abs(position)
    assert position * (position - undone) >= 0
