"""Conditions as the API has them: all types always there, times that move only on a flip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hedgepair_operator.reasons import ConditionType, Reason, Truth
from hedgepair_operator.trimming import write_time

MAX_MESSAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`reason` is of the closed list; `message` one sentence for people."""

    type: ConditionType
    status: Truth
    reason: Reason
    message: str


def render(
    conditions: Iterable[Condition],
    *,
    before: Mapping[str, Any],
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """`before` is the status as it stands; a condition that keeps its status keeps its time."""
    former = {one["type"]: one for one in before.get("conditions") or ()}
    rendered = []
    for condition in conditions:
        old = former.get(condition.type.value)
        kept = old is not None and old.get("status") == condition.status.value
        since = old.get("lastTransitionTime") if old is not None and kept else None
        rendered.append(
            {
                "type": condition.type.value,
                "status": condition.status.value,
                "reason": condition.reason.value,
                "message": condition.message[:MAX_MESSAGE],
                "lastTransitionTime": since or write_time(now),
                "observedGeneration": generation,
            }
        )
    return rendered


def find(status: Mapping[str, Any], kind: ConditionType) -> Mapping[str, Any] | None:
    """One condition of a status as it stands."""
    return next((one for one in status.get("conditions") or () if one["type"] == kind.value), None)
