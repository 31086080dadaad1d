"""Keeps the count that stopAfter goes by: in Redis and, of a local run, in its state directory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.spec import StopAfter
from hedgepair_runner.desk import Desk
from hedgepair_runner.finishing import (
    Progress,
    counted,
    furthest,
    judged,
    read_progress,
    write_progress,
)
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.venues.venue import VenueUnavailable

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 1.0
LEAST_PAUSE_S = 0.02
REWRITE_EVERY_S = 10.0
"""Also unchanged: a Redis that was flushed has it again."""
RETRY_S = 0.5


class ProgressKeeper:
    """Of a maker's process."""

    def __init__(self, desk: Desk, *, file: Path | None) -> None:
        self._desk = desk
        self._file = file
        self._changed = asyncio.Event()
        self._written: Progress | None = None
        self._written_s = float("-inf")
        self.progress: Progress | None = None
        """None until it was taken up."""

    async def take_up(self, *, anchor_id: int) -> None:
        """Carries on from what is on record, with the trades that the venue has since then.

        Without any record the count begins at the anchor, which is now.
        """
        if self.progress is None:
            found = furthest([await self._in_redis(), self._in_file()])
            self.progress = Progress(upto_id=anchor_id) if found is None else found
        while True:
            try:
                trades = await self._desk.venue.read_own_trades(
                    self._desk.market.market_id, after_trade_id=self.progress.upto_id
                )
            except VenueUnavailable:
                await asyncio.sleep(RETRY_S)
            else:
                self.add(trades)
                return

    def add(self, trades: Iterable[AccountTrade]) -> None:
        if self.progress is not None:
            self.progress = counted(self.progress, trades)
            self._changed.set()

    def judge(self, stop_after: StopAfter | None, *, cost: Decimal | None) -> str:
        """Which bound has ended the pair; empty while it goes on."""
        if self.progress is None:
            return ""
        before = self.progress.finished
        self.progress = judged(self.progress, stop_after, cost=cost, market=self._desk.market)
        if self.progress.finished and not before:
            logger.warning("completed", extra={"reason": self.progress.finished})
        return self.progress.finished

    async def run(self) -> None:
        """Writes what changed, soon, until cancelled."""
        while True:
            await self.write()
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITE_EVERY_S):
                    await self._changed.wait()
            self._changed.clear()
            # Changes of one moment go out together.
            await asyncio.sleep(LEAST_PAUSE_S)

    async def write(self) -> None:
        progress, now_s = self.progress, self._desk.clock.boot_s()
        if progress is None:
            return
        if progress == self._written and now_s - self._written_s < REWRITE_EVERY_S:
            return
        text = write_progress(progress)
        self._write_file(text)
        with suppress(BusUnavailable):
            await self._desk.steering.write_progress(text)
            self._written, self._written_s = progress, now_s

    async def _in_redis(self) -> Progress | None:
        while True:
            try:
                text = await self._desk.steering.read_progress()
            except BusUnavailable:
                await asyncio.sleep(RETRY_S)
            else:
                return None if text is None else _readable(text)

    def _in_file(self) -> Progress | None:
        if self._file is None:
            return None
        try:
            return _readable(self._file.read_bytes())
        except FileNotFoundError:
            return None

    def _write_file(self, text: str) -> None:
        if self._file is None:
            return
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._file)
        except OSError as error:
            logger.error("progress not kept in a file", extra={"reason": error.strerror})


def _readable(text: bytes) -> Progress | None:
    try:
        return read_progress(text)
    except ValueError as error:
        logger.warning("record of progress not read", extra={"reason": str(error)})
        return None
