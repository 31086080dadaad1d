"""The workers: take a key, observe, decide, carry out. All rules are in `reconcile.py`."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from hedgepair_operator.carrier import Carrier
from hedgepair_operator.desk import Desk, Job, utc_now
from hedgepair_operator.differing import is_settled
from hedgepair_operator.facts import Key, Kind, Observed
from hedgepair_operator.kube import KubeRefused, KubeUnavailable
from hedgepair_operator.networks import shared_objects
from hedgepair_operator.observer import Observer, user_of
from hedgepair_operator.plans import Plan
from hedgepair_operator.reconcile import decide
from hedgepair_operator.redis_port import RedisRefused, RedisUnavailable

logger = logging.getLogger(__name__)


class Reconciler:
    """`redis_url` is what runners connect to, for the NetworkPolicy: without a password."""

    def __init__(self, desk: Desk, observer: Observer, carrier: Carrier, *, redis_url: str) -> None:
        self._desk = desk
        self._observer = observer
        self._carrier = carrier
        self._redis_url = redis_url

    async def work(self) -> None:
        """One worker, for ever."""
        queue = self._desk.queue
        while True:
            job = await queue.take()
            failed, again_in_s = True, None
            try:
                again_in_s = await self._timed(job)
                failed = False
            except (KubeUnavailable, KubeRefused, RedisUnavailable, RedisRefused) as error:
                self._note(job, error)
            finally:
                queue.done(job, failed=failed, again_in_s=again_in_s)

    async def _timed(self, job: Job) -> float | None:
        metrics, loop = self._desk.metrics, asyncio.get_running_loop()
        started_s = loop.time()
        try:
            again = await (self._look_at(Key(*job)) if job.name else self._share(job.namespace))
        except BaseException as error:
            metrics.reconciles.labels(type(error).__name__).inc()
            raise
        metrics.reconciles.labels("done").inc()
        metrics.reconcile_s.observe(loop.time() - started_s)
        return again

    async def _look_at(self, key: Key) -> float | None:
        pair = self._desk.cache.pairs.get(key)
        if pair is None:
            self._desk.queue.forget(Job(*key))
            self._desk.apply_errors.pop(key, None)
            self._desk.refusals()  # what it held is free: who waited for it is looked at
            return None
        now = utc_now()
        observed = self._observer.observe(pair, now)
        plan = decide(observed, self._desk.settings, now)
        if plan.needs_live:
            live = await self._observer.read_live(key)
            if live is None:
                return None
            observed = self._observer.observe(live, now, is_live=True)
            plan = decide(observed, self._desk.settings, now)
        await self._carry_out(plan, observed, now)
        return plan.again_in_s

    async def _carry_out(self, plan: Plan, observed: Observed, now: datetime) -> None:
        pair = observed.pair
        user = user_of(pair, self._desk.settings)
        errors = self._desk.apply_errors
        try:
            await self._carrier.carry_out(plan, observed, user, now)
        except KubeRefused as refused:
            if refused.is_namespace_ending:
                self._desk.ending_namespaces.add(pair.key.namespace)
            elif not (refused.is_missing or refused.status == 409):
                errors[pair.key] = f"The API server refuses what the pair needs: {refused.why}"
            raise
        if errors.pop(pair.key, None) is not None:
            self._desk.queue.add(Job(*pair.key))

    async def _share(self, namespace: str) -> float | None:
        """What the pairs of a namespace share: there while there is a pair, gone with the last."""
        cache = self._desk.cache
        pairs = [fact.manifest for fact in cache.pairs_in(namespace) if fact.manifest is not None]
        there = cache.shared_of(namespace)
        if not pairs:
            if cache.pairs_in(namespace):
                return None
            for kind, child in there.items():
                await self._carrier.kube.delete(kind, child.key, uid=child.uid)
            return None
        if namespace in self._desk.ending_namespaces:
            return None
        for wanted in shared_objects(
            namespace, pairs, self._desk.settings, redis_url=self._redis_url
        ):
            if not is_settled(wanted, there.get(Kind(wanted["kind"]))):
                await self._carrier.apply_shared(wanted)
        return None

    def _note(self, job: Job, error: Exception) -> None:
        logger.warning("not done, tried again later", extra={"key": str(job), "why": str(error)})
