"""A halt: the pair stopped taking risk, and only a person ends that (law 11).

A halt lives in three places at once: Redis, the resource's status (by way of the desired state) and
the state directory of a local run. Whoever starts takes in the halts of all three; one that was
acknowledged by its id, in any of them, is over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class HaltReason(StrEnum):
    """Closed list; the resource's conditions and Events use the same words."""

    UNHEDGED = "Unhedged"
    """The gap stayed open for `risk.maxUnhedgedSeconds` and `risk.onUnhedged` is Halt."""
    FOREIGN_ORDERS = "ForeignOrders"
    FOREIGN_POSITION = "ForeignPosition"
    RISK_BREACHED = "RiskBreached"
    """A limit of `risk` was passed and `risk.onBreach` is Halt."""
    LIQUIDATED = "Liquidated"
    HEDGE_REJECTED = "HedgeRejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """One halt. `id` is short, so that it can be typed; `message` is a sentence for people."""

    id: str
    reason: HaltReason
    message: str
    since_ms: int
    role: str


def new_halt(*, reason: HaltReason, message: str, since_ms: int, role: str, pair: str) -> Halt:
    """The id follows from what happened, when and to whom: the same halt is never told twice."""
    digest = hashlib.sha256(f"{pair}|{role}|{reason}|{since_ms}".encode()).hexdigest()
    return Halt(id=digest[:8], reason=reason, message=message, since_ms=since_ms, role=role)


def write_halt(halt: Halt) -> str:
    """JSON text: a value of the hash `…:halts`."""
    return json.dumps(asdict(halt), sort_keys=True)


def read_halt(text: str | bytes) -> Halt:
    """Raises ValueError for what is no halt, or has a reason of a newer version."""
    try:
        raw = json.loads(text)
        return Halt(
            id=str(raw["id"]),
            reason=HaltReason(raw["reason"]),
            message=str(raw["message"]),
            since_ms=int(raw["since_ms"]),
            role=str(raw["role"]),
        )
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"not a halt: {wrong!r}") from wrong


def standing(halts: Iterable[Halt], *, acknowledged: Iterable[str]) -> tuple[Halt, ...]:
    """The halts that hold: each once, without those acknowledged, oldest first."""
    ended = set(acknowledged)
    kept = {halt.id: halt for halt in halts if halt.id not in ended}
    return tuple(sorted(kept.values(), key=lambda halt: (halt.since_ms, halt.id)))


def forbids_hedging(halts: Iterable[Halt]) -> bool:
    """Whether what stands leaves even an open gap alone.

    A net that is not the pair's own doing is not the pair's to take back (design §4.4). Every
    other halt ends new risk only: what is open is still hedged.
    """
    return any(halt.reason is HaltReason.FOREIGN_POSITION for halt in halts)
