"""A role's terms of office: lease, fence, read, act, and again after whatever ends a term.

Start, crash recovery, takeover and the return of a lost Redis are this one routine (design §4.4).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from hedgepair_runner.acting import RightLost
from hedgepair_runner.bookkeeper import Bookkeeper
from hedgepair_runner.bus import BusEvent, BusUnavailable, TailUp
from hedgepair_runner.carrier import Fenced, KeyRefused
from hedgepair_runner.clock_watcher import ClockWatcher
from hedgepair_runner.concluder import Concluder
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.desk import ACCOUNT_STREAM, Desk, Streams
from hedgepair_runner.fencer import (
    SkippingRefused,
    begin_without_skipping,
    check_clock,
    fence,
    foreign_orders,
    wait_out,
)
from hedgepair_runner.leaser import LeaseLost
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Band
from hedgepair_runner.office import Office
from hedgepair_runner.receipt_keeper import ReceiptKeeper
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.refusing import FENCING_UNAVAILABLE, KEY_REFUSED_CODE, key_sentence
from hedgepair_runner.reporter import Reporter
from hedgepair_runner.steerer import Steerer
from hedgepair_runner.steering import Course
from hedgepair_runner.venues.urgency import reading_in
from hedgepair_runner.venues.venue import (
    Lane,
    StreamDown,
    VenueEvent,
    VenueRefused,
    VenueUnavailable,
)

logger = logging.getLogger(__name__)

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Between terms: restarts back off (design §5)."""
STOP_POLL_S = 0.02
RECEIPTS_WITHIN_S = 3.0
WIND_DOWN_S = 45.0
"""Within a pod's grace period of 60 s."""


class Officer(Protocol):
    """What a term needs of a maker or a hedger."""

    books: Bookkeeper
    changed: asyncio.Event
    own: Chain

    @property
    def completed(self) -> str: ...

    @property
    def instructed(self) -> str: ...

    @property
    def flat_lots(self) -> int: ...

    @property
    def is_spent(self) -> bool: ...

    @property
    def office(self) -> Office | None:
        """None before `begin`."""
        ...

    def on_venue(self, event: VenueEvent) -> None: ...

    def on_bus(self, event: BusEvent) -> None: ...

    def steer(self, course: Course) -> None:
        """Before `begin`, and at every change after."""
        ...

    @property
    def has_unsettled(self) -> bool:
        """Whether something that was signed may still execute."""
        ...

    def withhold_for_clock(self, reason: str) -> None:
        """The wall clock is wrong; an empty reason: it is right again."""
        ...

    def is_quiet(self) -> bool: ...

    def sweep(self) -> None: ...

    async def prepare(self) -> None:
        """After the read, before `begin`."""
        ...

    def begin(self, band: Band) -> None: ...

    async def act(self) -> None:
        """Runs beside the events until cancelled."""
        ...

    async def wind_down(self) -> None:
        """Returns when nothing of this role's is left open."""
        ...

    def report(self, state: RunnerState, *, stopping: bool) -> RunnerReport: ...


class _TermOver(Exception):
    """The term ended in order."""


