"""`hedgepair drill`: lets one thing after the other go wrong for a pair, and has it judged."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.local.drill_reports import Drilled, print_json, print_table, progress_line
from hedgepair_runner.local.drill_stage import Play, RunnerLost, Stage, staged
from hedgepair_runner.local.drilling import Course, judge
from hedgepair_runner.local.drills import Drill, Harm, rules_of
from hedgepair_runner.venues.paper.fault_rules import FaultRule
from hedgepair_runner.venues.paper.faulting import Armed

QUOTED_WITHIN_S: Final = 30.0
FLAT_WITHIN_S: Final = 20.0
"""So long a drill waits; whether it took too long is the judge's to say."""
HAPPENED_WITHIN_S: Final = 8.0
STOPPED_WITHIN_S: Final = 20.0
_TAKE_EVERY_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOptions:
    play: Play
    drills: tuple[Drill, ...]
    as_json: bool


async def run_drills(
    stop: asyncio.Event, options: DrillOptions, *, results: TextIO, progress: TextIO
) -> int:
    """0 when all were clean; 1 when one was not or was not played, with the logs kept and named.

    Raises StartRefused.
    """
    folder = Path(tempfile.mkdtemp(prefix="hedgepair-drill-"))
    drilled: list[Drilled] = []
    for number, drill in enumerate(options.drills, 1):
        _say(progress, f"{number}/{len(options.drills)} {drill.name}: {drill.does}")
        found = await _unless(stop, _drill(drill, options.play, folder / drill.name))
        if found is None:
            _say(progress, "stopped: the other drills were not played")
            break
        drilled.append(found)
        _say(progress, f"    {progress_line(found)}")
    print_result = print_json if options.as_json else print_table
    print_result(drilled, stream=results)
    if len(drilled) == len(options.drills) and all(each.verdict.is_clean for each in drilled):
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    _say(progress, f"hedgepair drill: all logs are in {folder}")
    return 1


async def _drill(drill: Drill, play: Play, folder: Path) -> Drilled:
    async with staged(play, folder) as stage:
        course = await _Performance(drill, stage, rules_of(drill, play.accounts)).play()
        return Drilled(drill=drill, verdict=judge(drill, course, stage.records()))


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, Drilled]) -> Drilled | None:
    """The work's result; None when `stop` came first, and the work was given up."""
    working = asyncio.create_task(work, name="drill")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))
    return None if working.cancelled() else working.result()


