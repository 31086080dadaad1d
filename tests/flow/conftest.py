"""Scenarios of the bus in both of its worlds."""

from __future__ import annotations

import asyncio

import pytest

from tests.flow.bus_worlds import Live, MemoryWorld, RedisWorld, Scenario
from tests.flow.pausing_loop import in_virtual_time
from tests.flow.restricted_world import RestrictedWorld


@pytest.fixture(params=["memory", "redis", "redis as a pair's user"])
def live(request: pytest.FixtureRequest) -> Live:
    """Runs a scenario in one of the worlds: the clock of Redis is a real one."""
    if request.param == "memory":

        def in_memory(scenario: Scenario) -> None:
            async def main() -> None:
                await scenario(MemoryWorld())

            in_virtual_time(main())

        return in_memory
    url: str = request.getfixturevalue("redis_url")
    is_restricted = request.param != "redis"

    def on_redis(scenario: Scenario) -> None:
        async def main() -> None:
            world = await RestrictedWorld.of(url) if is_restricted else RedisWorld(url)
            try:
                await scenario(world)
            finally:
                for client in world.opened:
                    await client.aclose()

        asyncio.run(main())

    return on_redis
