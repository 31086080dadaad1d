"""The operator as a whole: parts put together, started in order, ended in order.

Order of a start: probes → lead → list everything → one look at Redis → workers and watches. The
list is the only honest gate: kopf does not tell when its own is complete.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from kubernetes.aio.client import Configuration
from prometheus_client.core import GaugeMetricFamily

from hedgepair_operator import gauges
from hedgepair_operator.carrier import Carrier
from hedgepair_operator.desk import Desk, utc_now
from hedgepair_operator.facts import Key
from hedgepair_operator.http_server import HttpServer
from hedgepair_operator.kube import Kube
from hedgepair_operator.leader import Leader
from hedgepair_operator.lister import Lister
from hedgepair_operator.metrics import OperatorMetrics
from hedgepair_operator.observer import Observer
from hedgepair_operator.reconciler import Reconciler
from hedgepair_operator.redis_access import RedisFiles
from hedgepair_operator.redis_admin import redis_admin
from hedgepair_operator.redis_link import RedisLink
from hedgepair_operator.report_poller import ReportPoller
from hedgepair_operator.settings import OperatorSettings
from hedgepair_operator.transport import carry
from hedgepair_operator.watching import Progress, trouble_of

logger = logging.getLogger(__name__)

# About two minutes; then the watch has failed, kopf ends, and the process starts again.
BACKOFFS_S: Final = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 30.0, 30.0)


@dataclass(slots=True, kw_only=True)
class Service:
    """`read_login` gives access to the API server, read anew each time."""

    settings: OperatorSettings
    read_login: Callable[[], Awaitable[Configuration]]
    backoffs_s: tuple[float, ...] = BACKOFFS_S
    desk: Desk = field(init=False)
    http: HttpServer | None = field(init=False, default=None)
    _leader: Leader | None = field(init=False, default=None)
    _started_s: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.desk = Desk(settings=self.settings, metrics=OperatorMetrics(), rng=random.Random())

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until something ends that may not: then an exception group."""
        self._started_s = asyncio.get_running_loop().time()
        self.desk.metrics.at_scrape(self._gauges)
        async with AsyncExitStack() as stack:
            self.http = await stack.enter_async_context(
                HttpServer(
                    host=self.settings.http_host,
                    port=self.settings.http_port,
                    metrics=self.desk.metrics,
                    sick=lambda: trouble_of(self._progress()),
                    unready=self._unready,
                )
            )
            kube = await stack.enter_async_context(
                Kube(await self.read_login(), count=self.desk.metrics.count_call)
            )
            async with asyncio.TaskGroup() as tasks:
                work = tasks.create_task(self._serve(kube), name="serve")
                await stop.wait()
                work.cancel()
            if self._leader is not None:
                await self._leader.release()

    async def _serve(self, kube: Kube) -> None:
        settings = self.settings
        async with asyncio.TaskGroup() as tasks:
            if settings.leader_election:
                key = Key(settings.own_namespace, settings.lease_name)
                self._leader = Leader(kube, key, name=settings.own_name)
                await self._leader.lead()
                tasks.create_task(self._leader.hold(), name="leader")
            await self._lead(kube)

    async def _lead(self, kube: Kube) -> None:
        settings, desk = self.settings, self.desk
        files = redis_files(settings)
        admin = redis_admin(settings.redis_acl, files.read, rotation=settings.redis_rotation)
        link = RedisLink(lambda: files.read().url)
        observer = Observer(desk, kube, admin)
        carrier = Carrier(desk=desk, kube=kube, link=link, admin=admin)
        lister, poller = Lister(desk, kube), ReportPoller(desk, link, admin)
        reconciler = Reconciler(desk, observer, carrier, redis_url=_bare_url(files))
        try:
            await lister.sync(is_first=True)
            # Who must know of the reports that stand, before it judges.
            await poller.poll()
            desk.is_ready = True
            async with asyncio.TaskGroup() as inner:
                for number in range(settings.workers):
                    inner.create_task(reconciler.work(), name=f"worker-{number}")
                inner.create_task(lister.run(), name="lister")
                inner.create_task(poller.run(), name="poller")
                inner.create_task(
                    carry(desk, self.read_login, backoffs_s=self.backoffs_s), name="watches"
                )
        finally:
            desk.queue.close()
            await link.close()
            await admin.close()

    def _unready(self) -> str | None:
        waits = self._leader is not None and not self._leader.is_leading
        return None if self.desk.is_ready or waits else "listing"

    def _progress(self) -> Progress:
        now_s, desk = asyncio.get_running_loop().time(), self.desk
        return Progress(
            up_s=now_s - self._started_s,
            since_sync_s=None if desk.synced_at_s is None else now_s - desk.synced_at_s,
            resync_s=self.settings.resync_s,
            oldest_wait_s=desk.queue.oldest_wait_s(now_s),
            longest_busy_s=desk.queue.longest_busy_s(now_s),
            is_leading=self._leader is None or self._leader.is_leading,
        )

    def _gauges(self) -> Iterable[GaugeMetricFamily]:
        now_s = asyncio.get_running_loop().time()
        is_leading = self._progress().is_leading
        yield from gauges.queue_gauges(self.desk, loop_now_s=now_s, is_leading=is_leading)
        yield from gauges.pair_gauges(self.desk, now=utc_now())


def redis_files(settings: OperatorSettings) -> RedisFiles:
    if settings.redis_url_file is None or settings.redis_master_file is None:
        raise AssertionError("settings without Redis' files are refused at start")
    return RedisFiles(
        url_file=settings.redis_url_file,
        master_file=settings.redis_master_file,
        runner_url=settings.redis_runner_url,
    )


def _bare_url(files: RedisFiles) -> str:
    """What runners connect to, without any login."""
    parts = urlsplit(files.read().runner_url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
