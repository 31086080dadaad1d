"""The maker's loop: rests one order at a time and tells of every fill at once (design §5).

A fill is published before anything else is done. A cancel is not over until its order is terminal
at the venue and its trades add up; what it filled meanwhile is published like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from hedgepair_runner.bookkeeper import Bookkeeper
from hedgepair_runner.bus import BusEvent, TailUp
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.contract.identity import Role, is_of_pair
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.cover_watcher import CoverWatcher
from hedgepair_runner.desk import Desk, Streams
from hedgepair_runner.ledger import Chain
from hedgepair_runner.margins import Leg
from hedgepair_runner.noncing import Band
from hedgepair_runner.office import Office
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.pager import Pager, foreign_trade, liquidated, reanchored
from hedgepair_runner.policies import quote_policy
from hedgepair_runner.progress_keeper import ProgressKeeper
from hedgepair_runner.quote_keeper import QuoteKeeper
from hedgepair_runner.quoting import (
    Cancel,
    Cover,
    Place,
    QuoteDecision,
    QuotePolicy,
    QuoteQuestion,
    Wait,
    decide_quotes,
    standing_obstacles,
)
from hedgepair_runner.reporter import blank_report
from hedgepair_runner.restraint import Restraint
from hedgepair_runner.steering import Course
from hedgepair_runner.switch_tender import SwitchTender
from hedgepair_runner.tally import Tally
from hedgepair_runner.teller import Teller
from hedgepair_runner.unwinder import Unwinder
from hedgepair_runner.venues.venue import Lane, OrdersSeen, PositionsSeen, TradesSeen, VenueEvent
from hedgepair_runner.withdrawal import prove_withdrawn

TICK_S = 0.05
LegsView = Callable[[int | None, Cover | None], tuple[Leg, ...]]
"""The accounts that have to carry a quote, given the own position and the hedger's word."""


def no_legs(_own_lots: int | None, _cover: Cover | None) -> tuple[Leg, ...]:
    """Nobody's margin is asked for."""
    return ()


