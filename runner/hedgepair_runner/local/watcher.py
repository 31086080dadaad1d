"""Looks at a running pair several times a second and shows what it sees."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.local.displays import Display
from hedgepair_runner.local.narrating import Line, Narrator
from hedgepair_runner.local.observations import PairRecords
from hedgepair_runner.local.records import RecordsReader, RecordsUnavailable
from hedgepair_runner.local.reports import ReportReader, Reports
from hedgepair_runner.local.summarising import Summary, summarise
from hedgepair_runner.local.table import View

LOOK_EVERY_S: Final = 0.25
START_WITHIN_S: Final = 90.0
CLOSELY_S: Final = 2.0
_LINES_KEPT: Final = 200
_AT_WORK: Final = (RunnerState.RUNNING, RunnerState.HOLDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched, and how it is called."""

    title: str
    timeout_s: int
    for_s: float | None = None
    records_every_s: float = 0.0
    """How often the exchange is asked for its records; 0: at every look."""


class Watcher:
    """Shows a pair while it is asked to. What cannot be read is shown as it last was."""

    def __init__(
        self, watched: Watched, *, records: RecordsReader, reports: ReportReader, display: Display
    ) -> None:
        self._watched = watched
        self._records_reader = records
        self._reports_reader = reports
        self._display = display
        self._narrator = Narrator(timeout_s=watched.timeout_s)
        self._lines: deque[Line] = deque(maxlen=_LINES_KEPT)
        self._records: PairRecords | None = None
        self._reports: Reports = {}
        self._records_every_s = watched.records_every_s
        self._records_due_s = float("-inf")
        self._hint = "Ctrl-C ends it in order"
        self._started_s = asyncio.get_running_loop().time()

    async def trade_for(
        self, for_s: float | None, *, roles: Collection[Role], done: Callable[[], bool]
    ) -> None:
        """Shows until `done`, or for so long from when all these roles run: a slow machine takes
        longer to start and trades as long. None: until `done`."""
        await self.watch_until(lambda: done() or self._run(roles), within_s=START_WITHIN_S)
        self._started_s = asyncio.get_running_loop().time()
        await self.watch_until(done, within_s=for_s)

    def _run(self, roles: Collection[Role]) -> bool:
        return all(
            (report := self._reports.get(role)) is not None and report.state in _AT_WORK
            for role in roles
        )

    async def watch_until(self, done: Callable[[], bool], *, within_s: float | None) -> bool:
        """Shows until `done`, or until the time is over. Returns whether it was done."""
        loop = asyncio.get_running_loop()
        end_s = None if within_s is None else loop.time() + within_s
        while not (is_done := done()) and (end_s is None or loop.time() < end_s):
            await self.look()
            left_s = LOOK_EVERY_S if end_s is None else min(LOOK_EVERY_S, end_s - loop.time())
            await asyncio.sleep(max(0.0, left_s))
        return is_done

    def look_closely(self) -> None:
        """From now on the records matter: they are read at once and at least every other second."""
        self._records_every_s = min(self._records_every_s, CLOSELY_S)
        self._records_due_s = float("-inf")

    def hint(self, words: str) -> None:
        """What the command is doing now."""
        self._hint = words
        self._display.say(words)

    async def look(self) -> None:
        """One look and one frame."""
        with suppress(BusUnavailable):
            self._reports = await self._reports_reader.read()
        news: list[Line] = []
        if self._is_due():
            with suppress(RecordsUnavailable):
                self._records = await self._records_reader.read()
                news = self._narrator.tell(self._records, self._reports)
        self._lines.extend(news)
        self._display.show(self._view(), news=news)

    def _is_due(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._records_due_s:
            return False
        self._records_due_s = now_s + self._records_every_s
        return True

    @property
    def is_hedged(self) -> bool:
        """Whether the last look saw every fill hedged and the net at zero."""
        return self._records is not None and summarise(self._records).is_hedged

    async def summary(self) -> Summary:
        """The result so far, read anew. Raises RecordsUnavailable."""
        return summarise(await self._records_reader.read(with_book=False))

    def _view(self) -> View:
        return View(
            title=self._watched.title,
            elapsed_s=asyncio.get_running_loop().time() - self._started_s,
            for_s=self._watched.for_s,
            records=self._records,
            reports=self._reports,
            lines=tuple(self._lines),
            hint=self._hint,
        )
