"""Row 4: resident memory of a maker and of a hedger that have traded for a while."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from hedgepair_runner.local import redis_server
from tests.bench.production import Runner, Surroundings, release_leases
from tests.bench.rows import Broken, Figure, Row
from tests.bench.settings import HEDGER, MAKER, Effort, write_manifest
from tests.bench.workers import ROOT, Worker, environment

MOST_MIB = 80.0
_ENDLESS = 1_000_000
_READY_WITHIN_S = 30.0
_BARE = """
import asyncio, uvloop, aiohttp
async def rest():
    async with aiohttp.ClientSession():
        print(open("/proc/self/smaps_rollup").read().split("Rss:")[1].split()[0])
uvloop.run(rest())
"""


def measure(effort: Effort, *, home: Path) -> Row:
    floor_mib = _bare_mib(home)
    venue = {"script": "take", "maker": MAKER, "hedger": HEDGER, "one_l1": False}
    with (
        redis_server.start() as redis,
        Worker("exchange_process", venue, home=home, name="exchange-memory") as exchange,
    ):
        around = Surroundings(
            manifest=write_manifest(home, mode="Hedge"),
            redis_url=redis.url,
            rest_url=exchange.hear(within_s=_READY_WITHIN_S)["rest_url"],
            home=home,
        )
        release_leases(redis.url, around.rest_url)
        runners = [Runner("hedger", around), Runner("maker", around)]
        try:
            wait_until_ready(runners)
            exchange.tell("take", count=_ENDLESS)
            time.sleep(effort.trading_s)
            found = {runner.role: runner.memory_mib() for runner in runners}
        finally:
            for runner in reversed(runners):
                runner.child.end(patience_s=15.0)
    figures = [
        Figure(name=f"{role}: RSS", value=rss, unit="MiB", floor=floor_mib, most=MOST_MIB)
        for role, (rss, _) in found.items()
    ]
    shown = ", ".join(f"{role} {pss:.1f} MiB" for role, (_, pss) in found.items())
    return Row(
        key="memory",
        title=f"4. Resident memory of a runner after {effort.trading_s:.0f} s of trading",
        figures=figures,
        notes=(
            "floor: a bare interpreter with asyncio, uvloop and an aiohttp client",
            f"proportional (PSS, shared pages divided): {shown}",
        ),
        details={
            "floor_mib": floor_mib,
            **{role: {"rss_mib": rss, "pss_mib": pss} for role, (rss, pss) in found.items()},
        },
    )


def wait_until_ready(runners: list[Runner]) -> None:
    until_s = time.monotonic() + _READY_WITHIN_S
    while any(runner.readiness() != "ready" for runner in runners):
        if time.monotonic() > until_s:
            raise Broken("the pair did not become ready")
        time.sleep(0.05)


def _bare_mib(home: Path) -> float:
    said = subprocess.run(
        [sys.executable, "-c", _BARE],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return int(said.stdout) / 1024