class Tenure:
    def __init__(
        self,
        desk: Desk,
        *,
        streams: Streams,
        appoint: Callable[[asyncio.TaskGroup], Officer],
        steerer: Steerer,
        reporter: Reporter,
    ) -> None:
        self._desk = desk
        self._streams = streams
        self._appoint = appoint
        self._steerer = steerer
        self._reporter = reporter
        self._officer: Officer | None = None
        self._owes = False
        self._was_in_office = False
        self._leave_by_s: float | None = None
        self._receipts: ReceiptKeeper | None = None

    async def serve(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and the last term ended in order. Raises StartRefused."""
        failures = 0
        while not (stop.is_set() and self._may_leave()):
            if self._may_not_act() is not None:
                await self._stand_aside(stop)
                continue
            self._reporter.state = RunnerState.WAITING_FOR_LEASE
            try:
                if not await self._win_lease(stop):
                    break
                await self._term(stop)
                failures = 0
            except* (KeyRefused, VenueRefused) as group:
                self.note_refusal(_first(group))
                failures += 1
            except* (LeaseLost, Fenced, RightLost, VenueUnavailable, BusUnavailable) as group:
                reason = "; ".join(str(error) for error in group.exceptions)
                logger.warning("term ended", extra={"reason": reason})
                failures += 1
            await self._give_up_lease()
            if failures or not stop.is_set():
                await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
        self._reporter.state = RunnerState.STOPPED

    def note_refusal(self, error: Exception) -> None:
        """A key that worked before is being rotated: the file is read again, for as long as it
        takes. One that never worked is refused. Raises StartRefused, VenueRefused."""
        if self._desk.reread_key():
            return
        if not self._was_in_office:
            if isinstance(error, VenueRefused):
                raise error
            raise StartRefused(key_sentence(str(error)), reason_code=KEY_REFUSED_CODE)
        self._steerer.trouble = f"{key_sentence(str(error))} It is read again until it works."
        self._steerer.reason_code = KEY_REFUSED_CODE
        logger.warning("key refused", extra={"reason": str(error)})

    async def _give_up_lease(self) -> None:
        """Without a fence, only one that left nothing open hands its lease over."""
        is_open = self._officer is not None and self._officer.has_unsettled
        if self._steerer.fencing_degraded and is_open:
            self._desk.leaser.abandon()
        else:
            await self._desk.leaser.release()

    def _may_not_act(self) -> RunnerState | None:
        """The state of a role that is to leave its account alone altogether, else None."""
        if self._steerer.wish is Wish.RELEASE:
            return RunnerState.RELEASED
        own = self._desk.role.label
        halts = self._desk.halts.standing
        if any(halt.reason is HaltReason.FOREIGN_ORDERS and halt.role == own for halt in halts):
            return RunnerState.HALTED
        return None

    async def _stand_aside(self, stop: asyncio.Event) -> None:
        """Reports, and does nothing, until a person or the operator says otherwise."""
        self._owes = False
        self._reporter.officer = None
        while not stop.is_set() and (state := self._may_not_act()) is not None:
            if self._reporter.state is not state:
                self._reporter.state = state
                logger.warning("standing aside", extra={"state": state.value})
            self._pass_over()
            await asyncio.sleep(STOP_POLL_S)

    def _pass_over(self) -> None:
        """Out of office, what is told is heard and not kept: the next term reads for itself."""
        venue, bus = self._desk.venue.events, self._desk.bus.events
        while not venue.empty():
            self._streams.note(venue.get_nowait())
        while not bus.empty():
            bus.get_nowait()

    async def _win_lease(self, stop: asyncio.Event) -> bool:
        """False: `stop` came, and there is nothing to come back for."""
        winning = asyncio.ensure_future(self._desk.leaser.acquire())
        try:
            while not winning.done():
                if stop.is_set() and self._may_leave():
                    return False
                self._pass_over()
                await asyncio.wait({winning}, timeout=STOP_POLL_S)
            await winning
            return True
        finally:
            winning.cancel()

    def _may_leave(self) -> bool:
        """Whoever lost its lease may have left an order or a gap: it comes back to end in order,
        unless another holds the lease now and does the same routine."""
        if not self._owes or self._desk.leaser.is_held_elsewhere:
            return True
        now_s = self._desk.clock.boot_s()
        if self._leave_by_s is None:
            self._leave_by_s = now_s + WIND_DOWN_S
        if now_s < self._leave_by_s:
            return False
        logger.warning("stopped with something left open")
        return True

    async def _term(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                officer = self._officer = self._appoint(tasks)
                self._reporter.officer = officer
                self._receipts = self._new_receipts(officer)
                if self._receipts is not None:
                    self._reporter.realized = self._receipts.realized
                tasks.create_task(self._desk.leaser.keep(), name="lease")
                tasks.create_task(self._pump_venue(officer), name="pump-venue")
                tasks.create_task(self._pump_bus(officer), name="pump-bus")
                tasks.create_task(self._conduct(officer, tasks, stop), name="conduct")
        except* _TermOver:
            pass

    async def _conduct(
        self, officer: Officer, tasks: asyncio.TaskGroup, stop: asyncio.Event
    ) -> None:
        await self._steerer.known()
        if self._may_not_act() is not None:
            raise _TermOver
        await self._take_office(officer)
        self._owes = self._was_in_office = True
        self._reporter.state = RunnerState.RUNNING
        logger.info("running", extra={"role": self._desk.role.label})
        tasks.create_task(officer.books.keep(), name="books")
        tasks.create_task(officer.act(), name="act")
        if self._receipts is not None and officer.office is not None:
            keeping = self._receipts.keep(officer.office, officer.own)
            tasks.create_task(keeping, name="receipts")
        concluder = Concluder(self._desk, officer, self._steerer)
        tasks.create_task(concluder.run(), name="conclude")
        watcher = ClockWatcher(self._desk, withhold=officer.withhold_for_clock)
        tasks.create_task(watcher.run(), name="watch-clock")
        while not stop.is_set() and not officer.is_spent:
            if self._may_not_act() is not None:
                raise _TermOver
            await asyncio.sleep(STOP_POLL_S)
        if stop.is_set():
            self._reporter.stopping = True
            logger.info("stopping", extra={"role": self._desk.role.label})
            try:
                async with asyncio.timeout(WIND_DOWN_S):
                    await officer.wind_down()
            except TimeoutError:
                logger.warning("stopped with something left open")
            if self._receipts is not None:
                await self._receipts.flush(within_s=RECEIPTS_WITHIN_S)
            self._owes = False
            self._reporter.state = RunnerState.STOPPED
            await self._reporter.write()
        raise _TermOver

    def _new_receipts(self, officer: Officer) -> ReceiptKeeper | None:
        """Of this term; it hears of trades from their first on."""
        store = self._desk.receipts
        if store is None:
            return None
        keeper = ReceiptKeeper(self._desk, store)
        officer.books.also_told = keeper.note
        return keeper

    async def _take_office(self, officer: Officer) -> None:
        """Fence, then read: nothing is decided before both are proved."""
        with reading_in(Lane.CANCEL):
            band = await self._fence_and_read(officer)
        if self._may_not_act() is not None:
            raise _TermOver
        self._steerer.lead(officer)
        officer.begin(band)

    async def _fence_and_read(self, officer: Officer) -> Band:
        desk = self._desk
        self._reporter.state = RunnerState.FENCING
        await check_clock(desk.venue, clock=desk.clock)
        await self._halt_on_foreign_orders()
        band = replace(await self._fence(), reserve=desk.band_reserve)
        self._reporter.state = RunnerState.READING
        while ACCOUNT_STREAM not in self._streams.up:
            await asyncio.sleep(STOP_POLL_S)
        await officer.books.anchor_all()
        await officer.prepare()
        return band

    async def _fence(self) -> Band:
        """Fences, or, where the venue cannot, waits until nothing is left to fence off."""
        desk, steerer = self._desk, self._steerer
        market_id = desk.market.market_id
        try:
            return await fence(desk.venue, desk.leaser, market_id=market_id, clock=desk.clock)
        except SkippingRefused as refused:
            exchange = steerer.course.manifest.spec.exchange
            if exchange.network is Network.MAINNET and exchange.require_fencing:
                raise StartRefused(
                    f"The fence failed: {refused}, so a runner that lost its lease could still "
                    "trade. Set spec.exchange.requireFencing: false to accept that a takeover "
                    "waits ten minutes instead.",
                    reason_code=FENCING_UNAVAILABLE,
                ) from refused
        steerer.fencing_degraded = True

        def on_wait(left_s: float) -> None:
            steerer.trouble = (
                f"fencing is degraded: {left_s:.0f} s until nothing that a predecessor signed can "
                "execute any more"
            )

        await wait_out(desk.venue, desk.leaser, clock=desk.clock, on_wait=on_wait)
        return await begin_without_skipping(
            desk.venue, desk.leaser, market_id=market_id, clock=desk.clock
        )

    async def _halt_on_foreign_orders(self) -> None:
        """Read before the fence, which cancels every order of the account in this market."""
        desk = self._desk
        if self._was_in_office or self._steerer.course.manifest.spec.exchange.adopt_orders:
            return
        found = await foreign_orders(desk.venue, market=desk.market)
        if found is not None:
            desk.halts.raise_(HaltReason.FOREIGN_ORDERS, found)
            raise _TermOver

    async def _pump_venue(self, officer: Officer) -> None:
        while True:
            event = await self._desk.venue.events.get()
            self._streams.note(event)
            if isinstance(event, StreamDown):
                self._desk.metrics.reconnect(event.stream)
            officer.on_venue(event)

    async def _pump_bus(self, officer: Officer) -> None:
        while True:
            event = await self._desk.bus.events.get()
            if isinstance(event, TailUp) and self._receipts is not None:
                self._receipts.redis_came_back()
            officer.on_bus(event)


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, Exception):
        raise AssertionError("a group of exceptions holds no other kind")
    return error
