"""HedgePairs of the cluster tests: the smallest one, and what each test changes of it."""

from __future__ import annotations

import copy
import json
from itertools import count
from typing import Any

from tests.e2e.kubectl import Kubectl, until

_ACCOUNTS = count(1)
SMALLEST: dict[str, Any] = {
    "market": "ETH",
    "quantity": "0.05",
    "exchange": {"network": "Paper"},
    "maker": {"account": {"accountIndex": 0}},
    "hedger": {"account": {"accountIndex": 0}},
    "risk": {"maxPosition": "0.5"},
}
LIVELY: dict[str, Any] = {"timeoutSeconds": 10, "maker": {"requoteTicks": 5}}
"""Follows the price, so that it fills several times a second on the paper exchange."""


def fresh_accounts(worker: str) -> tuple[int, int]:
    """Two accounts that no other test of this run trades on; every worker has its own thousand."""
    number = int(worker.removeprefix("gw") or 0) if worker.startswith("gw") else 0
    base = 10_000 + 1_000 * number + 2 * next(_ACCOUNTS)
    return base, base + 1


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`changes` over `base`, section by section; None takes a field away."""
    whole = copy.deepcopy(base)
    for name, value in changes.items():
        if value is None:
            whole.pop(name, None)
        elif isinstance(value, dict) and isinstance(whole.get(name), dict):
            whole[name] = merged(whole[name], value)
        else:
            whole[name] = copy.deepcopy(value)
    return whole


class Pair:
    """One resource in the cluster, read as a user reads it."""

    def __init__(self, kubectl: Kubectl, name: str, spec: dict[str, Any]) -> None:
        self.kubectl = kubectl
        self.name = name
        self.spec = spec

    @property
    def maker_account(self) -> int:
        return int(self.spec["maker"]["account"]["accountIndex"])

    @property
    def hedger_account(self) -> int:
        return int(self.spec["hedger"]["account"]["accountIndex"])

    def manifest(self) -> str:
        """JSON, which is YAML too."""
        document = {
            "apiVersion": "hedgepair.io/v1alpha1",
            "kind": "HedgePair",
            "metadata": {"name": self.name, "namespace": self.kubectl.namespace},
            "spec": self.spec,
        }
        return json.dumps(document)

    def apply(self, changes: dict[str, Any] | None = None) -> None:
        """As it is, or edited."""
        self.spec = merged(self.spec, changes or {})
        self.kubectl.apply(self.manifest())

    def annotate(self, **annotations: str) -> None:
        words = [
            f"hedgepair.io/{name.replace('_', '-')}={value}" for name, value in annotations.items()
        ]
        self.kubectl("annotate", "--overwrite", "hedgepair", self.name, *words)

    def delete(self, *flags: str) -> None:
        self.kubectl("delete", "hedgepair", self.name, *flags)

    def read(self) -> dict[str, Any]:
        resource: dict[str, Any] = self.kubectl.get("hedgepair", self.name)
        return resource

    @property
    def exists(self) -> bool:
        return self.kubectl.find("hedgepair", self.name) is not None

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.read().get("status", {})
        return found

    def condition(self, kind: str) -> dict[str, Any]:
        """Of the present generation, else empty: as `kubectl wait` sees it."""
        resource = self.read()
        for condition in resource.get("status", {}).get("conditions", ()):
            current = condition.get("observedGeneration") == resource["metadata"]["generation"]
            if condition["type"] == kind and current:
                return dict(condition)
        return {}

    def wait(
        self, kind: str, status: str = "True", *, reason: str = "", within_s: float = 60
    ) -> None:
        def holds() -> bool:
            found = self.condition(kind)
            return found.get("status") == status and (not reason or found["reason"] == reason)

        wanted = f"{self.name}: {kind}={status} {reason}".strip()
        until(holds, wanted, within_s=within_s)

    def pod(self, role: str) -> dict[str, Any]:
        found: dict[str, Any] = self.kubectl.get("pod", f"{self.name}-{role}-0")
        return found

    def restarts(self) -> dict[str, tuple[str, int]]:
        """Role → (pod uid, container restarts): unchanged as long as no runner restarted."""
        told = {}
        for role in ("maker", "hedger"):
            pod = self.pod(role)
            statuses = pod["status"].get("containerStatuses", [])
            told[role] = (pod["metadata"]["uid"], sum(each["restartCount"] for each in statuses))
        return told
