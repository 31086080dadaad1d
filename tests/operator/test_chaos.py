"""An API server at its worst: the operator converges all the same, or ends so that it is restarted.

Each trouble is one that was seen to hurt (operators.md §3.5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.operator.conftest import Play
from tests.operator.fake_api.server import WRITES, refusal
from tests.operator.fake_api.store import Name
from tests.operator.world import NAMESPACE, World, accounts, pair_object, world

Intercept = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


def fail(code: int, *, times: int, methods: tuple[str, ...] = WRITES) -> Intercept:
    """An intercept that refuses the next so many requests."""
    left = times

    async def intercept(request: web.Request) -> web.Response | None:
        nonlocal left
        if left and request.method in methods:
            left -= 1
            return refusal(code)
        return None

    return intercept


@pytest.mark.parametrize("code", [429, 500, 503])
def test_refused_writes_are_repeated(play: Play, code: int) -> None:
    async def story(here: World) -> None:
        here.api.intercepts.append(fail(code, times=5))
        here.apply(pair_object("eth"))

        await here.until(lambda: here.is_ready("eth"), "the pair runs")

    play(story)


def test_slow_writes_cost_time_only(play: Play) -> None:
    async def story(here: World) -> None:
        async def slow(request: web.Request) -> None:
            if request.method in WRITES:
                await asyncio.sleep(0.3)

        here.api.intercepts.append(slow)
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")

    play(story)


def test_a_lost_answer_is_not_a_second_object(play: Play) -> None:
    async def story(here: World) -> None:
        lost = 0

        async def lose() -> None:
            nonlocal lost
            lost += 1
            if lost % 3 == 0:
                raise ConnectionResetError  # done, and never answered

        here.api.after_write = lose
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        assert here.names("statefulsets") == {"eth-maker", "eth-hedger"}
        assert here.kubelet.started_count == 2

    play(story)


def test_a_token_that_is_replaced_is_read_anew(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")

        here.token = "second"
        here.api.tokens = {"second"}
        here.api.cut_streams()
        here.apply(pair_object("btc", **accounts(1)))

        await here.until(lambda: here.is_ready("btc"), "the other pair runs")

    play(story)


def test_cut_streams_lose_nothing(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("p0", **accounts(0)))
        await here.until(lambda: here.is_ready("p0"), "the first runs")

        for number in range(1, 6):
            here.apply(pair_object(f"p{number}", **accounts(number)))
            here.api.cut_streams()
            await asyncio.sleep(0.05)

        names = [f"p{number}" for number in range(6)]
        await here.until(lambda: all(here.is_ready(name) for name in names), "all run")

    play(story)


def test_what_was_deleted_across_a_410_is_found_by_the_periodic_list(
    redis_url: str, tmp_path: Path
) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            here.settings = replace(here.settings, resync_s=1.0)
            service = here.start()
            here.apply(pair_object("eth"))
            await here.until(lambda: here.is_ready("eth"), "the pair runs")

            # Deleted while every watch is blind: nobody will ever tell.
            here.store.listeners, kept = [], here.store.listeners
            here.store.delete(Name("configmaps", NAMESPACE, "eth-hedgepair"))
            here.store.listeners = kept
            here.store.history.clear()
            here.store.compact()
            here.api.cut_streams()

            await here.until(lambda: here.names("configmaps") != set(), "it is back")
            await here.until(
                lambda: (
                    b'resync_repairs_total{kind="ConfigMap"} 1.0'
                    in service.desk.metrics.exposition()
                ),
                "the repair is counted",
            )

    asyncio.run(main())


def test_a_pair_that_vanished_unseen_is_no_ghost(redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            here.settings = replace(here.settings, resync_s=1.0)
            service = here.start()
            here.apply(pair_object("eth"))
            await here.until(lambda: here.is_ready("eth"), "the pair runs")
            here.apply(pair_object("second"))
            await here.until(
                lambda: here.condition("second", "Accepted") == ("False", "AccountInUse"), "waits"
            )

            here.store.listeners, kept = [], here.store.listeners
            place = Name("hedgepairs", NAMESPACE, "eth")
            del here.store.items[place]  # as if restored from a backup without it
            here.store.listeners = kept
            here.api.cut_streams()

            await here.until(lambda: here.is_ready("second"), "its account is free")
            assert len(service.desk.cache.pairs) == 1

    asyncio.run(main())


def test_a_server_that_stays_broken_ends_the_operator(redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            here.start()
            here.apply(pair_object("eth"))
            await here.until(lambda: here.is_ready("eth"), "the pair runs")

            here.api.intercepts.append(fail(500, times=10**6, methods=("GET", *WRITES)))
            here.api.cut_streams()
            _, task, _ = here.services.pop()
            await asyncio.wait([task], timeout=60.0)

            assert task.done()
            with pytest.raises(BaseExceptionGroup):
                await task

            here.api.intercepts.clear()
            here.set_spec("eth", quantity="0.1")
            here.start()
            await here.until(lambda: here.is_ready("eth"), "a new one goes on")

    asyncio.run(main())


def test_duplicates_and_late_events_change_nothing(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        await here.quiet()
        before = list(here.api.writes)

        for change in list(here.store.history):
            for listener in here.store.listeners[2:]:  # the watches, not the controllers
                listener(replace(change, version=here.store.version))
        await here.quiet()

        assert here.api.writes == before
        assert here.is_ready("eth")

    play(story)
