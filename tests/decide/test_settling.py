"""An open nonce: look, hand over the same bytes again, and only void bytes make room (§4.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.noncing import Phase, Slot
from hedgepair_runner.settling import Step, fits, next_step
from tests.decide.facts import BRIEFLY, alternative

EXPIRES_MS = 600_000


def slot_in(phase: Phase, *, in_hand: int = 0, wants_other: bool = False) -> Slot:
    """Sent at 100 s."""
    return Slot(
        nonce=1,
        alternatives=[alternative(1, 5, expires_ms=EXPIRES_MS)],
        phase=phase,
        sent_s=100.0,
        sends=1,
        in_hand=in_hand,
        wants_other=wants_other,
    )


@pytest.mark.parametrize(
    ("phase", "in_hand", "age_s", "looked_ago_s", "step"),
    [
        pytest.param(Phase.SENDING, 1, 0.0, None, Step.WAIT, id="just sent"),
        pytest.param(Phase.AMBIGUOUS, 1, 3.9, None, Step.WAIT, id="a second copy is in hand"),
        pytest.param(Phase.SENDING, 1, 4.0, None, Step.LOOK, id="an answer is overdue"),
        pytest.param(Phase.ACCEPTED, 0, 2.4, None, Step.WAIT, id="accepted, in its speed bump"),
        pytest.param(Phase.ACCEPTED, 0, 2.5, None, Step.LOOK, id="accepted, verdict overdue"),
        pytest.param(Phase.ACCEPTED, 0, 5.0, 0.1, Step.WAIT, id="accepted, just looked"),
        pytest.param(Phase.ACCEPTED, 0, 5.0, 0.5, Step.LOOK, id="accepted, look again"),
        pytest.param(Phase.ACCEPTED, 0, 8.0, 0.1, Step.RESEND, id="accepted and lost in the queue"),
        pytest.param(Phase.AMBIGUOUS, 0, 0.0, None, Step.LOOK, id="ambiguous: look at once"),
        pytest.param(Phase.AMBIGUOUS, 0, 9.0, None, Step.LOOK, id="never sent again unlooked"),
        pytest.param(Phase.AMBIGUOUS, 0, 0.5, 0.1, Step.WAIT, id="ambiguous, just looked"),
        pytest.param(Phase.AMBIGUOUS, 0, 0.7, 0.5, Step.LOOK, id="ambiguous, look again"),
        pytest.param(Phase.AMBIGUOUS, 0, 0.9, 0.1, Step.RESEND, id="ambiguous and not found"),
        pytest.param(Phase.BOUNCED, 0, 0.1, None, Step.LOOK, id="bounced: look by hash"),
        pytest.param(Phase.BOUNCED, 0, 0.9, 0.1, Step.RESEND, id="bounced and not found"),
    ],
)
def test_steps(
    phase: Phase, in_hand: int, age_s: float, looked_ago_s: float | None, step: Step
) -> None:
    now_s = 100.0 + age_s
    looked_s = None if looked_ago_s is None else now_s - looked_ago_s

    slot = slot_in(phase, in_hand=in_hand)

    assert next_step(slot, now_s=now_s, wall_ms=0, looked_s=looked_s) is step


def test_what_was_refused_for_its_content_makes_room_at_once() -> None:
    slot = slot_in(Phase.REFUSED, wants_other=True)

    assert next_step(slot, now_s=100.0, wall_ms=0, looked_s=None) is Step.OTHER


def test_nothing_is_replaced_while_a_copy_is_in_hand() -> None:
    slot = slot_in(Phase.REFUSED, in_hand=1, wants_other=True)

    assert next_step(slot, now_s=101.0, wall_ms=0, looked_s=None) is Step.WAIT


@pytest.mark.parametrize(
    ("wall_ms", "step"),
    [
        pytest.param(EXPIRES_MS - 5_000, Step.RESEND, id="five seconds left"),
        pytest.param(EXPIRES_MS - 4_999, Step.OTHER, id="void before they could arrive"),
        pytest.param(EXPIRES_MS + 1, Step.OTHER, id="void"),
    ],
)
def test_bytes_about_to_expire_are_not_sent_again(wall_ms: int, step: Step) -> None:
    slot = slot_in(Phase.AMBIGUOUS)

    assert next_step(slot, now_s=101.0, wall_ms=wall_ms, looked_s=100.9) is step
    assert slot.wants_other is (step is Step.OTHER)


@BRIEFLY
@given(
    phase=st.sampled_from([phase for phase in Phase if phase not in (Phase.SETTLED, Phase.FAILED)]),
    in_hand=st.integers(0, 2),
    wants_other=st.booleans(),
    looked_ago_s=st.none() | st.floats(0, 20),
)
def test_no_open_slot_waits_for_ever(
    phase: Phase, in_hand: int, wants_other: bool, looked_ago_s: float | None
) -> None:
    slot = slot_in(phase, in_hand=in_hand, wants_other=wants_other)
    looked_s = None if looked_ago_s is None else 130.0 - looked_ago_s

    assert next_step(slot, now_s=130.0, wall_ms=0, looked_s=looked_s) is not Step.WAIT


@BRIEFLY
@given(
    phase=st.sampled_from([Phase.SENDING, Phase.ACCEPTED, Phase.AMBIGUOUS, Phase.BOUNCED]),
    age_s=st.floats(0, 100),
    in_hand=st.integers(0, 2),
)
def test_the_same_bytes_go_again_only_after_a_look(
    phase: Phase, age_s: float, in_hand: int
) -> None:
    slot = slot_in(phase, in_hand=in_hand)

    step = next_step(slot, now_s=100.0 + age_s, wall_ms=0, looked_s=None)

    assert step in (Step.WAIT, Step.LOOK)


@pytest.mark.parametrize(
    ("alternatives", "lots", "may"),
    [
        pytest.param([0], 5, True, id="after a harmless one anything"),
        pytest.param([5], 5, True, id="the same"),
        pytest.param([5], 7, True, id="a larger one"),
        pytest.param([5], 4, False, id="a smaller one leaves the larger alive"),
        pytest.param([5], -5, False, id="an opposite one leaves the wrong one alive"),
        pytest.param([5], 0, False, id="nothing wanted: burn"),
        pytest.param([-5, 0], -6, True, id="sells alike"),
        pytest.param([-5, 0], -4, False, id="burnt, but not proved so"),
    ],
)
def test_what_fits_a_nonce(alternatives: list[int], lots: int, may: bool) -> None:
    slot = Slot(nonce=1, alternatives=[alternative(1, size) for size in alternatives])

    assert fits(slot, lots) is may


def test_a_nonce_that_a_failure_may_have_used_is_only_burnt() -> None:
    slot = Slot(nonce=1, alternatives=[alternative(1, 5)], failed_hash="hash")

    assert not fits(slot, 7)


@BRIEFLY
@given(
    st.lists(st.integers(1, 9), max_size=5),
    st.sampled_from([1, -1]),
    st.lists(st.integers(-9, 9), max_size=8),
)
def test_a_slot_that_takes_only_what_fits_counts_no_more_than_what_was_wanted_last(
    start: list[int], side: int, wanted: list[int]
) -> None:
    slot = Slot(nonce=1, alternatives=[alternative(1, side * max(start, default=0))])
    for lots in wanted:
        if fits(slot, lots):
            slot.alternatives.append(alternative(1, lots))
            assert slot.largest_lots == lots
