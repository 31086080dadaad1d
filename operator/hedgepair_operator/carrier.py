"""Carries out a plan: Redis first, then the API server, each step only after the one before.

Order matters. The desired state is in Redis before runners exist; the status that records a proof
is written before anything is taken away; the finalizer goes last.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgepair_operator import names, telling, wanting
from hedgepair_operator.desk import Desk
from hedgepair_operator.facts import ChildFact, Kind, Observed, PairFact, PodFact
from hedgepair_operator.kube import Kube, KubeRefused, KubeUnavailable
from hedgepair_operator.plans import Plan
from hedgepair_operator.redis_link import RedisLink
from hedgepair_operator.redis_port import PairUser, RedisAdmin
from hedgepair_operator.telling import Telling
from hedgepair_runner.contract.desired import write_desired
from hedgepair_runner.contract.identity import Role

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Carrier:
    """Raises what its ports raise; what was done until then stays done, and is seen next time."""

    desk: Desk
    kube: Kube
    link: RedisLink
    admin: RedisAdmin

    async def carry_out(
        self, plan: Plan, observed: Observed, user: PairUser, now: datetime
    ) -> None:
        pair = observed.pair
        if plan.add_finalizer:
            await self._add_finalizer(pair)
        if plan.ensure_user and user.accounts:
            await self.admin.ensure(user)
            self.desk.ready_users.add(pair.uid)
        texts = {id(desired): write_desired(desired) for desired in plan.tell.values()}
        for role, desired in plan.tell.items():
            await self.link.tell(pair.id, role, texts[id(desired)])
        if plan.write_secret and user.accounts:
            await self.kube.apply(wanting.redis_secret(pair, self.admin.url_of(user)))
        for wanted in plan.applies:
            await self._apply(wanted)
        if plan.status is not None:
            await self._write_status(pair, plan.status)
        for going in plan.deletes:
            await self._delete(going)
        for one in plan.tellings:
            await self.tell(one, pair, now)
        if plan.remove_user:
            await self.admin.remove(user)
            self.desk.ready_users.discard(pair.uid)
        if plan.forget_desired:
            await self.link.forget(pair.id, _own_roles(pair))
        if plan.remove_finalizer:
            await self._remove_finalizer(pair)

    async def tell(self, one: Telling, pair: PairFact, now: datetime) -> None:
        """An Event is a courtesy: one that cannot be written holds up nothing."""
        event = telling.render(one, pair, instance=self.desk.settings.own_name, now=now)
        try:
            await self.kube.create(event)
        except (KubeRefused, KubeUnavailable) as error:
            logger.warning("event not written", extra={"pair": str(pair.key), "why": str(error)})

    async def apply_shared(self, wanted: Mapping[str, Any]) -> None:
        await self._apply(wanted)

    async def _apply(self, wanted: Mapping[str, Any]) -> None:
        kind = Kind(wanted["kind"])
        item = await self.kube.apply(wanted)
        self.desk.ending_namespaces.discard(wanted["metadata"]["namespace"])
        self.desk.spread(
            self.desk.cache.put(
                kind, item, settled_for=wanted["metadata"]["annotations"][names.APPLIED]
            )
        )

    async def _write_status(self, pair: PairFact, status: Mapping[str, Any]) -> None:
        item = await self.kube.apply_status(
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "metadata": {
                    "name": pair.key.name,
                    "namespace": pair.key.namespace,
                    # Of this resource, never of a namesake made a moment ago.
                    "uid": pair.uid,
                },
                "status": status,
            }
        )
        self._put_pair(item)

    async def _delete(self, going: ChildFact | PodFact) -> None:
        kind = going.kind if isinstance(going, ChildFact) else Kind.POD
        await self.kube.delete(kind, going.key, uid=going.uid)
        logger.info("deleted", extra={"kind": kind.value, "key": str(going.key)})

    async def _add_finalizer(self, pair: PairFact) -> None:
        where = "/metadata/finalizers" + ("/-" if pair.finalizers else "")
        value: Any = names.FINALIZER if pair.finalizers else [names.FINALIZER]
        await self._patch_finalizers(pair, {"op": "add", "path": where, "value": value})

    async def _remove_finalizer(self, pair: PairFact) -> None:
        index = pair.finalizers.index(names.FINALIZER)
        try:
            await self._patch_finalizers(
                pair, {"op": "remove", "path": f"/metadata/finalizers/{index}"}
            )
        except KubeRefused as refused:
            if not refused.is_missing:
                raise

    async def _patch_finalizers(self, pair: PairFact, step: Mapping[str, Any]) -> None:
        """Fails where the resource changed since it was read: the one dangerous write is tested."""
        current = self.desk.cache.pairs.get(pair.key)
        version = pair.resource_version
        if current is not None and current.uid == pair.uid and _same_but_status(current, pair):
            version = current.resource_version  # our own status write came in between
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
        self._put_pair(await self.kube.json_patch(Kind.PAIR, pair.key, [test, step]))

    def _put_pair(self, item: Mapping[str, Any]) -> None:
        """The answer to a write of ours; one that says "gone" is left to the watch."""
        meta = item.get("metadata") or {}
        gone = meta.get("deletionTimestamp") and not meta.get("finalizers")
        if meta.get("uid") and not gone:
            self.desk.spread(self.desk.cache.put(Kind.PAIR, item))


def _same_but_status(one: PairFact, other: PairFact) -> bool:
    return (one.generation, one.finalizers, one.annotations, one.deleted_at) == (
        other.generation,
        other.finalizers,
        other.annotations,
        other.deleted_at,
    )


def _own_roles(pair: PairFact) -> tuple[Role, ...]:
    if pair.manifest is None:
        return tuple(Role)
    spec = pair.manifest.spec
    runs = {Role.MAKER: spec.runs_maker, Role.HEDGER: spec.runs_hedger}
    return tuple(role for role in Role if runs[role])
