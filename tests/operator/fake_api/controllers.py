"""The StatefulSet controller, as far as the operator relies on it: pods by ordinal, OnDelete,
revisions by template, status by observation."""

from __future__ import annotations

import asyncio
import copy
import hashlib
from typing import Any

import orjson

from tests.operator.fake_api.store import Change, Name, Object, Refused, Store


class StatefulSetController:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._dirty: asyncio.Queue[Name] = asyncio.Queue()
        store.listeners.append(self._on_change)

    def _on_change(self, change: Change) -> None:
        meta = change.item["metadata"]
        if change.plural == "statefulsets" and change.type != "DELETED":
            self._dirty.put_nowait(Name("statefulsets", meta["namespace"], meta["name"]))
        elif change.plural == "pods":
            for ref in meta.get("ownerReferences") or ():
                self._dirty.put_nowait(Name("statefulsets", meta["namespace"], ref["name"]))

    async def run(self) -> None:
        for name, _ in self._store.all_of("statefulsets"):
            self._dirty.put_nowait(name)
        while True:
            name = await self._dirty.get()
            item = self._store.items.get(name)
            if item is not None and "deletionTimestamp" not in item["metadata"]:
                self._sync(name, item)
            await asyncio.sleep(0)

    def _sync(self, name: Name, item: Object) -> None:
        spec = item["spec"]
        revision = revision_of(item)
        pods = {}
        for ordinal in range(int(spec.get("replicas", 1)) + 4):
            place = Name("pods", name.namespace, f"{name.name}-{ordinal}")
            pod = self._store.items.get(place)
            if pod is None and ordinal < spec.get("replicas", 1):
                try:
                    pod = self._store.create("pods", _pod(item, place, revision))
                except Refused:
                    continue
            elif pod is not None and ordinal >= spec.get("replicas", 1):
                self._store.delete(place)
                pod = self._store.items.get(place)
            if pod is not None:
                pods[place.name] = pod
        status = {
            "observedGeneration": item["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": sum(is_ready(pod) for pod in pods.values()),
            "updateRevision": revision,
        }
        current = self._store.items[name]
        if current.get("status") != status:
            self._store.replace(name, {**current, "status": status}, subresource="status")


def revision_of(item: Object) -> str:
    template = orjson.dumps(item["spec"]["template"], option=orjson.OPT_SORT_KEYS)
    return f"{item['metadata']['name']}-{hashlib.sha256(template).hexdigest()[:10]}"


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _pod(item: Object, place: Name, revision: str) -> Object:
    template: dict[str, Any] = copy.deepcopy(item["spec"]["template"])
    meta = template["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": place.name,
            "namespace": place.namespace,
            "labels": {**meta.get("labels", {}), "controller-revision-hash": revision},
            "annotations": meta.get("annotations", {}),
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "name": item["metadata"]["name"],
                    "uid": item["metadata"]["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": template["spec"],
    }
