"""Reads the hedger's report for the maker: often while a fill waits for its cover."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from hedgepair_runner.bus import Bus, BusUnavailable
from hedgepair_runner.contract.halts import forbids_hedging
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.quoting import Cover

POLL_WAITING_S = 0.01
POLL_S = 0.25


HEDGING_STATES = frozenset(
    {
        RunnerState.RUNNING,
        RunnerState.SUSPENDED,
        RunnerState.FLAT,
        RunnerState.COMPLETED,
        RunnerState.HALTED,
    }
)
"""In all of these a hedger takes back whatever A trades."""


HEDGERS = "hedger"
"""Owner of the right to act, as reported: whoever lent it hedges nothing meanwhile (design §6)."""


class CoverWatcher:
    """`cover` is None while there is no fresh report: reports expire in Redis by themselves."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.cover: Cover | None = None
        self.realized_pnl: str | None = None
        """Of the pair, as the hedger counts it."""
        self._wanted = asyncio.Event()

    @property
    def is_good(self) -> bool:
        """The hedger says that it runs and that nothing is open."""
        cover = self.cover
        return cover is not None and cover.is_running and not cover.gap_lots

    def look_now(self) -> None:
        """A quote has ended: whoever waits for its cover does not wait for the next turn."""
        self._wanted.set()

    async def run(self, *, is_waiting: Callable[[], bool], on_news: Callable[[], None]) -> None:
        while True:
            try:
                report = await self._bus.read_report(Role.HEDGER)
            except BusUnavailable:
                report = None
            self.cover = cover_of(report)
            self.realized_pnl = None if report is None else report.realized_pnl
            on_news()
            await self._pause(POLL_WAITING_S if is_waiting() else POLL_S)

    async def _pause(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wanted.wait()
        self._wanted.clear()


def cover_of(report: RunnerReport | None) -> Cover | None:
    if report is None:
        return None
    return Cover(
        maker_chain_lots=report.maker_chain_lots,
        maker_chain_trade_id=report.maker_chain_trade_id,
        gap_lots=report.gap_lots,
        in_flight=report.in_flight,
        carried_lots=report.carried_lots,
        is_running=report.state is RunnerState.RUNNING,
        is_hedging=(
            report.state in HEDGING_STATES
            and not forbids_hedging(report.halts)
            and report.token_owner == HEDGERS
        ),
        position_lots=report.position_lots,
        leg=report.leg,
    )
