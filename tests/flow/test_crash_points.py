"""SIGKILL at each numbered step of fill → hedge → record, with real sockets and a real Redis.

Whoever dies is started again; the fill is hedged once, the pair trades on, and the audit is clean.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.local import children, redis_server
from tests.flow.live_pair import LivePair, live_pair
from tests.flow.redis_tap import RedisTap

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`command`: what Redis is told at this step; empty: the runner itself knows the step."""

    number: int
    role: Role
    step: str
    command: str = ""
    is_answer: bool = False


M, H = Role.MAKER, Role.HEDGER
POINTS = (
    Point(number=1, role=M, step="hears of the fill"),
    Point(number=2, role=M, step="publishes the fill", command="XADD fills trade"),
    Point(number=3, role=M, step="has published", command="XADD fills trade", is_answer=True),
    Point(number=4, role=H, step="hears of the fill"),
    Point(number=5, role=H, step="has signed the order"),
    Point(number=6, role=H, step="has sent the order"),
    Point(number=7, role=H, step="writes its intent", command="HSET intents"),
    Point(number=8, role=H, step="has written it", command="HSET intents", is_answer=True),
    Point(number=9, role=H, step="hears that the order was accepted"),
    Point(number=10, role=H, step="hears of its own trade"),
    Point(number=11, role=H, step="closes its intent", command="HDEL intents"),
    Point(number=12, role=H, step="has closed it", command="HDEL intents", is_answer=True),
)
GROUPS = [POINTS[first : first + 3] for first in range(0, len(POINTS), 3)]


@pytest.mark.parametrize("points", GROUPS, ids=lambda points: f"from-{points[0].number}")
def test_a_runner_killed_at_any_step_leaves_the_fill_hedged_once(
    points: tuple[Point, ...], tmp_path: Path
) -> None:
    """Side by side, since they mostly wait for leases."""

    for point in points:
        (tmp_path / str(point.number)).mkdir()

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for point in points:
                tasks.create_task(die_at(point, tmp_path / str(point.number)))

    asyncio.run(main())


async def die_at(point: Point, home: Path) -> None:
    with redis_server.start() as redis:
        async with live_pair(redis=redis, home=home) as pair:
            try:
                await _played(point, pair)
            except BaseException as error:
                error.add_note(f"crash point {point.number}: {point.role.label} {point.step}")
                raise


async def _played(point: Point, pair: LivePair) -> None:
    other = Role.MAKER if point.role is Role.HEDGER else Role.HEDGER
    victims: list[children.Child] = []
    tap = RedisTap(
        pair.redis.url,
        command=point.command or "no command",
        is_answer=point.is_answer,
        strike=lambda: os.kill(victims[0].pid, signal.SIGKILL),
    )
    async with tap:
        pair.start(other)
        victims.append(_doomed(point, pair, tap))
        quote = await pair.resting()
        pair.market.fill(quote, 120)
        victim = victims[0]
        await pair.until(lambda: victim.exit_code is not None, "it dies", is_stop=True)
        assert victim.exit_code == -signal.SIGKILL, victim.last_words()
        pair.children.remove(victim)
        pair.start(point.role)
        await pair.covered()
        await pair.trade_on()
        for child in sorted(pair.children, key=lambda child: child.name, reverse=True):
            await pair.stop(child)
    pair.audit()


def _doomed(point: Point, pair: LivePair, tap: RedisTap) -> children.Child:
    words = ["-f", str(pair.manifest_path), "--exchange-url", pair.server.url]
    child = children.start(
        f"{point.role.label}-doomed",
        [sys.executable, "-m", "tests.flow.crashing_runner", point.role.label, point.step, *words],
        log=pair.manifest_path.parent / "doomed.log",
        environ={**pair.environ, "HEDGEPAIR_REDIS_URL": tap.url},
    )
    pair.children.append(child)
    return child
