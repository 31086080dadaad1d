"""Reads all runners' reports every two seconds, and knows whether Redis is there (design §10)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final

from hedgepair_operator.desk import NUMBERS_S, Desk, Job, utc_now
from hedgepair_operator.facts import RedisFact
from hedgepair_operator.redis_link import Place, RedisLink
from hedgepair_operator.redis_port import RedisAdmin, RedisRefused, RedisUnavailable
from hedgepair_operator.report_store import News
from hedgepair_runner.contract.identity import PairId, Role

logger = logging.getLogger(__name__)

_JITTER: Final = 0.2
_EXAMINE_EVERY: Final = 5
"""In readings."""
# Judgements that wait for a hold-down change once it is over.
_LOOK_AGAIN_AFTER: Final = timedelta(seconds=12)


class ReportPoller:
    def __init__(self, desk: Desk, link: RedisLink, admin: RedisAdmin) -> None:
        self._desk = desk
        self._link = link
        self._admin = admin
        self._readings_since = _EXAMINE_EVERY
        self._run_id: str | None = None
        self._is_loss_told = False

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.poll()
            wait_s = self._desk.settings.poll_s
            await asyncio.sleep(wait_s * self._desk.rng.uniform(1 - _JITTER, 1 + _JITTER))

    async def poll(self) -> None:
        """One reading. What Redis does wrong becomes a fact, never an exception."""
        desk = self._desk
        started_s = asyncio.get_running_loop().time()
        pairs = {fact.id for fact in desk.cache.pairs.values()}
        places: list[Place] = [(pair, role) for pair in pairs for role in Role]
        try:
            texts, is_same = await self._link.read_reports(places)
            if not is_same:
                self._forget_published()
            await self._examine(is_due=not is_same or desk.redis.lost_since is not None)
        except RedisUnavailable as unavailable:
            desk.metrics.poll_failures.inc()
            self._lost(str(unavailable))
            return
        except RedisRefused as refused:
            desk.metrics.poll_failures.inc()
            self._is_back(replace(desk.redis, lost_since=None, refusal=str(refused)))
            return
        self._take_in(places, texts)
        desk.metrics.poll_s.observe(asyncio.get_running_loop().time() - started_s)

    def _take_in(self, places: list[Place], texts: list[bytes | None]) -> None:
        desk, now = self._desk, utc_now()
        by_pair: dict[PairId, list[Job]] = {}
        for key, fact in desk.cache.pairs.items():
            by_pair.setdefault(fact.id, []).append(Job(*key))
        for (pair, role), text in zip(places, texts, strict=True):
            news = desk.reports.put(pair, role, text, now)
            if news is News.NOTHING:
                continue
            for job in by_pair.get(pair, ()):
                if news is News.CHANGE:
                    desk.queue.add(job)
                else:
                    desk.queue.add_after(job, NUMBERS_S)

    async def _examine(self, *, is_due: bool) -> None:
        self._readings_since += 1
        if not is_due and self._readings_since < _EXAMINE_EVERY:
            return
        health = await self._admin.examine()
        self._readings_since = 0
        if self._run_id not in (None, health.run_id):
            self._link.publish_anew()
            self._forget_published()
        self._run_id = health.run_id
        self._is_back(RedisFact(concerns=health.concerns))

    def _forget_published(self) -> None:
        """Another Redis, or one that lost everything: users and desired states come anew."""
        self._desk.ready_users.clear()
        self._desk.look_at_all()

    def _lost(self, why: str) -> None:
        desk, now = self._desk, utc_now()
        if desk.redis.lost_since is None:
            desk.redis = replace(desk.redis, lost_since=now)
            self._is_loss_told = False
            logger.warning("redis lost", extra={"why": why})
            desk.look_at_all()
        elif not self._is_loss_told and now - desk.redis.lost_since >= _LOOK_AGAIN_AFTER:
            self._is_loss_told = True
            desk.look_at_all()

    def _is_back(self, fact: RedisFact) -> None:
        if fact != self._desk.redis:
            self._desk.redis = fact
            self._desk.look_at_all()
