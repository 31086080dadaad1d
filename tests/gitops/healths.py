"""Statuses of HedgePairs for both GitOps readers, from the plain to the odd."""

from __future__ import annotations

from typing import Any


def condition(kind: str, status: str, reason: str = "Because") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": f"{kind} is {status}",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 3,
    }


def pair(
    *conditions: tuple[str, str],
    observed: int | None = 3,
    deleting: bool = False,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Generation 3; `observed` None: the operator has not been here yet."""
    metadata: dict[str, Any] = {"name": "eth", "generation": 3}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    if annotations:
        metadata["annotations"] = annotations
    found: dict[str, Any] = {"metadata": metadata, "spec": {}}
    if observed is not None:
        found["status"] = {
            "observedGeneration": observed,
            "conditions": [condition(*each) for each in conditions],
        }
    return found


READY = (("Accepted", "True"), ("Ready", "True"), ("Hedged", "True"))
BUSY = (("Accepted", "True"), ("Ready", "False"), ("Reconciling", "True"))

CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "just created": (pair(observed=None), "Progressing", "InProgress"),
    "an older generation was seen": (pair(*READY, observed=2), "Progressing", "InProgress"),
    "ready and hedged": (pair(*READY), "Healthy", "Current"),
    "ready while a fill is being hedged": (
        pair(("Ready", "True"), ("Hedged", "False")),
        "Healthy",
        "Current",
    ),
    "ready, hedge unknown": (pair(("Ready", "True"), ("Hedged", "Unknown")), "Healthy", "Current"),
    "starting": (pair(*BUSY), "Progressing", "InProgress"),
    "rolling out": (pair(("Ready", "False"), ("Reconciling", "True")), "Progressing", "InProgress"),
    "stalled": (pair(("Ready", "False"), ("Stalled", "True")), "Degraded", "Failed"),
    "degraded": (pair(*READY, ("Degraded", "True")), "Degraded", "Current"),
    "halted": (pair(*READY, ("Halted", "True")), "Degraded", "Current"),
    "halted while suspended": (
        pair(("Ready", "True"), ("Halted", "True"), ("Suspended", "True")),
        "Degraded",
        "Current",
    ),
    "suspended": (pair(*READY, ("Suspended", "True")), "Suspended", "Current"),
    "being suspended": (
        pair(("Ready", "True"), ("Suspended", "False"), ("Reconciling", "True")),
        "Healthy",
        "InProgress",
    ),
    "completed": (pair(*READY, ("Completed", "True")), "Suspended", "Current"),
    "hands off": (
        pair(*READY, annotations={"hedgepair.io/reconcile": "Disabled"}),
        "Suspended",
        "Current",
    ),
    "being deleted": (pair(*READY, deleting=True), "Progressing", "Terminating"),
    "teardown overdue": (pair(("Stalled", "True"), deleting=True), "Degraded", "Terminating"),
}
"""Name → (object, what Argo CD's script answers, what kstatus answers)."""
