"""A coroutine that begins before it is awaited."""

from __future__ import annotations

import asyncio

import pytest

from hedgepair_runner.venues.lighter.headstart import begin


def test_all_is_done_at_once_where_nothing_has_to_be_waited_for() -> None:
    done: list[str] = []

    async def write() -> None:
        done.append("written")

    assert begin(write()) is None
    assert done == ["written"]


def test_what_waits_is_finished_when_it_is_awaited() -> None:
    done: list[str] = []

    async def write(room: asyncio.Future[str]) -> None:
        done.append("begun")
        done.append(await room)
        await asyncio.sleep(0)
        done.append("ended")

    async def scenario() -> None:
        room: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        rest = begin(write(room))
        assert done == ["begun"]
        assert rest is not None
        asyncio.get_running_loop().call_soon(room.set_result, "room")
        await rest

    asyncio.run(scenario())

    assert done == ["begun", "room", "ended"]


def test_its_first_exception_comes_out_at_once_and_a_later_one_when_awaited() -> None:
    async def fail(after: asyncio.Future[None] | None) -> None:
        if after is not None:
            await after
        raise ConnectionResetError("gone")

    async def scenario() -> None:
        with pytest.raises(ConnectionResetError):
            begin(fail(None))
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        rest = begin(fail(room))
        assert rest is not None
        room.set_result(None)
        with pytest.raises(ConnectionResetError):
            await rest

    asyncio.run(scenario())


def test_a_cancellation_reaches_the_coroutine_itself() -> None:
    heard: list[str] = []

    async def write(room: asyncio.Future[None]) -> None:
        try:
            await room
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    async def scenario() -> None:
        rest = begin(write(asyncio.get_running_loop().create_future()))
        assert rest is not None

        async def wait() -> None:
            await rest

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())

    assert heard == ["cancelled"]
