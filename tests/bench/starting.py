"""Row 5: from the start of both processes to the first quote at rest, and where the time goes."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hedgepair_runner.local import redis_server
from tests.bench.production import Runner, Surroundings, release_leases
from tests.bench.rows import Broken, Figure, Row, median
from tests.bench.settings import HEDGER, MAKER, Effort, write_manifest
from tests.bench.workers import ROOT, Worker, environment

MOST_CLEAN_S, MOST_CRASHED_S = 3.0, 8.0
PHASES = ("process", "lease", "fence", "read", "quote")
_WITHIN_S = 30.0
_POLL_S = 0.01
_SETTLE_S = 0.5

# What the design itself makes a runner wait (§4.1, §4.4): after a clean stop two reads a second
# apart; after a crash also until the predecessor's lease ran out, then one lease of its own.
_READS_S = 1.0
_LEASE_S = 3.0
_IMPORTS = (
    "import uvloop, hedgepair_runner.cli.maker, hedgepair_runner.roles, "
    "hedgepair_runner.health_server"
)
_DURING = {
    "Starting": "process",
    "WaitingForLease": "lease",
    "Fencing": "fence",
    "Reading": "read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Seconds from the start of the processes; `phases` are the maker's, in order."""

    total_s: float
    phases_s: dict[str, float]


def measure(effort: Effort, *, home: Path) -> Row:
    venue = {"script": "take", "maker": MAKER, "hedger": HEDGER, "one_l1": False}
    clean, crashed = [], []
    with (
        redis_server.start() as redis,
        Worker("exchange_process", venue, home=home, name="exchange-start") as exchange,
    ):
        around = Surroundings(
            manifest=write_manifest(home, mode="Hedge"),
            redis_url=redis.url,
            rest_url=exchange.hear(within_s=_WITHIN_S)["rest_url"],
            home=home,
        )
        release_leases(redis.url, around.rest_url)
        runners = _started(around)
        try:
            _watch(runners, exchange, began_s=time.time())
            for _ in range(effort.starts):
                runners, start = _again(runners, exchange, around, is_kill=False)
                clean.append(start)
                runners, start = _again(runners, exchange, around, is_kill=True)
                crashed.append(start)
        finally:
            for runner in runners:
                runner.child.end(patience_s=15.0)
    return _row(clean, crashed, imports_s=_imports_s(home))


def _started(around: Surroundings) -> list[Runner]:
    return [Runner("maker", around), Runner("hedger", around)]


def _again(
    runners: list[Runner], exchange: Worker, around: Surroundings, *, is_kill: bool
) -> tuple[list[Runner], Start]:
    time.sleep(_SETTLE_S)
    for runner in runners:
        if is_kill:
            runner.kill()
        else:
            runner.child.ask_to_stop()
    for runner in runners:
        runner.child.end(patience_s=15.0)
    exchange.ask("forget_first_quote")
    began_s = time.time()
    started = _started(around)
    return started, _watch(started, exchange, began_s=began_s)


def _watch(runners: list[Runner], exchange: Worker, *, began_s: float) -> Start:
    """Until the first quote rests."""
    maker, hedger = runners
    ends_s: dict[str, float] = {}
    while time.time() - began_s < _WITHIN_S:
        said = maker.readiness()
        hedger.readiness()
        now_s = time.time()
        for phase in _done_when(said):
            ends_s.setdefault(phase, now_s - began_s)
        quoted_us = exchange.ask("first_quote")["at_us"]
        if quoted_us is not None:
            ends_s["quote"] = quoted_us / 1e6 - began_s
            return Start(total_s=ends_s["quote"], phases_s=_durations(ends_s))
        time.sleep(_POLL_S)
    raise Broken("no quote came to rest")


def _done_when(said: str | None) -> tuple[str, ...]:
    """Which phases are over when a maker says this."""
    if said is None:
        return ()
    before_running = PHASES[:-1]
    if said == "ready":
        return before_running
    # What answers has started: the phase "process" is over in any case.
    return before_running[: max(1, before_running.index(_DURING.get(said, "process")))]


def _durations(ends_s: dict[str, float]) -> dict[str, float]:
    durations, before_s = {}, 0.0
    for phase in PHASES:
        end_s = min(ends_s.get(phase, ends_s["quote"]), ends_s["quote"])
        durations[phase] = max(0.0, end_s - before_s)
        before_s = max(before_s, end_s)
    return durations


def _imports_s(home: Path) -> float:
    """Interpreter start and imports of a runner, the best of three."""
    taken = []
    for _ in range(3):
        began_s = time.monotonic()
        subprocess.run(
            [sys.executable, "-c", _IMPORTS],
            cwd=ROOT,
            env=environment(home),
            timeout=30,
            check=True,
        )
        taken.append(time.monotonic() - began_s)
    return min(taken)


def _row(clean: list[Start], crashed: list[Start], *, imports_s: float) -> Row:
    clean_floor_s = imports_s + _READS_S
    crashed_floor_s = clean_floor_s + _LEASE_S
    return Row(
        key="starting",
        title="5. Start of both processes → first quote at rest",
        figures=[
            Figure(
                name="after a clean stop",
                value=median([start.total_s for start in clean]),
                unit="s",
                floor=clean_floor_s,
                most=MOST_CLEAN_S,
            ),
            Figure(
                name="after SIGKILL",
                value=median([start.total_s for start in crashed]),
                unit="s",
                floor=crashed_floor_s,
                most=MOST_CRASHED_S,
            ),
        ],
        notes=(
            f"floor: interpreter and imports {imports_s:.2f} s, 1 s between two reads, and after "
            "a crash one lease of 3 s",
            f"clean: {_shown(clean)}",
            f"SIGKILL: {_shown(crashed)}",
        ),
        details={
            "imports_s": imports_s,
            "clean_s": [start.total_s for start in clean],
            "crashed_s": [start.total_s for start in crashed],
            "clean_phases_s": _phases(clean),
            "crashed_phases_s": _phases(crashed),
        },
    )


def _phases(starts: list[Start]) -> dict[str, float]:
    return {phase: median([start.phases_s[phase] for start in starts]) for phase in PHASES}


def _shown(starts: list[Start]) -> str:
    return ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in _phases(starts).items()) + " s"
