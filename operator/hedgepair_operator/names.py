"""Names, labels and annotations of everything that the operator makes or reads."""

from __future__ import annotations

from typing import Final

from hedgepair_runner.contract.identity import Role

GROUP: Final = "hedgepair.io"
VERSION: Final = "v1alpha1"
PLURAL: Final = "hedgepairs"
KIND: Final = "HedgePair"
API_VERSION: Final = f"{GROUP}/{VERSION}"
MANAGER: Final = "hedgepair-operator"
"""Field manager of server-side apply, reporting controller of Events."""
FINALIZER: Final = f"{GROUP}/teardown"

# What people write on a HedgePair (operators.md §4.4).
RECONCILE: Final = f"{GROUP}/reconcile"
RESTARTED_AT: Final = f"{GROUP}/restartedAt"
FORCE_DELETE: Final = f"{GROUP}/force-delete"
ACKNOWLEDGE: Final = f"{GROUP}/acknowledge"
READ_ANNOTATIONS: Final = (RECONCILE, RESTARTED_AT, FORCE_DELETE, ACKNOWLEDGE)
DISABLED: Final = "Disabled"

# What the operator writes on children.
PAIR: Final = f"{GROUP}/pair"
ROLE: Final = f"{GROUP}/role"
CREDENTIALS: Final = f"{GROUP}/contains-credentials"
RESTART_HASH: Final = f"{GROUP}/restart-hash"
REDIS_DIGEST: Final = f"{GROUP}/redis-digest"
WISH_SINCE: Final = f"{GROUP}/wish-since"
APPLIED: Final = f"{GROUP}/applied"
"""Digest of what was applied last."""
WRITTEN_ANNOTATIONS: Final = (APPLIED, REDIS_DIGEST, WISH_SINCE)
REVISION: Final = "controller-revision-hash"

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
SELECTOR: Final = f"{MANAGED_BY}={MANAGER}"
"""Of everything that is watched besides HedgePairs and Events."""

RUNNERS: Final = "hedgepair-runners"
"""The Service and the NetworkPolicy that all pairs of a namespace share (design §10)."""
PROBES: Final = "hedgepair-probes"
"""The ConfigMap in which people put the records of their probes; pods of Mainnet pairs mount it."""
HTTP_PORT: Final = 8080


def stateful_set(pair: str, role: Role) -> str:
    return f"{pair}-{role.label}"


def config_map(pair: str) -> str:
    return f"{pair}-hedgepair"


def is_secret_of(name: str, pair: str) -> bool:
    """Whether the operator writes this Secret itself."""
    return name == redis_secret(pair)


def redis_secret(pair: str) -> str:
    return f"{pair}-hedgepair-redis"


def shared_labels() -> dict[str, str]:
    """Of what the pairs of a namespace share, and part of every other child's."""
    return {
        "app.kubernetes.io/name": "hedgepair",
        "app.kubernetes.io/part-of": "hedgepair",
        MANAGED_BY: MANAGER,
    }


def labels(pair: str, role: Role | None = None) -> dict[str, str]:
    """Without a version: the labels of a pod template may not follow the operator's."""
    found = shared_labels() | {"app.kubernetes.io/instance": pair, PAIR: pair}
    if role is not None:
        found |= {"app.kubernetes.io/component": role.label, ROLE: role.label}
    return found


def pod_selector(pair: str, role: Role) -> dict[str, str]:
    return {PAIR: pair, ROLE: role.label}
