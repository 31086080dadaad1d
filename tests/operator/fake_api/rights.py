"""What an operator may do, verb by verb: the server of the tests grants this and nothing else.

`NEEDED` is what the chart's Role must grant, no more and no less: whatever goes beyond it is
answered 403 in every test, and the grand tour proves that each one is used.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Right(NamedTuple):
    group: str
    resource: str
    verb: str


def _rights(group: str, resource: str, *verbs: str) -> set[Right]:
    return {Right(group, resource, verb) for verb in verbs}


NEEDED: Final[frozenset[Right]] = frozenset(
    _rights("hedgepair.io", "hedgepairs", "get", "list", "watch", "patch")
    | _rights("hedgepair.io", "hedgepairs/status", "patch")
    | _rights("apps", "statefulsets", "list", "watch", "create", "patch", "delete")
    | _rights("", "configmaps", "list", "watch", "create", "patch")
    | _rights("", "services", "list", "watch", "create", "patch", "delete")
    | _rights("", "pods", "list", "watch", "delete")
    | _rights("", "events", "list", "watch")
    | _rights("", "secrets", "create", "patch")
    | _rights("events.k8s.io", "events", "create")
    | _rights("networking.k8s.io", "networkpolicies", "list", "watch", "create", "patch", "delete")
)
ADMISSION: Final[frozenset[Right]] = frozenset(
    _rights("hedgepair.io", "hedgepairs/finalizers", "update")
)
"""Asked for by an admission plugin, to set blockOwnerDeletion; no request shows it."""
LEADING: Final[frozenset[Right]] = frozenset(
    _rights("coordination.k8s.io", "leases", "get", "create", "patch")
)
"""In the operator's own namespace, with leader election only."""
