"""However the operator ends, it ends: a process that hangs is worse than one that is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hedgepair_operator.desk import Job
from hedgepair_operator.facts import Key
from tests.operator.world import pair_object, world

SOON_S = 10.0


def test_a_bug_in_a_worker_ends_the_operator(redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            service = here.start()
            here.apply(pair_object("eth"))
            await here.until(lambda: here.is_ready("eth"), "the pair runs")

            service.desk.cache.pairs[Key("trading", "eth")] = None  # type: ignore[assignment]
            service.desk.queue.add(Job("trading", ""))  # a bug, if ever there was one
            _, task, _ = here.services.pop()
            await asyncio.wait([task], timeout=SOON_S)

            assert task.done()
            with pytest.raises(BaseExceptionGroup):
                await task

    asyncio.run(main())


def test_a_stop_at_any_moment_is_heeded(redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            here.apply(pair_object("eth"))
            for milliseconds in (0, 1, 5, 20, 50, 100, 200, 400):
                here.start()
                await asyncio.sleep(milliseconds / 1000)
                async with asyncio.timeout(SOON_S):
                    await here.stop()

    asyncio.run(main())
