"""Watches the wall clock against the venue's while a term lasts (design §4.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from hedgepair_runner.desk import Desk
from hedgepair_runner.fencer import clock_fault
from hedgepair_runner.venues.venue import VenueUnavailable

CHECK_EVERY_S = 60.0


class ClockWatcher:
    """`withhold` is told why nothing may rest, or with an empty text that the clock is right."""

    def __init__(self, desk: Desk, *, withhold: Callable[[str], None]) -> None:
        self._desk = desk
        self._withhold = withhold

    async def run(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            with suppress(VenueUnavailable):
                fault = await clock_fault(self._desk.venue, clock=self._desk.clock)
                self._withhold(fault or "")
