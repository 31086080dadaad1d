"""The operator's own read model of the API server: trimmed objects by kind and key.

Fed by watches, by periodic lists, and by the answers to its own writes; the newest resource version
counts, whatever comes first. Each change says which pairs (and which namespaces) to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from hedgepair_operator import names, trimming
from hedgepair_operator.facts import ChildFact, Key, Kind, MountFault, PairFact, PodFact

Object = Mapping[str, Any]
Fact = PairFact | ChildFact | PodFact | MountFault

CHILD_KINDS: Final = (Kind.STATEFUL_SET, Kind.CONFIG_MAP, Kind.SERVICE, Kind.NETWORK_POLICY)
_MAX_TOMBSTONES: Final = 4096


class Touched:
    """What a change concerns. Empty where nothing changed that anybody decides on."""

    __slots__ = ("everyone", "namespaces", "pairs")

    def __init__(self) -> None:
        self.pairs: set[Key] = set()
        self.namespaces: set[str] = set()
        self.everyone = False
        """The set of pairs, or what one of them claims, changed."""


class Cache:
    def __init__(self) -> None:
        self.pairs: dict[Key, PairFact] = {}
        self._children: dict[Kind, dict[Key, ChildFact]] = {kind: {} for kind in CHILD_KINDS}
        self._pods: dict[Key, PodFact] = {}
        self._faults: dict[Key, MountFault] = {}
        self._by_pair: dict[Key, set[tuple[Kind, Key]]] = {}
        self._tombstones: dict[tuple[Kind, Key], int] = {}

    # -- in --

    def put(self, kind: Kind, item: Object, *, settled_for: str | None = None) -> Touched:
        """An object as it was read, or as it came back from a write of the operator's own."""
        touched = Touched()
        key = trimming.key_of(item)
        if self._is_late(kind, key, item):
            return touched
        if kind is Kind.PAIR:
            self._put_pair(trimming.pair_fact(item, known=self.pairs.get(key)), touched)
        elif kind is Kind.POD:
            self._put_pod(trimming.pod_fact(item), touched)
        elif kind is Kind.EVENT:
            self._put_fault(trimming.mount_fault(item), touched)
        else:
            self._put_child(trimming.child_fact(kind, item), settled_for, touched)
        return touched

    def drop(self, kind: Kind, key: Key, *, uid: str | None = None, version: str = "") -> Touched:
        """The object is gone. With `uid`: only if it was that one."""
        touched = Touched()
        store: dict[Key, Any] = self._store(kind)
        fact = store.get(key)
        if fact is None or (uid is not None and getattr(fact, "uid", uid) != uid):
            return touched
        del store[key]
        self._bury(kind, key, version or getattr(fact, "resource_version", ""))
        self._touch(kind, fact, touched)
        if kind is Kind.PAIR:
            touched.everyone = True
            touched.namespaces.add(key.namespace)
        if isinstance(fact, (ChildFact, PodFact)) and fact.pair is not None:
            members = self._by_pair.get(Key(key.namespace, fact.pair), set())
            members.discard((kind, key))
        return touched

    def keys(self, kind: Kind, namespace: str | None = None) -> list[Key]:
        return [key for key in self._store(kind) if namespace in (None, key.namespace)]

    def version_of(self, kind: Kind, key: Key) -> int:
        fact = self._store(kind).get(key)
        return _number(getattr(fact, "resource_version", ""))

    # -- out --

    def children_of(self, pair: Key) -> dict[tuple[Kind, str], ChildFact]:
        return {
            (kind, key.name): self._children[kind][key]
            for kind, key in self._by_pair.get(pair, ())
            if kind is not Kind.POD
        }

    def keys_of_pair(self, kind: Kind, pair: Key) -> list[Key]:
        return [key for other, key in self._by_pair.get(pair, ()) if other is kind]

    def pods_of(self, pair: Key) -> tuple[PodFact, ...]:
        found = (self._pods[key] for kind, key in self._by_pair.get(pair, ()) if kind is Kind.POD)
        return tuple(sorted(found, key=lambda pod: pod.key.name))

    def faults_of(self, pods: Iterable[PodFact]) -> tuple[MountFault, ...]:
        uids = {pod.uid for pod in pods}
        return tuple(fault for fault in self._faults.values() if fault.pod_uid in uids)

    def shared_of(self, namespace: str) -> dict[Kind, ChildFact]:
        key = Key(namespace, names.RUNNERS)
        kinds = (Kind.SERVICE, Kind.NETWORK_POLICY)
        return {kind: self._children[kind][key] for kind in kinds if key in self._children[kind]}

    def pairs_in(self, namespace: str) -> list[PairFact]:
        return [pair for key, pair in self.pairs.items() if key.namespace == namespace]

    # -- one kind each --

    def _put_pair(self, fact: PairFact, touched: Touched) -> None:
        old = self.pairs.get(fact.key)
        self.pairs[fact.key] = fact
        if old is not None and replace(old, resource_version=fact.resource_version) == fact:
            return
        touched.pairs.add(fact.key)
        if old is None or _claim(old) != _claim(fact):
            touched.everyone = True
            touched.namespaces.add(fact.key.namespace)

    def _put_child(self, fact: ChildFact, settled_for: str | None, touched: Touched) -> None:
        store = self._children[fact.kind]
        old = store.get(fact.key)
        if settled_for is None and old is not None and old.body == fact.body:
            settled_for = old.settled_for
        if settled_for is not None:
            fact = replace(fact, settled_for=settled_for)
        store[fact.key] = fact
        if fact.pair is not None:
            pair = Key(fact.key.namespace, fact.pair)
            self._by_pair.setdefault(pair, set()).add((fact.kind, fact.key))
        same = (
            old is not None
            and replace(old, resource_version=fact.resource_version, settled_for=fact.settled_for)
            == fact
        )
        if not same:
            self._touch(fact.kind, fact, touched)

    def _put_pod(self, fact: PodFact | None, touched: Touched) -> None:
        if fact is None:
            return
        old = self._pods.get(fact.key)
        self._pods[fact.key] = fact
        pair = Key(fact.key.namespace, fact.pair)
        self._by_pair.setdefault(pair, set()).add((Kind.POD, fact.key))
        if old is None or replace(old, resource_version=fact.resource_version) != fact:
            touched.pairs.add(pair)

    def _put_fault(self, fault: MountFault | None, touched: Touched) -> None:
        if fault is None:
            return
        self._faults[fault.key] = fault
        self._touch(Kind.EVENT, fault, touched)

    def _touch(self, kind: Kind, fact: Fact, touched: Touched) -> None:
        if isinstance(fact, PairFact):
            touched.pairs.add(fact.key)
        elif isinstance(fact, MountFault):
            pod = self._pods.get(Key(fact.key.namespace, fact.pod))
            if pod is not None:
                touched.pairs.add(Key(fact.key.namespace, pod.pair))
        elif fact.pair is not None:
            touched.pairs.add(Key(fact.key.namespace, fact.pair))
        else:
            touched.namespaces.add(fact.key.namespace)

    def _store(self, kind: Kind) -> dict[Key, Any]:
        if kind is Kind.PAIR:
            return self.pairs
        if kind is Kind.POD:
            return self._pods
        if kind is Kind.EVENT:
            return self._faults
        return self._children[kind]

    # -- the newest counts --

    def _is_late(self, kind: Kind, key: Key, item: Object) -> bool:
        version = _number(item["metadata"].get("resourceVersion", ""))
        known = max(self.version_of(kind, key), self._tombstones.get((kind, key), 0))
        return 0 < version < known

    def _bury(self, kind: Kind, key: Key, version: str) -> None:
        """A list that was taken earlier must not bring it back."""
        if len(self._tombstones) >= _MAX_TOMBSTONES:
            del self._tombstones[next(iter(self._tombstones))]
        self._tombstones[kind, key] = _number(version)


def _number(version: str) -> int:
    """Resource versions are comparable numbers (Kubernetes says so from 1.35 on)."""
    return int(version) if version.isdecimal() else 0


def _claim(pair: PairFact) -> Any:
    """What other pairs are judged by. The finalizer is not in it: who gets it was taken already."""
    return (
        pair.uid,
        pair.deleted_at is None,
        None if pair.manifest is None else pair.manifest.spec,
    )
