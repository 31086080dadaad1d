"""A story is told in a world of its own, with an operator at work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.operator.world import World, world

Story = Callable[[World], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture
def play(redis_url: str, tmp_path: Path) -> Play:
    """Runs a story with an operator; it may ask the API server for nothing beyond its rights."""

    def run(story: Story) -> None:
        async def main() -> None:
            async with world(redis_url, tmp_path) as here:
                here.start()
                await story(here)
                assert here.api.refused == []

        asyncio.run(main())

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An operator that is killed in the middle leaves its connections open, as a process would."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:Unclosed:ResourceWarning"))
