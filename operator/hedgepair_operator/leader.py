"""Leads by a Lease, or waits. Who loses it ends the process: nothing goes on half.

A Lease fences nothing; an old leader may write for a moment. That is harmless: its applies are of
the same wanted state, and the one dangerous write, the finalizer's, tests the resource's version.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any, Final

from hedgepair_operator.desk import utc_now
from hedgepair_operator.facts import Key
from hedgepair_operator.kube import LEASE, Kube, KubeRefused, KubeUnavailable
from hedgepair_operator.leasing import (
    RENEW_DEADLINE_S,
    RETRY_S,
    Move,
    Sight,
    decide_move,
    look,
    spec_of,
)

logger = logging.getLogger(__name__)

_API: Final = "coordination.k8s.io/v1"


class LeadLost(Exception):
    """Another leads, or may: this process ends."""


class Leader:
    def __init__(self, kube: Kube, key: Key, *, name: str, retry_s: float = RETRY_S) -> None:
        self._kube = kube
        self._key = key
        self._me = f"{name}_{uuid.uuid4().hex[:8]}"
        self._retry_s = retry_s
        self._sight: Sight | None = None
        self._lease: dict[str, Any] | None = None
        self.is_leading = False

    async def lead(self) -> None:
        """Returns when this process leads."""
        while not await self._try():
            await asyncio.sleep(self._retry_s)
        self.is_leading = True
        logger.info("leads", extra={"holder": self._me})

    async def hold(self) -> None:
        """Renews for ever. Raises LeadLost."""
        loop = asyncio.get_running_loop()
        renewed_s = loop.time()
        while True:
            await asyncio.sleep(self._retry_s)
            try:
                async with asyncio.timeout(RENEW_DEADLINE_S - (loop.time() - renewed_s)):
                    held = await self._try()
            except TimeoutError:
                held = False
            if held:
                renewed_s = loop.time()
            elif self._is_others() or loop.time() - renewed_s >= RENEW_DEADLINE_S:
                self.is_leading = False
                raise LeadLost("the Lease could not be renewed in time")

    async def release(self) -> None:
        """So that the next one need not wait. Best effort."""
        if not self.is_leading or self._lease is None:
            return
        self.is_leading = False
        try:
            await self._patch({"holderIdentity": ""})
        except (KubeUnavailable, KubeRefused) as error:
            logger.warning("lease not released", extra={"why": str(error)})

    def _is_others(self) -> bool:
        return self._sight is not None and self._sight.holder not in ("", self._me)

    async def _try(self) -> bool:
        """Whether this process holds the Lease now."""
        try:
            self._lease = await self._kube.get(LEASE, self._key)
            now_s = asyncio.get_running_loop().time()
            self._sight = look(self._lease, self._sight, now_s=now_s)
            move = decide_move(self._sight, me=self._me, now_s=now_s)
            if move is Move.WAIT:
                return False
            if move is Move.CREATE:
                return await self._create()
            spec = (self._lease or {}).get("spec") or {}
            transitions = int(spec.get("leaseTransitions") or 0) + (move is Move.TAKE)
            changes = spec_of(self._me, utc_now(), transitions=transitions)
            if move is Move.RENEW:
                changes["acquireTime"] = spec.get("acquireTime") or changes["acquireTime"]
            await self._patch(changes)
        except (KubeUnavailable, KubeRefused) as error:
            logger.info("lease not taken", extra={"why": str(error)})
            return False
        return True

    async def _create(self) -> bool:
        meta = {"name": self._key.name, "namespace": self._key.namespace}
        spec = spec_of(self._me, utc_now(), transitions=0)
        made = await self._kube.create(
            {"apiVersion": _API, "kind": LEASE, "metadata": meta, "spec": spec}
        )
        return made is not None

    async def _patch(self, changes: dict[str, Any]) -> None:
        """Tested by the version that was read: of two who take it, one fails."""
        version = (self._lease or {})["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version}, "spec": changes}
        self._lease = await self._kube.merge_patch(LEASE, self._key, patch)
