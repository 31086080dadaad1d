"""Writes the runner's report to Redis and its figures to the metrics: on change, and regularly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from hedgepair_runner.booking import plain
from hedgepair_runner.bus import Bus, BusUnavailable
from hedgepair_runner.concluding import Standing, framed
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.legs import LegRisk
from hedgepair_runner.contract.status import RestingOrder, RunnerReport, RunnerState
from hedgepair_runner.desk import ACCOUNT_STREAM, MARKET_STREAM, Desk
from hedgepair_runner.noncing import Slot
from hedgepair_runner.risking import margin_distance_text
from hedgepair_runner.venues.venue import Lane

REPORT_EVERY_S = 0.5
REPORT_TTL_MS = 3_000
"""The hedger's deadline of law 4: an older report is gone, and the maker withdraws."""
REFUSAL_TTL_MS = 600_000
LEAST_PAUSE_S = 0.002


UP = frozenset(RunnerState) - {
    RunnerState.STARTING,
    RunnerState.WAITING_FOR_LEASE,
    RunnerState.FENCING,
    RunnerState.READING,
    RunnerState.STOPPING,
    RunnerState.STOPPED,
}
"""The states in which a runner is ready: readiness says nothing about trading."""


class Reporting(Protocol):
    changed: asyncio.Event

    @property
    def instructed(self) -> str:
        """Why, by another's order, nothing rests; empty where nothing is withheld."""
        ...

    def report(self, state: RunnerState, *, stopping: bool) -> RunnerReport: ...


class LegSource(Protocol):
    leg: LegRisk | None


class Reporter:
    """`standing` is asked for every report: what is wanted, proved and halted."""

    def __init__(self, desk: Desk, *, standing: Callable[[], Standing]) -> None:
        self._desk = desk
        self._standing = standing
        self.officer: Reporting | None = None
        self.legs: LegSource | None = None
        """What is known of the own account's risk."""
        self.realized: Callable[[], Decimal | None] = lambda: None
        """What the pair has realised, as far as this runner knows."""
        self.stopping = False
        self._state = RunnerState.STARTING

    @property
    def state(self) -> RunnerState:
        return self._state

    @state.setter
    def state(self, state: RunnerState) -> None:
        """The partner waits for some of these changes: they are told at once."""
        self._state = state
        self.hurry()

    def hurry(self) -> None:
        """Something changed that others wait for: the next report goes out at once."""
        if self.officer is not None:
            self.officer.changed.set()

    async def run(self) -> None:
        while True:
            await self.write()
            officer = self.officer
            if officer is None:
                await asyncio.sleep(REPORT_EVERY_S)
                continue
            try:
                async with asyncio.timeout(REPORT_EVERY_S):
                    await officer.changed.wait()
            except TimeoutError:
                pass
            officer.changed.clear()
            # Changes of one moment go out together.
            await asyncio.sleep(LEAST_PAUSE_S)

    async def write(self) -> None:
        report = self.current()
        self._measure(report)
        if self._is_standby:
            return  # the one that acts is the one that is heard
        try:
            await self._desk.bus.write_report(self._desk.role, report, ttl_ms=REPORT_TTL_MS)
        except BusUnavailable:
            return

    def current(self) -> RunnerReport:
        if self.officer is None:
            blank = framed(blank_report(self._desk, self.state), self._standing())
            return self._with_leg(blank)
        stopping = self.stopping and self.state is RunnerState.RUNNING
        report = self.officer.report(self.state, stopping=stopping)
        realized = self.realized()
        if realized is not None:
            report = replace(report, realized_pnl=plain(realized))
        framed_report = framed(report, self._standing(), instructed=self.officer.instructed)
        return self._with_leg(framed_report)

    def _with_leg(self, report: RunnerReport) -> RunnerReport:
        leg = self.legs.leg if self.legs is not None else None
        if leg is None:
            return report
        mark_ticks = self._desk.venue.mark_price_ticks(self._desk.market.market_id)
        distance = None if mark_ticks is None else margin_distance_text(leg, mark_ticks)
        return replace(report, leg=leg, daily_pnl=leg.day_quote, margin_distance=distance)

    def readiness(self) -> tuple[bool, str]:
        """For `/readyz`: in office or kept from it by a wish or a halt; or why not."""
        report = self.current()
        return report.state in UP or self._is_standby, report.reason or report.state.value

    @property
    def _is_standby(self) -> bool:
        """Another process of the role holds the lease, and reports."""
        waits = self._state is RunnerState.WAITING_FOR_LEASE
        return waits and self._desk.leaser.is_held_elsewhere

    def _measure(self, report: RunnerReport) -> None:
        metrics, market = self._desk.metrics, self._desk.market
        metrics.state(report.state)
        metrics.lease_valid(self._desk.leaser.is_valid())
        metrics.source_ages(report.source_ages_s)
        metrics.rate_headroom(report.headroom_requests)
        metrics.position(report.role, _base(report.position_lots, market.size_decimals))
        if report.role == "hedger":
            metrics.gap(_base(report.gap_lots, market.size_decimals))
            metrics.unhedged(report.unhedged_s)
            metrics.realized(None if report.realized_pnl is None else float(report.realized_pnl))
        else:
            metrics.resting_orders(len(report.resting))


async def tell_refusal(bus: Bus, report: RunnerReport) -> None:
    """The last word of a runner that may not start: it stays, so that the operator can show it.

    Unless another process of the role is at work, which is what matters then.
    """
    with suppress(BusUnavailable):
        standing = await bus.read_report(Role[report.role.upper()])
        if standing is None or standing.state in (RunnerState.STOPPED, RunnerState.STARTING):
            await bus.write_report(Role[report.role.upper()], report, ttl_ms=REFUSAL_TTL_MS)


def blank_report(desk: Desk, state: RunnerState) -> RunnerReport:
    """What any report says, whatever the role knows: all else is unknown (law 3)."""
    ages_s = {name: desk.venue.stream_age_s(name) for name in (ACCOUNT_STREAM, MARKET_STREAM)}
    return RunnerReport(
        role=desk.role.label,
        holder=desk.holder,
        version=desk.version,
        state=state,
        reported_ms=desk.clock.wall_ms(),
        market=desk.market.symbol,
        size_decimals=desk.market.size_decimals,
        price_decimals=desk.market.price_decimals,
        source_ages_s=ages_s,
        headroom_requests=desk.venue.headroom(Lane.HEDGE),
        headroom_quota=desk.venue.limiter.quota.remaining,
    )


def resting_order(slot: Slot, *, traded_lots: int, placed_ms: int) -> RestingOrder:
    """The maker's quote, by what was signed and what the ledger holds of it."""
    newest = slot.newest
    return RestingOrder(
        client_order_index=newest.client_order_index,
        is_ask=newest.lots < 0,
        price_ticks=newest.price_ticks,
        remaining_lots=abs(newest.lots) - abs(traded_lots),
        placed_ms=placed_ms,
    )


def _base(lots: int | None, size_decimals: int) -> float | None:
    """Metrics are the one place for floats (style: units)."""
    return None if lots is None else lots / 10**size_decimals
