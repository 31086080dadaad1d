"""What kubelets share: pods come, become ready, and go when they have ended."""

from __future__ import annotations

import copy
from typing import Any

from tests.operator.fake_api.store import Change, Name, Object, Store

IMAGE_ID = "localhost/runner@sha256:0"


class Kubelet:
    """Subclasses start and end what a pod runs. `start` may refuse with a waiting reason."""

    def __init__(self, store: Store) -> None:
        self.store = store
        store.has_kubelet = True
        store.listeners.append(self._on_change)

    def started(self, name: Name, pod: Object) -> None:
        raise NotImplementedError

    def ended(self, name: Name, pod: Object) -> None:
        """The pod shall go; call `gone` when it has."""
        raise NotImplementedError

    def _on_change(self, change: Change) -> None:
        if change.plural != "pods":
            return
        meta = change.item["metadata"]
        name = Name("pods", meta["namespace"], meta["name"])
        if change.type == "ADDED":
            self.started(name, change.item)
        elif change.type == "MODIFIED" and "deletionTimestamp" in meta:
            before = (change.before or {}).get("metadata") or {}
            if "deletionTimestamp" not in before:
                self.ended(name, change.item)

    def gone(self, name: Name, uid: str) -> None:
        item = self.store.items.get(name)
        if item is not None and item["metadata"]["uid"] == uid:
            self.store.delete(name, now=True)

    def tell(
        self,
        name: Name,
        uid: str,
        *,
        is_ready: bool,
        state: dict[str, Any] | None = None,
        restarts: int = 0,
    ) -> None:
        """Writes the pod's status."""
        item = self.store.items.get(name)
        if item is None or item["metadata"]["uid"] != uid:
            return
        container = item["spec"]["containers"][0]
        status = {
            "phase": "Running" if state is None or "running" in state else "Pending",
            "conditions": [{"type": "Ready", "status": "True" if is_ready else "False"}],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "restartCount": restarts,
                    "ready": is_ready,
                    "state": state or {"running": {}},
                }
            ],
        }
        new = copy.deepcopy(item)
        new["status"] = status
        self.store.replace(name, new, subresource="status")

    def mount_failed(self, name: Name, uid: str, message: str) -> None:
        """As the kubelet tells it: an Event FailedMount."""
        self.store.create(
            "events",
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{name.name}.{uid[:8]}", "namespace": name.namespace},
                "involvedObject": {
                    "kind": "Pod",
                    "name": name.name,
                    "namespace": name.namespace,
                    "uid": uid,
                },
                "reason": "FailedMount",
                "type": "Warning",
                "message": message,
                "lastTimestamp": "2026-01-01T00:00:00Z",
            },
        )
