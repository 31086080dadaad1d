"""Looks at a running pair several times a second and shows what it sees."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.local.displays import Display
from hedgepair_runner.local.narrating import Line, Narrator
from hedgepair_runner.local.observations import PairRecords
from hedgepair_runner.local.records import RecordsReader, RecordsUnavailable
from hedgepair_runner.local.reports import ReportReader, Reports
from hedgepair_runner.local.summarising import Summary, summarise
from hedgepair_runner.local.table import View

LOOK_EVERY_S: Final = 0.25
_LINES_KEPT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched, and how it is called."""

    title: str
    timeout_s: int
    for_s: float | None = None


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
        self._hint = "Ctrl-C ends it in order"
        self._started_s = asyncio.get_running_loop().time()

    async def watch_until(self, done: Callable[[], bool], *, within_s: float | None) -> bool:
        """Shows until `done`, or until the time is over. Returns whether it was done."""
        loop = asyncio.get_running_loop()
        end_s = None if within_s is None else loop.time() + within_s
        while not (is_done := done()) and (end_s is None or loop.time() < end_s):
            await self.look()
            left_s = LOOK_EVERY_S if end_s is None else min(LOOK_EVERY_S, end_s - loop.time())
            await asyncio.sleep(max(0.0, left_s))
        return is_done

    def hint(self, words: str) -> None:
        """What the command is doing now."""
        self._hint = words
        self._display.say(words)

    async def look(self) -> None:
        """One look and one frame."""
        with suppress(BusUnavailable):
            self._reports = await self._reports_reader.read()
        news: list[Line] = []
        with suppress(RecordsUnavailable):
            self._records = await self._records_reader.read()
            news = self._narrator.tell(self._records, self._reports)
        self._lines.extend(news)
        self._display.show(self._view(), news=news)

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
