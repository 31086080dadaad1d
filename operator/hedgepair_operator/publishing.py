"""What of a pair is published already, by its ConfigMap, and what its ConfigMap should hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from hedgepair_operator import names
from hedgepair_operator.facts import ChildFact, Kind, Observed
from hedgepair_operator.trimming import read_time, write_time
from hedgepair_operator.wanting import config_map, manifest_of
from hedgepair_runner.contract.desired import Desired, write_desired
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair


def stateful_sets(observed: Observed) -> list[ChildFact]:
    """Those of this very resource, makers first: the order in which they go."""
    found = [
        child
        for (kind, _), child in observed.children.items()
        if kind is Kind.STATEFUL_SET and child.owner_uid == observed.pair.uid
    ]
    return sorted(found, key=lambda child: (child.role is not Role.MAKER, child.key.name))


def config_of(
    observed: Observed,
    manifest: HedgePair,
    *,
    before: Desired | None,
    desired: Desired,
    now: datetime,
) -> dict[str, Any]:
    since = wish_since(observed) if before is not None and before.wish is desired.wish else None
    return config_map(
        observed.pair,
        # What the runners are told already is the manifest in its JSON form.
        manifest_of(manifest) if desired.manifest is None else desired.manifest,
        desired=write_desired(desired),
        wish_since=write_time(since or now),
        redis_digest=secret_mark(observed) or "",
    )


def live_of(observed: Observed, wanted: Mapping[str, Any]) -> ChildFact | None:
    """What is there of it, if it is this resource's; a namesake's leftovers are not."""
    child = observed.child(Kind(wanted["kind"]), wanted["metadata"]["name"])
    return child if child is not None and child.owner_uid == observed.pair.uid else None


def _annotation(observed: Observed, name: str) -> str | None:
    config = observed.child(Kind.CONFIG_MAP, names.config_map(observed.pair.key.name))
    if config is None or config.owner_uid != observed.pair.uid:
        return None
    value: str | None = orjson.loads(config.body)["metadata"]["annotations"].get(name)
    return value


def wish_since(observed: Observed) -> datetime | None:
    """Since when the wish that was published last is wanted."""
    return read_time(_annotation(observed, names.WISH_SINCE))


def secret_mark(observed: Observed) -> str | None:
    """Names the Secret as it should be: its content, and the last time that it was missed.

    The operator cannot read Secrets. It knows by this mark on the ConfigMap what it wrote, and by
    the kubelet's Events that it is gone.
    """
    written = _annotation(observed, names.REDIS_DIGEST)
    if observed.redis_digest is None:
        return written
    missed = [
        int(fault.seen_at.timestamp())
        for fault in observed.faults
        if names.is_secret_of(fault.object_name, observed.pair.key.name)
    ]
    _, _, last = (written or "").partition(".")
    latest = max([*missed, int(last or 0)])
    return f"{observed.redis_digest}.{latest}" if latest else observed.redis_digest


def is_secret_due(observed: Observed) -> bool:
    mark = secret_mark(observed)
    return mark is not None and mark != _annotation(observed, names.REDIS_DIGEST)
