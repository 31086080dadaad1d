"""API objects → facts. Nothing here fails on an object that is odd: it is trimmed to less."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from hedgepair_operator import names
from hedgepair_operator.facts import (
    ChildFact,
    Key,
    Kind,
    MountFault,
    PairFact,
    PodFact,
    Rollout,
)
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair, read_resource
from hedgepair_runner.contract.problems import ManifestRefused

Object = Mapping[str, Any]

_COMPARED: Final = ("spec", "data", "type")
# The kubelet's words, e.g. `MountVolume.SetUp failed for volume "key" : secret "x" not found` and
# `references non-existent secret key: apiKeyPrivateKey`.
_NOT_FOUND: Final = re.compile(r'(?:secret|configmap) "([^"]+)" not found')
_NO_KEY: Final = re.compile(r"references non-existent (?:secret|config) key: (\S+)")
_ROLES: Final = {role.label: role for role in Role}


def key_of(item: Object) -> Key:
    meta = item["metadata"]
    return Key(meta.get("namespace", ""), meta["name"])


def pair_fact(item: Object, *, known: PairFact | None = None) -> PairFact:
    """`known`: what was made of the resource before; where the spec is the same, so is its
    judgement (a status write of ours comes back twice, and reading a spec costs the most)."""
    meta = item["metadata"]
    annotations = meta.get("annotations") or {}
    resource = {
        "apiVersion": item.get("apiVersion", names.API_VERSION),
        "kind": item.get("kind", names.KIND),
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "spec": item.get("spec") or {},
    }
    digest = hashlib.blake2b(
        orjson.dumps(resource, option=orjson.OPT_SORT_KEYS), digest_size=16
    ).digest()
    if known is not None and known.spec_digest == digest:
        manifest, problems = known.manifest, known.problems
    else:
        manifest, problems = _judged(resource)
    return PairFact(
        key=key_of(item),
        uid=meta["uid"],
        generation=int(meta.get("generation", 1)),
        resource_version=str(meta.get("resourceVersion", "")),
        created_at=read_time(meta.get("creationTimestamp")) or datetime.fromtimestamp(0, UTC),
        deleted_at=read_time(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
        annotations={
            name: annotations[name] for name in names.READ_ANNOTATIONS if name in annotations
        },
        manifest=manifest,
        problems=problems,
        status=item.get("status") or {},
        pairing=_pairing(item),
        spec_digest=digest,
    )


def _judged(resource: Object) -> tuple[HedgePair | None, tuple[str, ...]]:
    try:
        return read_resource(resource), ()
    except ManifestRefused as refused:
        return None, tuple(problem.sentence for problem in refused.problems)


def _pairing(item: Object) -> str:
    """Of a spec that is refused, too: its runners go on reporting."""
    named = (item.get("spec") or {}).get("pairing")
    return named if isinstance(named, str) and named else str(item["metadata"]["name"])


def child_fact(kind: Kind, item: Object) -> ChildFact:
    meta = item["metadata"]
    labels = meta.get("labels") or {}
    owner = next((ref for ref in meta.get("ownerReferences") or () if ref.get("controller")), None)
    return ChildFact(
        kind=kind,
        key=key_of(item),
        uid=meta["uid"],
        resource_version=str(meta.get("resourceVersion", "")),
        owner_uid=None if owner is None else owner["uid"],
        pair=labels.get(names.PAIR),
        role=_ROLES.get(labels.get(names.ROLE, "")),
        is_deleting="deletionTimestamp" in meta,
        body=comparable(item),
        rollout=_rollout(item) if kind is Kind.STATEFUL_SET else None,
    )


def comparable(item: Object) -> bytes:
    """The parts that the operator may want otherwise, in one canonical text."""
    meta = item["metadata"]
    annotations = meta.get("annotations") or {}
    kept: dict[str, Any] = {
        "metadata": {
            "labels": meta.get("labels") or {},
            "annotations": {
                name: annotations[name] for name in names.WRITTEN_ANNOTATIONS if name in annotations
            },
            "ownerReferences": meta.get("ownerReferences") or [],
        }
    }
    kept |= {part: item[part] for part in _COMPARED if part in item}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def pod_fact(item: Object) -> PodFact | None:
    """None for a pod that is no runner's."""
    meta = item["metadata"]
    labels = meta.get("labels") or {}
    role = _ROLES.get(labels.get(names.ROLE, ""))
    if role is None or names.PAIR not in labels:
        return None
    status = item.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    containers = status.get("containerStatuses") or ()
    waiting: dict[str, Any] = next(
        (one["state"]["waiting"] for one in containers if "waiting" in (one.get("state") or {})),
        {},
    )
    scheduled = conditions.get("PodScheduled", {})
    ready = conditions.get("Ready", {})
    message = waiting.get("message") or (
        scheduled.get("message", "") if scheduled.get("status") == "False" else ""
    )
    return PodFact(
        key=key_of(item),
        uid=meta["uid"],
        pair=labels[names.PAIR],
        role=role,
        resource_version=str(meta.get("resourceVersion", "")),
        revision=labels.get(names.REVISION),
        restarted_at=(meta.get("annotations") or {}).get(names.RESTARTED_AT),
        is_ready=ready.get("status") == "True",
        has_run=any(_has_run(one) for one in containers) or status.get("phase") == "Running",
        is_deleting="deletionTimestamp" in meta,
        is_node_lost=ready.get("reason") == "NodeLost" or status.get("reason") == "NodeLost",
        waiting=waiting.get("reason", ""),
        message=message[:300],
        restarts=max((int(one.get("restartCount", 0)) for one in containers), default=0),
        image=next((one["image"] for one in (item.get("spec") or {}).get("containers") or ()), ""),
    )


def mount_fault(item: Object) -> MountFault | None:
    """None for an Event that tells of anything else."""
    about = item.get("involvedObject") or {}
    message = item.get("message") or ""
    if item.get("reason") != "FailedMount" or about.get("kind") != "Pod":
        return None
    missing, no_key = _NOT_FOUND.search(message), _NO_KEY.search(message)
    if missing is None and no_key is None:
        return None
    seen = read_time(item.get("lastTimestamp")) or read_time(item.get("eventTime"))
    return MountFault(
        key=key_of(item),
        pod=about.get("name", ""),
        pod_uid=about.get("uid", ""),
        is_key_missing=missing is None,
        object_name=missing[1] if missing is not None else (no_key[1] if no_key else ""),
        message=message[:300],
        seen_at=seen or read_time(item["metadata"].get("creationTimestamp")) or _NEVER,
    )


_NEVER: Final = datetime.fromtimestamp(0, UTC)


def read_time(text: Any) -> datetime | None:
    """RFC 3339 as the API writes it; None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def write_time(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as metav1.Time has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _has_run(container: Object) -> bool:
    if container.get("restartCount"):
        return True
    states = (container.get("state") or {}, container.get("lastState") or {})
    return any("running" in state or "terminated" in state for state in states)


def _rollout(item: Object) -> Rollout:
    status, meta = item.get("status") or {}, item["metadata"]
    seen = int(status.get("observedGeneration", 0)) >= int(meta.get("generation", 1))
    return Rollout(
        replicas=int((item.get("spec") or {}).get("replicas", 1)),
        ready=int(status.get("readyReplicas", 0)),
        revision=status.get("updateRevision") if seen else None,
    )