class Quoter:
    """One term of office: from a fenced band until the lease or the process ends."""

    def __init__(
        self,
        desk: Desk,
        policy: QuotePolicy,
        *,
        needs_cover: bool,
        streams: Streams,
        progress: ProgressKeeper,
        tasks: asyncio.TaskGroup,
        legs: LegsView = no_legs,
    ) -> None:
        self._desk = desk
        self.policy = policy
        self._needs_cover = needs_cover
        self._streams = streams
        self._tasks = tasks
        self._legs = legs
        self.own = Chain(account_index=desk.maker_account, market_id=desk.market.market_id)
        self._cover = CoverWatcher(desk.bus)
        self._teller = Teller(desk.bus, clock=desk.clock, on_told=self.step)
        self._quotes = QuoteKeeper(
            desk,
            own=self.own,
            teller=self._teller,
            tasks=tasks,
            decide=self._decide,
            is_forbidden=lambda: bool(self._forbidden() or self.instructed),
            on_changed=lambda: self.changed.set(),
            on_ended=self._quote_ended,
            on_overdue=self._backfill_own,
        )
        self._unwinder = Unwinder(
            desk,
            own=self.own,
            streams=streams,
            tasks=tasks,
            bound_bps=lambda: self.policy.closing_bps,
            is_clear=self._rests_nothing,
            is_hasty=lambda: self._needs_cover and not self._cover.is_good,
            take_nonce=self._quotes.take_nonce,
            on_news=self._right_changed,
        )
        self._pager = Pager(desk.bus, clock=desk.clock, tasks=tasks)
        self.books = Bookkeeper(
            desk.venue,
            {desk.maker_account: self.own},
            clock=desk.clock,
            metrics=desk.metrics,
            on_trades=self._on_trades,
            may_reanchor=lambda: self._quotes.quote is None and self._unwinder.is_closed(),
            on_reanchored=lambda account: self._pager.page("Reanchored", reanchored(account)),
        )
        self._office: Office | None = None
        self._switch: SwitchTender | None = None
        self._tally = Tally()
        self._progress = progress
        self._restraint = Restraint(desk, progress=progress, cover=self._cover)
        self.instructions = self._restraint.instructions
        """What limits ask of this maker; read at every step."""
        self._placed_under = policy
        self._reason = ""
        self._stopping = ""
        self._is_released = False
        self.changed = asyncio.Event()

    # -- what happens ------------------------------------------------------------------------

    def on_venue(self, event: VenueEvent) -> None:
        if isinstance(event, TradesSeen):
            self.books.add(event.trades)
        elif isinstance(event, PositionsSeen):
            self.books.told(event.account_index, event.positions_lots, whole=event.is_snapshot)
        elif self._office is not None:
            self._office.note(event)
            if isinstance(event, OrdersSeen) and event.is_snapshot:
                self._quotes.look_for_missing(event, self._office)
        self.step()

    def on_bus(self, event: BusEvent) -> None:
        if isinstance(event, TailUp):
            self._tasks.create_task(self._teller.tell_again(), name="tell-again")
        self.step()

    def _on_trades(self, trades: tuple[AccountTrade, ...]) -> None:
        self._teller.add(trades)
        self._tasks.create_task(self._teller.publish(), name="publish-fills")
        self._desk.metrics.fill(self._tally.add(trades, self.own))
        self._progress.add(trades)
        self._restraint.judge_progress()
        for trade in trades:
            self._note_foreign(trade)
        self.changed.set()

    def _note_foreign(self, trade: AccountTrade) -> None:
        """What no order of ours traded is adopted, hedged like a fill, and told (design §4.1)."""
        if not self.own.is_anchored or trade.trade_id <= self.own.anchor_id:
            return
        if trade.is_forced:
            sentence = liquidated(trade, self._desk.market)
            since_ms = trade.timestamp_ms
            self._desk.halts.raise_(HaltReason.LIQUIDATED, sentence, since_ms=since_ms)
        elif not is_of_pair(trade.client_order_index, Role.MAKER, self._desk.pair):
            self._pager.page("ForeignTrade", foreign_trade(trade, self._desk.market))

    def _rests_nothing(self) -> bool:
        return self._quotes.quote is None and not self._quotes.is_placing

    def _right_changed(self) -> None:
        self.step()

    def _quote_ended(self) -> None:
        self._cover.look_now()
        self.changed.set()

    def _backfill_own(self) -> None:
        self._tasks.create_task(self.books.backfill(self.own.account_index))

    @property
    def cover(self) -> Cover | None:
        """The hedger's latest word; None while there is no fresh one."""
        return self._cover.cover

    # -- a term ------------------------------------------------------------------------------

    def steer(self, course: Course) -> None:
        """Follows a wish or a configuration at once; what rests by an older one is replaced."""
        wanted = quote_policy(course.manifest, self._desk.market)
        # How soon a level may be followed is the account's, not the manifest's.
        self.policy = replace(wanted, least_rest_s=self.policy.least_rest_s)
        if course.wish is Wish.RELEASE:
            # What is being placed is dropped, and what rests is left alone.
            self._is_released, self._stopping = True, "released"
            return
        self._restraint.follow(course)
        self.changed.set()
        self.step()

    @property
    def completed(self) -> str:
        return self._restraint.completed

    async def prepare(self) -> None:
        """What was counted before this term, and at the venue since then."""
        await self._progress.take_up(anchor_id=self.own.anchor_id)

    def begin(self, band: Band) -> None:
        """After the fence and the read: from here on it may act."""
        self._office = Office(self._desk, band, tasks=self._tasks, on_news=self.step)
        # The fence cancelled whatever a predecessor rested.
        self._quotes.tell_gone(0, self._office)
        self._unwinder.begin(self._office)
        if self._desk.arms_switch:
            self._switch = self._tender_of(self._office)
        self.step()

    def _tender_of(self, office: Office) -> SwitchTender:
        quotes = self._quotes
        return SwitchTender(
            self._desk,
            office,
            take_nonce=lambda: quotes.take_nonce(office),
            may_send=lambda: quotes.is_line_free(office),
        )

    async def act(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="tick")
            tasks.create_task(self._progress.run(), name="keep-progress")
            tasks.create_task(self._unwinder.run(), name="right")
            if self._switch is not None:
                tasks.create_task(self._switch.run(), name="switch")
            if self._needs_cover:
                watching = self._cover.run(
                    is_waiting=lambda: self._quotes.quote is None, on_news=self.step
                )
                tasks.create_task(watching, name="watch-cover")

    async def wind_down(self) -> None:
        """Cancels, waits for proof, publishes (design §7)."""
        self._stopping = "stopping"
        self._unwinder.stop()
        self.step()
        while not self.is_withdrawn():
            await asyncio.sleep(TICK_S)
        office = self._office
        if office is not None:
            take_nonce = self._quotes.take_nonce
            await prove_withdrawn(self._desk, office, take_nonce=lambda: take_nonce(office))
            if self._switch is not None:
                await self._switch.leave()
            await self._unwinder.retire()
            await self._progress.write()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self._teller.publish_again()
            self._restraint.look_at_cost()
            self.step()

    def is_withdrawn(self) -> bool:
        """No order of ours can rest or come to rest, and every fill was told."""
        is_closed = self._rests_nothing() and self._unwinder.is_closed()
        return is_closed and not self._teller.has_untold

    @property
    def has_unsettled(self) -> bool:
        return self._office is not None and self._office.line.lowest_unsettled is not None

    def withhold_for_clock(self, reason: str) -> None:
        self.instructions.withhold("clock", reason)

    def is_quiet(self) -> bool:
        """A completed pair is done only once the hedger has closed its leg, too."""
        cover = self._cover.cover
        is_owed = bool(self.completed) and self._needs_cover
        is_covered = cover is not None and cover.gap_lots in (0, cover.carried_lots)
        return self.is_withdrawn() and (is_covered or not is_owed)

    @property
    def flat_lots(self) -> int:
        return 0

    def sweep(self) -> None:
        """Takes all of this market away, unless something is under way already."""
        office = self._office
        if office is not None and office.line.lowest_unsettled is None:
            office.cancel_all(nonce=self._quotes.take_nonce(office))

    @property
    def office(self) -> Office | None:
        return self._office

    @property
    def is_spent(self) -> bool:
        return self._office is not None and self._office.line.is_spent

    # -- deciding ----------------------------------------------------------------------------

    def step(self) -> None:
        office = self._office
        if office is None or self._is_released or not self._desk.leaser.is_valid():
            return
        self._quotes.close(office)
        if self._unwinder.step(office):
            return
        lowest = office.line.lowest_unsettled
        if lowest is not None and not self._quotes.settle(lowest, office):
            return
        if self._quotes.is_placing or self._quotes.is_awaited(office):
            return
        self._carry_out(self._decide(), office)

    def _decide(self) -> QuoteDecision:
        market_id = self._desk.market.market_id
        question = QuoteQuestion(
            position_lots=self.own.position_lots,
            last_trade_id=self.own.last_trade_id,
            book=self._desk.venue.book(market_id),
            mark_ticks=self._desk.venue.mark_price_ticks(market_id),
            forbidden=self._forbidden(),
            needs_cover=self._needs_cover,
            cover=self._cover.cover,
            live=self._quotes.live,
            resting_since_s=self._quotes.resting_since_s,
            ticks_back=self._quotes.ticks_back,
            withheld=self._withheld(),
            closing=self._restraint.closing,
            proved_lots=self.books.told_lots(self.own.account_index),
            legs=self._legs(self.own.position_lots, self._cover.cover),
        )
        return decide_quotes(question, policy=self.policy, market=self._desk.market)

    def _forbidden(self) -> tuple[str, ...]:
        """Why nothing may rest, most telling first (law 4)."""
        reasons = self._standing_obstacles()
        if self._unwinder.is_engaged:
            reasons += ("what could not be hedged is being undone",)
        return (*reasons, "a fill is not published yet") if self._teller.has_untold else reasons

    def _standing_obstacles(self) -> tuple[str, ...]:
        return standing_obstacles(
            order=self._stopping,
            redis_age_s=self._desk.leaser.renewed_age_s(),
            streams_down=self._streams.missing(),
            band_is_spent=self.is_spent,
        )

    def _withheld(self) -> tuple[str, ...]:
        """Why nothing may rest though all is well, most telling first."""
        if self._quotes.quote is not None and self._placed_under != self.policy:
            return (*self._restraint.withheld, "the configuration changed")
        return self._restraint.withheld

    @property
    def instructed(self) -> str:
        withheld = self._withheld()
        return withheld[0] if withheld else self._restraint.instructed

    def _carry_out(self, decision: QuoteDecision, office: Office) -> None:
        self._reason = decision.reason if isinstance(decision, Wait | Cancel) else ""
        if isinstance(decision, Cancel):
            self._quotes.cancel(decision.reason, office)
        elif isinstance(decision, Place) and not self._has_to_save(decision):
            self._placed_under = self.policy
            self._quotes.place(decision, office, timeout_s=self.policy.timeout_s)

    def _has_to_save(self, place: Place) -> bool:
        """Quotes slow down before hedges wait (design §5): nothing is signed that could not go."""
        venue = self._desk.venue
        if place.is_ioc or venue.delay_s(Lane.QUOTE) == 0.0:
            return False
        self._reason = venue.limiter.quota.scarcity() or "the request budget has no room for quotes"
        return True

    # -- telling -----------------------------------------------------------------------------

    def report(self, state: RunnerState, *, stopping: bool) -> RunnerReport:
        progress, market = self._progress.progress, self._desk.market
        if state is RunnerState.RUNNING and self._standing_obstacles():
            state = RunnerState.HOLDING
        return replace(
            blank_report(self._desk, RunnerState.STOPPING if stopping else state),
            reason=self._reason,
            epoch=self._office.line.band.epoch if self._office is not None else 0,
            position_lots=self.own.position_lots,
            maker_chain_lots=self.own.position_lots,
            last_fill_ms=self.own.newest_ms,
            maker_chain_trade_id=self.own.last_trade_id if self.own.is_sound else None,
            resting=self._quotes.resting(),
            open_orders=len(self._quotes.resting()),
            fills=self._tally.fills,
            rounds=self._tally.rounds if progress is None else progress.rounds,
            volume=None if progress is None else f"{market.quote(progress.volume_units):f}",
        )
