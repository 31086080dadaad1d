"""Events: what changed between two statuses, and what the operator did. Transitions only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from hedgepair_operator import names
from hedgepair_operator.conditions import find
from hedgepair_operator.differing import digest_of
from hedgepair_operator.facts import PairFact
from hedgepair_operator.reasons import ConditionType, EventReason, Reason, Truth

_MAX_NOTE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    reason: EventReason
    note: str
    is_warning: bool = False


# (type, status it came to) → what to tell; None: only where the reason changed the picture.
_ON_CHANGE: Final[dict[tuple[ConditionType, Truth], tuple[EventReason, bool]]] = {
    (ConditionType.ACCEPTED, Truth.TRUE): (EventReason.ACCEPTED, False),
    (ConditionType.ACCEPTED, Truth.FALSE): (EventReason.NOT_ACCEPTED, True),
    (ConditionType.READY, Truth.TRUE): (EventReason.RUNNERS_UP, False),
    (ConditionType.HEDGED, Truth.FALSE): (EventReason.UNHEDGED, True),
    (ConditionType.HEDGED, Truth.UNKNOWN): (EventReason.HEDGE_UNKNOWN, True),
    (ConditionType.HEDGED, Truth.TRUE): (EventReason.HEDGE_RESTORED, False),
    (ConditionType.DEGRADED, Truth.TRUE): (EventReason.DEGRADED, True),
    (ConditionType.DEGRADED, Truth.FALSE): (EventReason.RECOVERED, False),
    (ConditionType.SUSPENDED, Truth.TRUE): (EventReason.SUSPENDED, False),
    (ConditionType.COMPLETED, Truth.TRUE): (EventReason.COMPLETED, False),
    (ConditionType.HALTED, Truth.TRUE): (EventReason.HALTED, True),
    (ConditionType.HALTED, Truth.FALSE): (EventReason.ACKNOWLEDGED, False),
    (ConditionType.STALLED, Truth.TRUE): (EventReason.TEARDOWN_TIMED_OUT, True),
}
# What a pair begins with is no transition.
_QUIET_AT_FIRST: Final = {
    (ConditionType.ACCEPTED, Truth.TRUE),
    (ConditionType.HEDGED, Truth.UNKNOWN),
    (ConditionType.DEGRADED, Truth.FALSE),
    (ConditionType.HALTED, Truth.FALSE),
}
_AFTER: Final = (Reason.RUNNERS_UP, Reason.CONFIG_PENDING)
_ROLLOUT: Final = {
    Reason.AWAITING_FLAT: EventReason.ROLLOUT_DEFERRED,
    Reason.ROLLOUT_PENDING: EventReason.ROLLOUT_DEFERRED,
    Reason.ROLLING_OUT: EventReason.ROLLOUT_STARTED,
}


def tell_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Telling, ...]:
    """Events for the conditions that flipped or changed their reason, in reading order."""
    found: list[Telling] = []
    for condition in after.get("conditions") or ():
        kind = ConditionType(condition["type"])
        old = find(before, kind)
        if old is not None and (old["status"], old["reason"]) == (
            condition["status"],
            condition["reason"],
        ):
            continue
        found.extend(_of_change(kind, old, condition))
    return tuple(found)


def _of_change(
    kind: ConditionType, old: Mapping[str, Any] | None, new: Mapping[str, Any]
) -> Iterable[Telling]:
    truth, reason, note = Truth(new["status"]), Reason(new["reason"]), new["message"]
    flipped = old is None or old["status"] != new["status"]
    if kind is ConditionType.READY:
        if reason in _ROLLOUT:
            yield Telling(reason=_ROLLOUT[reason], note=note)
            return
        if old is not None and old["reason"] == Reason.ROLLING_OUT.value and reason in _AFTER:
            yield Telling(reason=EventReason.ROLLED_OUT, note="All runners run what is wanted.")
            return
        if old is not None and old["status"] == Truth.TRUE.value and truth is Truth.FALSE:
            warn = reason not in (Reason.TERMINATING, Reason.CONFIG_PENDING)
            yield Telling(reason=EventReason.NOT_READY, note=f"{reason}: {note}", is_warning=warn)
            return
    if kind is ConditionType.SUSPENDED:
        if reason in (Reason.CANCELLING_ORDERS, Reason.FLATTENING):
            yield Telling(reason=EventReason.SUSPENDING, note=note)
        elif reason is Reason.FLATTENED:
            yield Telling(reason=EventReason.FLATTENED, note=note)
        elif truth is Truth.TRUE:
            yield Telling(reason=EventReason.SUSPENDED, note=note)
        elif old is not None:
            yield Telling(reason=EventReason.RESUMED, note="The pair trades again.")
        return
    if kind is ConditionType.HEDGED and reason is Reason.FILL_PENDING:
        return  # A fill that is being hedged is the product at work.
    if kind is ConditionType.HEDGED and truth is Truth.TRUE and not _was_in_trouble(old):
        return
    if kind is ConditionType.STALLED and reason is not Reason.TEARDOWN_TIMED_OUT:
        return  # Accepted tells it.
    if (kind, truth) not in _ON_CHANGE or (old is None and (kind, truth) in _QUIET_AT_FIRST):
        return
    if kind is ConditionType.HEDGED and reason in (Reason.NOT_YET_KNOWN, Reason.HEDGED_ELSEWHERE):
        return
    word, is_warning = _ON_CHANGE[kind, truth]
    if flipped or is_warning:
        yield Telling(reason=word, note=f"{reason}: {note}", is_warning=is_warning)


def _was_in_trouble(old: Mapping[str, Any] | None) -> bool:
    return old is not None and old["reason"] in (Reason.UNHEDGED.value, Reason.LEG_UNKNOWN.value)


def render(telling: Telling, pair: PairFact, *, instance: str, now: datetime) -> dict[str, Any]:
    """An `events.k8s.io/v1` Event. Its name follows from its content: told twice, it is one."""
    digest = digest_of(
        {"uid": pair.uid, "reason": telling.reason, "note": telling.note, "at": now.isoformat()}
    )
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{pair.key.name}.{digest[:16]}",
            "namespace": pair.key.namespace,
        },
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": f"{names.GROUP}/operator",
        "reportingInstance": instance[:128],
        "action": telling.reason.value,
        "reason": telling.reason.value,
        "regarding": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": pair.key.name,
            "namespace": pair.key.namespace,
            "uid": pair.uid,
            "resourceVersion": pair.resource_version,
        },
        "note": telling.note[:_MAX_NOTE],
        "type": "Warning" if telling.is_warning else "Normal",
    }
