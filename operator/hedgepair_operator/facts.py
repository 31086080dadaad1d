"""What the operator has observed: trimmed objects, reports, and Redis. Frozen, without I/O.

Objects are trimmed on arrival: 1,000 pairs and 2,000 pods stay in a few dozen MiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from hedgepair_operator.redis_port import RedisConcern
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.status import RunnerReport


class Key(NamedTuple):
    """Names one object of a kind, and a pair's place in the queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Kind(StrEnum):
    """What is watched. The value is the kind as the API writes it."""

    PAIR = "HedgePair"
    STATEFUL_SET = "StatefulSet"
    POD = "Pod"
    CONFIG_MAP = "ConfigMap"
    SERVICE = "Service"
    NETWORK_POLICY = "NetworkPolicy"
    EVENT = "Event"
    SECRET = "Secret"
    """Written, never read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFact:
    """A HedgePair. `manifest` is None where the spec is refused; then `problems` says why."""

    key: Key
    uid: str
    generation: int
    resource_version: str
    created_at: datetime
    deleted_at: datetime | None
    finalizers: tuple[str, ...]
    annotations: Mapping[str, str]
    """Of those that the operator reads."""
    manifest: HedgePair | None
    problems: tuple[str, ...]
    status: Mapping[str, Any]
    pairing: str
    spec_digest: bytes = b""
    """Of what `manifest` and `problems` follow from: the same again need not be judged again."""

    @property
    def id(self) -> PairId:
        """How Redis names the pair."""
        return PairId(namespace=self.key.namespace, pairing=self.pairing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What a StatefulSet says of its pods. `revision` None: not yet observed by its controller."""

    replicas: int
    ready: int
    revision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildFact:
    """An object that the operator applied: what can be compared with what is wanted, as JSON.

    `settled_for`: digest of the wanted object whose application last left it exactly so.
    """

    kind: Kind
    key: Key
    uid: str
    resource_version: str
    owner_uid: str | None
    pair: str | None
    role: Role | None
    is_deleting: bool
    body: bytes
    settled_for: str | None = None
    rollout: Rollout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFact:
    """A runner's pod. `has_run`: some container of it once started."""

    key: Key
    uid: str
    pair: str
    role: Role
    resource_version: str = ""
    revision: str | None = None
    is_ready: bool = False
    has_run: bool = False
    is_deleting: bool = False
    is_node_lost: bool = False
    waiting: str = ""
    """Why its container waits, in the kubelet's word, such as ImagePullBackOff."""
    message: str = ""
    restarts: int = 0
    restarted_at: str | None = None
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountFault:
    """The kubelet cannot mount a Secret (or ConfigMap): from its Event FailedMount."""

    key: Key
    pod: str
    pod_uid: str
    is_key_missing: bool
    object_name: str
    message: str
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFact:
    """A runner's report and how fresh it is, by the operator's own clock.

    `confirmations`: how many reports in a row, each newer than the last, told the same state,
    version and proofs. A stale report says what was, not what is.
    """

    report: RunnerReport
    changed_at: datetime
    is_fresh: bool
    confirmations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFact:
    """`lost_since` None: it answers."""

    lost_since: datetime | None = None
    refusal: str = ""
    concerns: tuple[tuple[RedisConcern, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the release does not take a pair: a word and a sentence with the remedy."""

    reason: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Everything that one decision about one pair rests on.

    `is_live`: children and pods were read from the API server for this very decision, not taken
    from the cache; absence counts only then. `redis_digest` names the content that the pair's
    Secret should have (None: it cannot be made now). `is_user_ready`: the pair's Redis user was
    asserted since Redis last came back. `told`: digest of the desired state that Redis holds.
    """

    pair: PairFact
    children: Mapping[tuple[Kind, str], ChildFact] = field(default_factory=dict)
    pods: tuple[PodFact, ...] = ()
    faults: tuple[MountFault, ...] = ()
    reports: Mapping[Role, ReportFact] = field(default_factory=dict)
    redis: RedisFact = field(default_factory=RedisFact)
    refusal: Refusal | None = None
    is_live: bool = False
    is_namespace_ending: bool = False
    redis_digest: str | None = None
    is_user_ready: bool = False
    apply_error: str = ""

    def child(self, kind: Kind, name: str) -> ChildFact | None:
        return self.children.get((kind, name))

    def pods_of(self, role: Role) -> tuple[PodFact, ...]:
        return tuple(pod for pod in self.pods if pod.role is role)
