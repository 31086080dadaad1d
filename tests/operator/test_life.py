"""The life of a pair under the operator, against the fake API server, with puppets for runners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.operator.world import World, pair_object, world

Story = Callable[[World], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture
def play(redis_url: str, tmp_path: Path) -> Play:
    """Runs a story in a world of its own, with an operator at work."""

    def run(story: Story) -> None:
        async def main() -> None:
            async with world(redis_url, tmp_path) as here:
                here.start()
                await story(here)
                assert here.api.refused == []

        asyncio.run(main())

    return run


def test_an_applied_pair_is_run_and_reported(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))

        await here.until(lambda: here.is_ready("eth"), "the pair is ready")

        assert here.names("statefulsets") == {"eth-maker", "eth-hedger"}
        assert here.names("configmaps") == {"eth-hedgepair"}
        assert here.names("secrets") == {"eth-hedgepair-redis"}
        assert here.names("services") == here.names("networkpolicies") == {"hedgepair-runners"}
        assert here.condition("eth", "Accepted") == ("True", "Accepted")
        assert here.condition("eth", "Hedged") == ("True", "NetFlat")
        assert here.status("eth")["netExposure"] == "0.0000"

    play(story)


def test_an_unchanged_world_is_left_alone(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair is ready")
        await here.quiet()
        before = list(here.api.writes)

        for service, _, _ in here.services:
            service.desk.look_at_all()
        await here.quiet()

        assert here.api.writes == before

    play(story)
