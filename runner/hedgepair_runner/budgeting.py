"""The request budget that the runners of one L1 address share (design §5, protocol §8).

Every member says what it spent in the last minute and what it would hold. What it holds it may
spend at once, without asking, so that no hedge waits for Redis. The law: what all have spent in
the last minute and what all hold is never more than the venue allows. Pure; the script in
`redis_sharing` computes `grant` in Redis itself, so that two who ask at once are served in turn.

Whoever was not heard of for `HOLD_S` holds nothing any more; a member knows that by its own clock,
a while sooner (`TRUST_S`, counted from when it asked).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

WINDOW_MS = 60_000
LAG_MS = 1_000
"""What is counted as spent is counted for this much longer: bytes travel, and ages are rounded."""
HOLD_S = 6.0
TRUST_S = 4.0


class Resource(StrEnum):
    """What is counted for itself at the venue."""

    REQUESTS = "requests"
    """In weight."""
    SENDS = "sends"
    """Transactions, where the tier counts them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One member's word. `spent` are (age in ms, units) of its last minute.

    Of what it wants to hold, `reserve` comes first: hedges and cancels live on it. `working` is
    what quotes and reads may use.
    """

    spent: tuple[tuple[int, int], ...]
    reserve: int
    working: int
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is remembered of another member. `held_until_ms` and times by the store's clock."""

    spent: tuple[tuple[int, int], ...]
    """(at_ms, units)"""
    held: int
    held_until_ms: int
    reserve: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """`held`: may be spent until the claim is `TRUST_S` old. `members` holds the asker too."""

    held: int
    members: int


def grant(claim: Claim, others: Iterable[Standing], *, now_ms: int) -> Grant:
    """What the asker may hold beside all others. Reserves that others lack come before its work."""
    free = claim.capacity - sum(units for age, units in claim.spent if age < WINDOW_MS + LAG_MS)
    short = 0
    members = 1
    for other in others:
        free -= sum(units for at_ms, units in other.spent if at_ms > now_ms - WINDOW_MS - LAG_MS)
        if other.held_until_ms > now_ms:
            members += 1
            free -= other.held
            short += max(0, other.reserve - other.held)
    first = max(0, min(claim.reserve, free))
    return Grant(
        held=first + max(0, min(claim.working, free - first - short)),
        members=members,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaWord:
    """What is known of the volume quota of an L1 address, and how long ago it was heard.
    `freed_age_ms`: since somebody used the free transaction that the venue takes at zero."""

    remaining: int | None
    age_ms: int
    freed_age_ms: int | None


def newer_word(one: QuotaWord, other: QuotaWord) -> QuotaWord:
    """The fresher figure with the latest free transaction that either knows of."""
    if one.remaining is None:
        told = other
    elif other.remaining is None:
        told = one
    else:
        told = one if one.age_ms <= other.age_ms else other
    freed = [age for age in (one.freed_age_ms, other.freed_age_ms) if age is not None]
    return replace(told, freed_age_ms=min(freed, default=None))


PARTS = 60
"""Needs are counted in sixtieths of a minute's budget: on a Standard account one request each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """How a role lives on a budget: sixtieths of it that it keeps at hand."""

    reserve: int
    working: int


MAKER_NEEDS = Needs(reserve=4, working=8)
HEDGER_NEEDS = Needs(reserve=15, working=5)
"""The reserve of design §5: fifteen a minute for hedging, fencing and settling."""


def shares(needs: Needs, *, capacity: int, members: int) -> tuple[int, int]:
    """(reserve, working): as much as the role wants, within an equal share of all. A third of that
    share is for work, or a crowded budget would leave no reads, and without reads no quotes."""
    room = capacity // max(members, 1)
    reserve = min(needs.reserve * capacity // PARTS, room * 2 // 3)
    return reserve, min(needs.working * capacity // PARTS, room - reserve)


def lone_capacity(capacity: int, *, members: int) -> int:
    """What a member may spend in a minute while nobody can tell it what the others do."""
    return capacity // max(members, 2)