class _Performance:
    """One drill, from two runners that start to two runners that have stopped."""

    def __init__(self, drill: Drill, stage: Stage, rules: tuple[FaultRule, ...]) -> None:
        self._drill = drill
        self._stage = stage
        self._rules = rules
        self._armed: list[Armed] = []
        self._wrong: list[str] = []
        self._began_us = self._ended_us = 0

    async def play(self) -> Course:
        self._began_us = self._ended_us = self._stage.now_us()
        try:
            await self._perform()
        except RunnerLost as lost:
            self._wrong.append(str(lost))
        return Course(
            began_us=self._began_us,
            ended_us=self._ended_us,
            fired=sum(armed.fired for armed in self._armed) if self._rules else None,
            wrong=tuple(self._wrong),
        )

    async def _perform(self) -> None:
        for role in (Role.HEDGER, Role.MAKER):
            self._stage.start(role)
        if not await self._trade("before the fault"):
            return
        await self._begin()
        await self._endure()
        self._end()
        if await self._is_flat("after the fault"):
            # What a killed maker left behind shows nothing of its successor.
            await self._trade("after the fault", since_us=self._ended_us)
        await self._wind_down()

    # -- the fault --

    async def _begin(self) -> None:
        """The fault and a fill of half a quote, with nothing in between."""
        stage = self._stage
        if not await stage.until(stage.quotes, within_s=QUOTED_WITHIN_S):
            self._wrong.append(f"no quote rested within {QUOTED_WITHIN_S:.0f} s before the fault")
            return
        self._began_us = stage.now_us()
        if self._drill.fills_first:
            self._fill_half()
        self._armed = stage.arm(self._rules)
        await self._harm()
        if not self._drill.fills_first:
            self._fill_half()
        if self._drill.harm in (Harm.MAKER_KILLED, Harm.HEDGER_KILLED):
            stage.start(_VICTIM[self._drill.harm])

    async def _harm(self) -> None:
        match self._drill.harm:
            case Harm.MAKER_KILLED | Harm.HEDGER_KILLED as harm:
                self._stage.kill(_VICTIM[harm])
            case Harm.MAKER_FROZEN | Harm.HEDGER_FROZEN as harm:
                self._stage.freeze(_VICTIM[harm])
            case Harm.REDIS_FROZEN:
                self._stage.freeze(None)
            case Harm.REDIS_FLUSHED:
                await self._stage.flush_redis()
            case Harm.NONE:
                pass

    async def _endure(self) -> None:
        """Fills whatever is quoted until the fault is over."""
        loop = asyncio.get_running_loop()
        lasts_s = self._drill.lasts_s
        end_s = loop.time() + (lasts_s or HAPPENED_WITHIN_S)
        while loop.time() < end_s and (lasts_s or self._is_to_happen()):
            await self._stage.until(
                lambda: not lasts_s and not self._is_to_happen(),
                within_s=min(_TAKE_EVERY_S, max(0.0, end_s - loop.time())),
            )
            self._fill_rest()

    def _is_to_happen(self) -> bool:
        return any(armed.left for armed in self._armed)

    def _end(self) -> None:
        self._stage.disarm()
        match self._drill.harm:
            case Harm.MAKER_FROZEN | Harm.HEDGER_FROZEN as harm:
                self._stage.freeze(_VICTIM[harm], thaw=True)
            case Harm.REDIS_FROZEN:
                self._stage.freeze(None, thaw=True)
            case Harm.MAKER_KILLED | Harm.HEDGER_KILLED | Harm.REDIS_FLUSHED | Harm.NONE:
                pass
        self._ended_us = self._stage.now_us()

    # -- trading --

    async def _trade(self, when: str, *, since_us: int = 0) -> bool:
        """Quotes filled whole and hedged, until one was placed since then."""
        stage = self._stage
        is_new = False
        while not is_new:
            if not await stage.until(stage.quotes, within_s=QUOTED_WITHIN_S):
                self._wrong.append(f"no quote rested within {QUOTED_WITHIN_S:.0f} s {when}")
                return False
            is_new = stage.quotes()[0].created_us >= since_us
            self._fill_rest()
            if not await self._is_flat(when):
                return False
        return True

    async def _is_flat(self, when: str) -> bool:
        stage = self._stage
        if await stage.until(lambda: stage.net_lots() == 0, within_s=FLAT_WITHIN_S):
            return True
        self._wrong.append(f"the pair was not flat within {FLAT_WITHIN_S:.0f} s {when}")
        return False

    def _fill_half(self) -> None:
        for order in self._stage.quotes()[:1]:
            self._stage.fill(order, -(-order.remaining_lots // 2))

    def _fill_rest(self) -> None:
        for order in self._stage.quotes()[:1]:
            self._stage.fill(order, order.remaining_lots)

    async def _wind_down(self) -> None:
        """The maker first, so that the hedger sees the last fill."""
        for role in (Role.MAKER, Role.HEDGER):
            code = await self._stage.stop(role, within_s=STOPPED_WITHIN_S)
            if code is None:
                self._wrong.append(f"the {role.label} did not stop in {STOPPED_WITHIN_S:.0f} s")
            elif code:
                self._wrong.append(f"the {role.label} ended with exit code {code}")
            if role is Role.MAKER:
                await self._is_flat("after the maker had stopped")


_VICTIM: Final = {
    Harm.MAKER_KILLED: Role.MAKER,
    Harm.MAKER_FROZEN: Role.MAKER,
    Harm.HEDGER_KILLED: Role.HEDGER,
    Harm.HEDGER_FROZEN: Role.HEDGER,
}


def _say(progress: TextIO, words: str) -> None:
    progress.write(f"{words}\n")
    progress.flush()
