"""Lists everything, in pages, and sets the cache right: before the workers start, and again and
again after that.

kopf does not tell of objects that were deleted while a watch was broken (410), nor of those lost
when a stream is cut, and it drops what a handler failed on (operators.md §3.5). This closes all
three. What it has to repair is counted: it should be nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from hedgepair_operator import names
from hedgepair_operator.cache import CHILD_KINDS
from hedgepair_operator.desk import Desk
from hedgepair_operator.facts import Key, Kind
from hedgepair_operator.kube import Kube, KubeRefused, KubeUnavailable

logger = logging.getLogger(__name__)

FAULT_FIELDS: Final = "involvedObject.kind=Pod,reason=FailedMount"
_JITTER: Final = 0.2
_RETRY_S: Final = 10.0
# Pairs last: whoever looks at a pair finds its children in the cache already.
_ORDER: Final = (*CHILD_KINDS, Kind.POD, Kind.EVENT, Kind.PAIR)


class Lister:
    def __init__(self, desk: Desk, kube: Kube) -> None:
        self._desk = desk
        self._kube = kube

    async def sync(self, *, is_first: bool = False) -> int:
        """Lists all kinds; returns how much was repaired. Raises KubeUnavailable, KubeRefused."""
        repaired = 0
        for kind in _ORDER:
            for namespace in self._desk.settings.watch_namespaces or (None,):
                found = await self._sync_kind(kind, namespace)
                repaired += found
                if found and not is_first and kind is not Kind.EVENT:
                    self._desk.metrics.resync_repairs.labels(kind.value).inc(found)
                    logger.warning("watch missed changes", extra={"kind": kind, "count": found})
        self._desk.synced_at_s = asyncio.get_running_loop().time()
        return repaired

    async def run(self) -> None:
        """For ever."""
        while True:
            every_s = self._desk.settings.resync_s
            await asyncio.sleep(every_s * self._desk.rng.uniform(1 - _JITTER, 1 + _JITTER))
            try:
                await self.sync()
            except (KubeUnavailable, KubeRefused) as error:
                logger.warning("not listed, tried again soon", extra={"why": str(error)})
                await asyncio.sleep(min(_RETRY_S, every_s))

    async def _sync_kind(self, kind: Kind, namespace: str | None) -> int:
        cache = self._desk.cache
        labels = names.SELECTOR if kind not in (Kind.PAIR, Kind.EVENT) else ""
        fields = FAULT_FIELDS if kind is Kind.EVENT else ""
        known = {key: cache.version_of(kind, key) for key in cache.keys(kind, namespace)}
        seen: set[Key] = set()
        repaired = 0
        async for items, _ in self._kube.pages(kind, namespace, labels=labels, fields=fields):
            for item in items:
                touched = cache.put(kind, item)
                meta = item["metadata"]
                seen.add(Key(meta.get("namespace", ""), meta["name"]))
                if touched.pairs or touched.namespaces:
                    repaired += 1
                self._desk.spread(touched)
            await asyncio.sleep(0)
        for key, version in known.items():
            # What came or changed since the list began is not a ghost of before it.
            if key not in seen and cache.version_of(kind, key) == version:
                touched = cache.drop(kind, key)
                repaired += 1
                self._desk.spread(touched)
        return repaired
