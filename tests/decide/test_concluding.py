"""The state that a report claims: Suspended, Flat and Completed only where they are proved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.concluding import Proofs, Standing, framed
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.halts import Halt, HaltReason
from hedgepair_runner.contract.status import RunnerReport, RunnerState

HALT = Halt(id="a", reason=HaltReason.UNHEDGED, message="why: do this", since_ms=1, role="maker")
WITHDRAWN, FLAT = Proofs(withdrawn_ms=5), Proofs(withdrawn_ms=5, flat_ms=6)


def report(role: str = "maker", state: RunnerState = RunnerState.RUNNING) -> RunnerReport:
    return RunnerReport(role=role, holder="h", version="1", state=state, reason="said")


def standing(wish: Wish = Wish.RUN, **parts: object) -> Standing:
    return Standing(wish=wish, **parts)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("role", "what", "state"),
    [
        pytest.param("maker", standing(), RunnerState.RUNNING, id="runs"),
        pytest.param("maker", standing(Wish.SUSPEND), RunnerState.HOLDING, id="not withdrawn yet"),
        pytest.param(
            "hedger", standing(Wish.SUSPEND), RunnerState.RUNNING, id="a hedger goes on hedging"
        ),
        pytest.param(
            "maker", standing(Wish.SUSPEND, proofs=WITHDRAWN), RunnerState.SUSPENDED, id="withdrawn"
        ),
        pytest.param(
            "maker",
            standing(Wish.FLATTEN, proofs=WITHDRAWN),
            RunnerState.HOLDING,
            id="not flat",
        ),
        pytest.param("maker", standing(Wish.FLATTEN, proofs=FLAT), RunnerState.FLAT, id="flat"),
        pytest.param(
            "maker",
            standing(Wish.FLATTEN, proofs=Proofs(flat_ms=6)),
            RunnerState.HOLDING,
            id="flat with orders is not flat",
        ),
        pytest.param("hedger", standing(halts=(HALT,)), RunnerState.HALTED, id="halted"),
        pytest.param(
            "maker",
            standing(Wish.SUSPEND, proofs=WITHDRAWN, halts=(HALT,)),
            RunnerState.SUSPENDED,
            id="halted and suspended",
        ),
        pytest.param(
            "maker",
            standing(Wish.SUSPEND, halts=(HALT,)),
            RunnerState.HALTED,
            id="halted and not yet suspended",
        ),
        pytest.param(
            "maker", standing(completed="5 rounds", proofs=FLAT), RunnerState.COMPLETED, id="done"
        ),
        pytest.param(
            "maker",
            standing(completed="5 rounds", proofs=WITHDRAWN),
            RunnerState.HOLDING,
            id="done, not flat yet",
        ),
    ],
)
def test_the_state_of_a_role_in_office(role: str, what: Standing, state: RunnerState) -> None:
    assert framed(report(role), what).state is state


def test_a_maker_that_others_withhold_holds() -> None:
    assert framed(report(), standing(), instructed="the day's loss").state is RunnerState.HOLDING


@given(
    state=st.sampled_from([state for state in RunnerState if state is not RunnerState.RUNNING]),
    wish=st.sampled_from(Wish),
    proofs=st.sampled_from([Proofs(), WITHDRAWN, FLAT]),
    halts=st.sampled_from([(), (HALT,)]),
)
def test_who_is_blind_or_not_in_office_claims_nothing(
    state: RunnerState, wish: Wish, proofs: Proofs, halts: tuple[Halt, ...]
) -> None:
    told = framed(report(state=state), standing(wish, proofs=proofs, halts=halts))
    assert (told.state, told.reason) == (state, "said")
    assert told.halts == halts


def test_every_report_carries_what_was_asked_and_proved() -> None:
    what = standing(
        Wish.FLATTEN, generation=4, step=2, config_hash="abc", halts=(HALT,), proofs=FLAT
    )
    told = framed(report(), what)
    assert (told.generation, told.step, told.wish, told.config_hash) == (4, 2, "Flatten", "abc")
    assert (told.withdrawn_ms, told.flat_ms, told.halts) == (5, 6, (HALT,))
