"""Who leads: the rules of a Lease, without a clock of any other machine (operators.md §3.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

DURATION_S: Final = 15.0
RENEW_DEADLINE_S: Final = 10.0
RETRY_S: Final = 2.0


class Move(Enum):
    CREATE = 1
    TAKE = 2
    RENEW = 3
    WAIT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A Lease as this process saw it, and since when (its own monotonic clock) it looks so."""

    version: str
    holder: str
    since_s: float


def look(lease: Mapping[str, Any] | None, last: Sight | None, *, now_s: float) -> Sight | None:
    if lease is None:
        return None
    version = str(lease["metadata"].get("resourceVersion", ""))
    holder = (lease.get("spec") or {}).get("holderIdentity") or ""
    if last is not None and last.version == version:
        return last
    return Sight(version=version, holder=holder, since_s=now_s)


def decide_move(sight: Sight | None, *, me: str, now_s: float) -> Move:
    """Ours is renewed; a free one, or one that did not move for its whole duration, is taken."""
    if sight is None:
        return Move.CREATE
    if sight.holder == me:
        return Move.RENEW
    if not sight.holder or now_s - sight.since_s >= DURATION_S:
        return Move.TAKE
    return Move.WAIT


def spec_of(holder: str, now: datetime, *, transitions: int) -> dict[str, Any]:
    """The times are for people; nobody decides by them."""
    moment = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "holderIdentity": holder,
        "leaseDurationSeconds": int(DURATION_S),
        "acquireTime": moment,
        "renewTime": moment,
        "leaseTransitions": transitions,
    }
