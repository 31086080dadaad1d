"""The operator dies after each of its writes in turn, before it hears of it; the next one goes on.

Whatever the point, the story ends the same: the pair runs, then it is gone and nothing is left.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.operator.world import World, pair_object, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LEFT = ("statefulsets", "configmaps", "pods", "services", "networkpolicies", "secrets")


def test_death_after_any_write_changes_nothing_in_the_end(redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            deaths = await live_dying_at_every(here)
            # Each write but the last of all was the last of some operator.
            assert deaths >= 12

    asyncio.run(main())


async def live_dying_at_every(here: World) -> int:
    """A whole life in which operator after operator dies at its first new write, unanswered."""
    deaths = 0
    last = ("", "")
    died = asyncio.Event()

    async def die() -> None:
        nonlocal last
        # The same write again was harmless, or it would show; the next one is let live to get on.
        if here.api.writes[-1] != last:
            last = here.api.writes[-1]
            died.set()
            await asyncio.sleep(60)

    here.api.after_write = die

    async def until(holds: object) -> None:
        nonlocal deaths
        assert callable(holds)
        here.start()
        while not holds():
            done = asyncio.create_task(died.wait())
            await asyncio.wait([done], timeout=2.0)
            done.cancel()
            if died.is_set():
                deaths += 1
                died.clear()
                await here.kill()
                here.start()
        await here.kill()
        died.clear()

    here.apply(pair_object("eth"))
    await until(lambda: here.is_ready("eth"))
    assert here.names("statefulsets") == {"eth-maker", "eth-hedger"}
    assert here.kubelet.started_count == 2

    here.set_spec("eth", runner={"image": "runner:2"})
    await until(lambda: here.is_ready("eth") and here.status("eth")["runnerImage"] == "runner:2")
    ends = [pod for what, pod in here.kubelet.history if what == "end"]
    assert ends == ["eth-hedger-0", "eth-maker-0"]

    here.delete("eth")
    await until(lambda: here.is_gone("eth") and not here.names("networkpolicies"))
    assert all(here.names(plural) == set() for plural in LEFT)
    return deaths
