"""The desired state of a pair's runners and its version (design §8).

What was published last is in the pair's ConfigMap: that, not this process, is the memory. Within a
generation `step` counts; it never goes back, whatever was lost on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from hedgepair_operator import names
from hedgepair_operator.facts import ChildFact, Observed, PairFact
from hedgepair_operator.trimming import read_time
from hedgepair_operator.wanting import manifest_of
from hedgepair_runner.contract.desired import DESIRED_FILE, Desired, Wish, read_desired
from hedgepair_runner.contract.halts import Halt, HaltReason, standing
from hedgepair_runner.contract.manifest import HedgePair, read_resource
from hedgepair_runner.contract.problems import ManifestRefused
from hedgepair_runner.contract.spec import DeletionPolicy, SuspendPolicy

_KEPT_ACKNOWLEDGEMENTS: Final = 16
# The fleet that the release is measured with; beyond it some texts are read again.
_REMEMBERED: Final = 1024


def published(config_map: ChildFact | None, pair: PairFact) -> Desired | None:
    """What the ConfigMap tells the runners; None where it is missing, broken or another's."""
    if config_map is None or config_map.owner_uid != pair.uid:
        return None
    return _read_published((orjson.loads(config_map.body).get("data") or {}).get(DESIRED_FILE, ""))


@lru_cache(maxsize=_REMEMBERED)
def _read_published(text: str) -> Desired | None:
    try:
        return read_desired(text)
    except ValueError:
        return None


def published_manifest(desired: Desired | None) -> HedgePair | None:
    """The configuration that was in force before."""
    if desired is None or desired.manifest is None:
        return None
    return _read_manifest(orjson.dumps(desired.manifest, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=_REMEMBERED)
def _read_manifest(text: bytes) -> HedgePair | None:
    try:
        return read_resource(orjson.loads(text))
    except ManifestRefused:
        return None


def suspension_of(pair: HedgePair) -> Wish:
    """What `suspend: true` asks for."""
    flatten = pair.spec.suspend_policy is SuspendPolicy.FLATTEN
    return Wish.FLATTEN if flatten else Wish.SUSPEND


def farewell_of(pair: HedgePair | None) -> Wish:
    """What deletion asks for. A pair whose spec nobody can read leaves nothing resting."""
    policy = DeletionPolicy.CANCEL_ORDERS if pair is None else pair.spec.deletion_policy
    match policy:
        case DeletionPolicy.CANCEL_ORDERS:
            return Wish.SUSPEND
        case DeletionPolicy.FLATTEN:
            return Wish.FLATTEN
        case DeletionPolicy.ORPHAN:
            return Wish.RELEASE


def next_desired(
    observed: Observed, before: Desired | None, wish: Wish, manifest: HedgePair | None
) -> Desired:
    """The desired state with its version: the same as before where nothing is wanted otherwise."""
    pair = observed.pair
    acknowledged = _acknowledged(pair, before)
    told = manifest_of(manifest) if manifest is not None else None
    if told is None and before is not None:
        told = _plain(before.manifest)
    halts = standing(_known_halts(observed, before), acknowledged=acknowledged)
    content = (wish, told, halts, acknowledged)
    if before is not None and before.generation == pair.generation:
        same = content == (
            before.wish,
            _plain(before.manifest),
            before.halts,
            before.acknowledged,
        )
        if same:
            return before
    steps = [
        fact.report.step
        for fact in observed.reports.values()
        if fact.report.generation == pair.generation
    ]
    if before is not None and before.generation == pair.generation:
        steps.append(before.step)
    step = max(steps) + 1 if steps else 0
    if before is None and told is None and _is_heard(observed, wish, step - 1, acknowledged):
        # The record is lost and the spec unreadable: what the runners obey already is not told
        # under ever new numbers, or they could never prove it.
        step -= 1
    return Desired(
        generation=pair.generation,
        step=step,
        wish=wish,
        manifest=told,
        halts=halts,
        acknowledged=acknowledged,
    )


def _is_heard(observed: Observed, wish: Wish, step: int, acknowledged: tuple[str, ...]) -> bool:
    """Whether the runners report this wish at this step, with no halt that was ended meanwhile."""
    told = [
        fact.report
        for fact in observed.reports.values()
        if (fact.report.generation, fact.report.step) == (observed.pair.generation, step)
    ]
    ended = any(halt.id in acknowledged for report in told for halt in report.halts)
    return bool(told) and not ended and all(report.wish == wish.value for report in told)


def _known_halts(observed: Observed, before: Desired | None) -> Iterable[Halt]:
    """From Redis by way of reports, from the ConfigMap, and from the resource's own status."""
    shown = _halt_of_status(observed.pair.status)
    if shown is not None:
        yield shown
    if before is not None:
        yield from before.halts
    for fact in observed.reports.values():
        yield from fact.report.halts


def _halt_of_status(status: Mapping[str, Any]) -> Halt | None:
    shown = status.get("halt") or {}
    since = read_time(shown.get("since"))
    try:
        reason = HaltReason(shown.get("reason", ""))
    except ValueError:
        return None
    if since is None or not shown.get("id"):
        return None
    message = next(
        (
            one.get("message", "")
            for one in status.get("conditions") or ()
            if one["type"] == "Halted"
        ),
        "",
    )
    return Halt(
        id=shown["id"],
        reason=reason,
        message=message.partition(" Acknowledge it")[0],
        since_ms=round(since.timestamp() * 1000),
        role="",
    )


def _acknowledged(pair: PairFact, before: Desired | None) -> tuple[str, ...]:
    words = pair.annotations.get(names.ACKNOWLEDGE, "").replace(",", " ").split()
    earlier = before.acknowledged if before is not None else ()
    both = dict.fromkeys([*earlier, *words])
    return tuple(both)[-_KEPT_ACKNOWLEDGEMENTS:]


def _plain(manifest: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if manifest is None else dict(manifest)
