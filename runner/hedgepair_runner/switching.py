"""The venue's dead man's switch: when to arm it, renew it and take it away (design §7,
protocol §7.9).

It is one scheduled cancel-all of the whole account, at least five minutes ahead. The pairs that
rest orders on one account share it: whoever has the turn renews it at half time. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

LEAST_MS = 300_000
"""The venue takes nothing nearer."""
AHEAD_MS = 315_000
"""So that it is still far enough when it is executed: queues and clocks that differ."""
RENEW_BELOW_MS = AHEAD_MS // 2
TEND_EVERY_S = 5.0
LIVES_S = 20.0
"""A member that was not heard of for so long rests nothing that it tends."""
TURN_S = 20.0
RETRY_S = 5.0
QUEUED_ALREADY = 21712
"""A schedule stands already: abort it first, then schedule anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """What the members of an account know together. `armed_until_ms` by the wall clock; 0: not
    armed, or nobody remembers."""

    armed_until_ms: int
    is_my_turn: bool
    has_others: bool


class Act(Enum):
    """The next transaction for the switch."""

    NOTHING = "nothing"
    SCHEDULE = "schedule"
    ABORT = "abort"
    """Before it is scheduled anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFacts:
    """`armed_until_ms`: as far as anybody knows. `must_abort`: the venue said 21712, so what is
    queued has to go before a new schedule is taken."""

    armed_until_ms: int
    is_my_turn: bool
    must_abort: bool
    now_ms: int


def is_due(armed_until_ms: int, *, now_ms: int) -> bool:
    """Half of its time has passed, or it is not armed at all."""
    return armed_until_ms - now_ms < RENEW_BELOW_MS


def next_act(facts: SwitchFacts) -> Act:
    if not facts.is_my_turn:
        return Act.NOTHING
    if facts.must_abort:
        return Act.ABORT
    return Act.SCHEDULE if is_due(facts.armed_until_ms, now_ms=facts.now_ms) else Act.NOTHING


def schedule_ms(now_ms: int) -> int:
    """When it shall fire."""
    return now_ms + AHEAD_MS
