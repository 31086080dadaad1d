"""What to do next about a nonce whose outcome is open (design §4.3).

Never "the same thing again" under a new identity: look by hash first, then hand over the
identical bytes again, and only bytes that can no longer settle the slot make room for others.
"""

from __future__ import annotations

from enum import Enum

from hedgepair_runner.noncing import Phase, Slot

ANSWER_TIMEOUT_S = 4.0
"""The venue client answers every send within this, if only with Ambiguous."""
LOOK_EVERY_S = 0.4
"""Between look-ups of one slot."""
RESEND_AFTER_S = 0.8
"""An ambiguous slot that look-ups do not find is sent again after this."""
VERDICT_AFTER_S = 2.5
"""An accepted transaction (speed bumps are 0.3 s, protocol §7.12) is looked for after this."""
RESEND_ACCEPTED_AFTER_S = 8.0
"""A 200 without a verdict for so long was lost in the queue (a promise proves nothing, †)."""


class Step(Enum):
    WAIT = "wait"
    LOOK = "look"
    RESEND = "resend"
    OTHER = "other"
    """The slot needs another transaction at the same nonce."""


def next_step(slot: Slot, *, now_s: float, wall_ms: int, looked_s: float | None) -> Step:
    """For the lowest unsettled slot; higher ones wait, since a lost n makes n + 1 bounce.

    `looked_s` is when its last look-up ended without a verdict, None if never since the send.
    """
    if slot.in_hand and now_s - slot.sent_s < ANSWER_TIMEOUT_S:
        return Step.WAIT
    age_s = now_s - slot.sent_s
    if slot.wants_other:
        return Step.OTHER
    if slot.phase in (Phase.SENDING, Phase.ACCEPTED) and age_s < VERDICT_AFTER_S:
        return Step.WAIT
    if looked_s is None:
        return Step.LOOK
    patience_s = RESEND_ACCEPTED_AFTER_S if slot.phase is Phase.ACCEPTED else RESEND_AFTER_S
    if age_s >= patience_s:
        return Step.RESEND if slot.may_execute_at(wall_ms, slack_ms=-5_000) else _expired(slot)
    return Step.LOOK if now_s - looked_s >= LOOK_EVERY_S else Step.WAIT


def _expired(slot: Slot) -> Step:
    """Its bytes are void (or about to be): nothing of them can execute, something else must."""
    slot.wants_other = True
    return Step.OTHER


def fits(slot: Slot, lots: int) -> bool:
    """Whether an order of `lots` (signed) may be an alternative at the slot's nonce.

    Alternatives count once, at the largest (†): an older, larger or opposite one would count more
    than what is wanted now, and must be burnt by a harmless transaction instead. So must a nonce
    that a failure may have used: an order there could not be told from it by a bounce.
    """
    if slot.failed_hash:
        return False
    largest = slot.largest_lots
    return largest == 0 or (largest * lots > 0 and abs(largest) <= abs(lots))
