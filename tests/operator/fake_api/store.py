"""Objects, versions and history: what etcd and the registry are to a real API server."""

from __future__ import annotations

import copy
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.operator.fake_api.patching import Path, server_side_apply

Object = dict[str, Any]
HISTORY = 20_000


class Resource(NamedTuple):
    group: str
    version: str
    plural: str
    kind: str
    has_status: bool = False


RESOURCES = (
    Resource("hedgepair.io", "v1alpha1", "hedgepairs", "HedgePair", True),
    Resource("apps", "v1", "statefulsets", "StatefulSet", True),
    Resource("", "v1", "pods", "Pod", True),
    Resource("", "v1", "configmaps", "ConfigMap"),
    Resource("", "v1", "secrets", "Secret"),
    Resource("", "v1", "services", "Service", True),
    Resource("", "v1", "events", "Event"),
    Resource("events.k8s.io", "v1", "events", "Event"),
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    Resource("coordination.k8s.io", "v1", "leases", "Lease"),
)
BY_KIND = {resource.kind: resource for resource in reversed(RESOURCES)}


class Name(NamedTuple):
    plural: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    version: int
    type: str
    plural: str
    item: Object
    before: Object | None


class Refused(Exception):
    def __init__(self, status: int, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.status = status
        self.reason = reason


@dataclass
class Store:
    """One change at a time. `listeners` are called with each change, synchronously."""

    items: dict[Name, Object] = field(default_factory=dict)
    owners: dict[tuple[Name, str], set[Path]] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=lambda: deque(maxlen=HISTORY))
    listeners: list[Callable[[Change], None]] = field(default_factory=list)
    version: int = 1000
    oldest: int = 1000
    ending: set[str] = field(default_factory=set)
    has_kubelet: bool = False
    """Pods go when the kubelet says so; without one at once."""

    def get(self, name: Name) -> Object:
        if name not in self.items:
            raise Refused(404, "NotFound", f"{name.plural} {name.name} not found")
        return self.items[name]

    def all_of(self, plural: str, namespace: str | None = None) -> Iterator[tuple[Name, Object]]:
        for name, item in self.items.items():
            if name.plural == plural and namespace in (None, name.namespace):
                yield name, item

    def create(self, plural: str, item: Object) -> Object:
        meta = item["metadata"]
        name = Name(plural, meta["namespace"], meta["name"])
        if name in self.items:
            raise Refused(409, "AlreadyExists", f"{name.name} already exists")
        if name.namespace in self.ending:
            raise Refused(403, "Forbidden", f"namespace {name.namespace} is being terminated")
        made = copy.deepcopy(item)
        made["metadata"] |= {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": now_text(),
            "generation": 1,
        }
        self._write(name, made, "ADDED", None)
        return made

    def replace(self, name: Name, item: Object, *, subresource: str = "") -> Object:
        """The object after a write; one that changes nothing is no write."""
        old = self.get(name)
        new = copy.deepcopy(item)
        resource = next(each for each in RESOURCES if each.plural == name.plural)
        if subresource == "status":
            new = {**copy.deepcopy(old), "status": new.get("status", {})}
        elif resource.has_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = copy.deepcopy(old["status"])
        for fixed in ("uid", "creationTimestamp", "generation", "resourceVersion"):
            if fixed in old["metadata"]:
                new["metadata"][fixed] = old["metadata"][fixed]
        if "deletionTimestamp" in old["metadata"]:
            new["metadata"]["deletionTimestamp"] = old["metadata"]["deletionTimestamp"]
        if new == old:
            return old
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        is_last = "deletionTimestamp" in new["metadata"] and not new["metadata"].get("finalizers")
        if is_last and name.plural != "pods":
            self._remove(name, new)
            return new
        self._write(name, new, "MODIFIED", old)
        return new

    def apply(
        self, plural: str, wanted: Object, *, manager: str, subresource: str = ""
    ) -> tuple[Object, bool]:
        """(the object, whether it was made by this)."""
        meta = wanted["metadata"]
        name = Name(plural, meta["namespace"], meta["name"])
        ours = {
            part: value
            for part, value in _string_data(wanted).items()
            if part not in ("apiVersion", "kind", "status")
        }
        ours["metadata"] = {
            key: value
            for key, value in meta.items()
            if key not in ("name", "namespace", "uid", "resourceVersion")
        }
        if subresource:
            ours = {"status": wanted.get("status", {})}
        owner = (name, f"{manager}/{subresource}")
        live = self.items.get(name)
        if live is None:
            if subresource or meta.get("uid"):
                raise Refused(404, "NotFound", f"{name.name} not found")
            bare = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"]}
            place = {"name": meta["name"], "namespace": meta["namespace"]}
            item, owned = server_side_apply(bare | {"metadata": place}, ours, set())
            made = self.create(plural, item)
            self.owners[owner] = owned
            return made, True
        if meta.get("uid") not in (None, live["metadata"]["uid"]):
            raise Refused(409, "Conflict", "the uid is another")
        after, self.owners[owner] = server_side_apply(live, ours, self.owners.get(owner, set()))
        return self.replace(name, after, subresource=subresource), False

    def delete(self, name: Name, *, uid: str | None = None, now: bool = False) -> None:
        item = self.get(name)
        if uid not in (None, item["metadata"]["uid"]):
            raise Refused(409, "Conflict", "the uid is another")
        waits = item["metadata"].get("finalizers") or (
            name.plural == "pods" and self.has_kubelet and not now
        )
        if not waits:
            self._remove(name, item)
        elif "deletionTimestamp" not in item["metadata"]:
            new = copy.deepcopy(item)
            new["metadata"]["deletionTimestamp"] = now_text()
            new["metadata"]["generation"] = item["metadata"].get("generation", 1) + 1
            self._write(name, new, "MODIFIED", item)

    def compact(self) -> None:
        """Whoever watches from an older version is told 410."""
        self.oldest = self.version

    def _remove(self, name: Name, item: Object) -> None:
        self.version += 1
        gone = copy.deepcopy(item)
        gone["metadata"]["resourceVersion"] = str(self.version)
        del self.items[name]
        for owner in [owner for owner in self.owners if owner[0] == name]:
            del self.owners[owner]
        self._tell(Change(self.version, "DELETED", name.plural, gone, item))
        self._collect(item["metadata"]["uid"])

    def _collect(self, uid: str) -> None:
        """Garbage collection: what the object owned goes after it."""
        for name, item in list(self.items.items()):
            refs = item["metadata"].get("ownerReferences") or ()
            if any(ref["uid"] == uid for ref in refs) and name in self.items:
                self.delete(name)

    def _write(self, name: Name, item: Object, kind: str, before: Object | None) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        self.items[name] = item
        self._tell(Change(self.version, kind, name.plural, item, before))

    def _tell(self, change: Change) -> None:
        if len(self.history) == HISTORY:
            self.oldest = max(self.oldest, self.history[0].version)
        self.history.append(change)
        for listener in list(self.listeners):
            listener(change)


def _string_data(item: Object) -> Object:
    """`stringData` of a Secret becomes its data."""
    if "stringData" not in item:
        return item
    kept = {part: value for part, value in item.items() if part != "stringData"}
    return kept | {"data": item["stringData"]}


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
