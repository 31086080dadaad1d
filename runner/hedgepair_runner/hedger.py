"""The hedger's loop: whatever moves A's position is taken back on B (design §4).

Every event ends in `step`, which decides from the ledger and the open slots alone; what it decides
is carried out by the keeper of the intents. Being woken twice, late or in another order changes
nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hedgepair_runner.bookkeeper import Bookkeeper
from hedgepair_runner.bus import BusEvent, BusUnavailable, FillTold, TailUp
from hedgepair_runner.climber import Climber
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import Role, is_of_pair
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.desk import Desk, Streams
from hedgepair_runner.exposure import Exposure
from hedgepair_runner.hedging import Hedge, HedgerPolicy, sendable_lots
from hedgepair_runner.intent_keeper import IntentKeeper
from hedgepair_runner.laddering import LadderPolicy
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Band
from hedgepair_runner.office import Office
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.pager import Pager, foreign_trade, reanchored
from hedgepair_runner.policies import hedger_policy, ladder_policy
from hedgepair_runner.quote_listener import QuoteListener
from hedgepair_runner.quotes import QuoteTold
from hedgepair_runner.reporter import blank_report
from hedgepair_runner.right_keeper import RightKeeper
from hedgepair_runner.steering import Course
from hedgepair_runner.trespass import Trespass
from hedgepair_runner.venues.venue import PositionsSeen, TradesSeen, VenueEvent

TICK_S = 0.02


class Hedger:
    """One term of office: from a fenced band until the lease or the process ends."""

    def __init__(
        self,
        desk: Desk,
        policy: HedgerPolicy,
        *,
        ladder: LadderPolicy,
        streams: Streams,
        tasks: asyncio.TaskGroup,
    ) -> None:
        if desk.hedger_account is None:
            raise AssertionError("a hedger has an account")
        self._desk = desk
        self._policy = policy
        self._ladder = ladder
        self._streams = streams
        self._tasks = tasks
        market_id = desk.market.market_id
        self.maker = Chain(account_index=desk.maker_account, market_id=market_id)
        self.own = Chain(account_index=desk.hedger_account, market_id=market_id)
        self._exposure = Exposure(
            maker=self.maker, own=self.own, accepted_net_lots=policy.accepted_net_lots
        )
        self.books = Bookkeeper(
            desk.venue,
            {desk.maker_account: self.maker, desk.hedger_account: self.own},
            clock=desk.clock,
            metrics=desk.metrics,
            on_trades=self._on_trades,
            may_reanchor=lambda: not self._exposure.slots,
            on_reanchored=lambda account: self._pager.page("Reanchored", reanchored(account)),
        )
        self._quotes = QuoteListener(desk.bus, pair=desk.pair)
        self._intents = IntentKeeper(
            desk,
            policy,
            exposure=self._exposure,
            quotes=self._quotes,
            tasks=tasks,
            on_sent=self._on_sent,
            on_overdue=self._backfill_own,
        )
        self._pager = Pager(desk.bus, clock=desk.clock, tasks=tasks)
        self._office: Office | None = None
        self._right: RightKeeper | None = None
        self._climber: Climber | None = None
        self._carried_lots = 0
        self._hold = self._waits_for = ""
        self._clock_fault = ""
        self._wish = Wish.RUN
        self.completed = ""
        self._fill_seen_s: float | None = None
        self._unhedged_since_s: float | None = None
        self._trespass = Trespass(desk)
        self.fills = 0
        self.hedges = 0
        self.changed = asyncio.Event()

    # -- what happens ------------------------------------------------------------------------

    def on_venue(self, event: VenueEvent) -> None:
        if isinstance(event, TradesSeen):
            self.books.add(event.trades)
        elif isinstance(event, PositionsSeen):
            self.books.told(event.account_index, event.positions_lots, whole=event.is_snapshot)
        elif self._office is not None:
            self._office.note(event)
        self.step()

    def on_bus(self, event: BusEvent) -> None:
        if isinstance(event, FillTold):
            self.books.add((event.trade,))
        elif isinstance(event, QuoteTold):
            self._quotes.tell(event)
            self._sign_ahead(event)
            if event.is_gone:
                # What was held back or missed because of that quote may go at once.
                self._intents.start_over()
        elif isinstance(event, TailUp):
            self._tasks.create_task(self._quotes.reread(self.step), name="reread-quotes")
        self.step()

    def _sign_ahead(self, quote: QuoteTold) -> None:
        office = self._office
        if office is None or self._exposure.slots or self.gap() != 0:
            return
        if self._desk.leaser.is_valid():
            self._intents.sign_ahead(quote, office)

    def _backfill_own(self) -> None:
        self._tasks.create_task(self.books.backfill(self.own.account_index))

    # -- a term ------------------------------------------------------------------------------

    def steer(self, course: Course) -> None:
        """Follows a configuration at once. Whatever the wish, what is open is hedged."""
        same_master = self._policy.same_master
        self._policy = hedger_policy(course.manifest, self._desk.market, same_master=same_master)
        self._intents.policy = self._policy
        self._ladder = ladder_policy(course.manifest)
        if self._climber is not None:
            self._climber.policy = self._ladder
        self._exposure.accepted_net_lots = self._policy.accepted_net_lots
        self._wish = course.wish
        self.changed.set()
        self.step()

    @property
    def instructed(self) -> str:
        return ""

    @property
    def flat_lots(self) -> int:
        """What A's zero leaves on B."""
        return self._policy.accepted_net_lots

    @property
    def has_unsettled(self) -> bool:
        return self._office is not None and self._office.line.lowest_unsettled is not None

    def withhold_for_clock(self, reason: str) -> None:
        """It goes on, since to hedge is the lesser risk, and says so."""
        self._clock_fault = reason
        self.changed.set()

    def is_quiet(self) -> bool:
        return self.is_settled()

    def sweep(self) -> None:
        """A hedger's orders never rest: whatever is listed is on its way out."""

    async def prepare(self) -> None:
        """A hedger counts nothing across its terms."""

    def begin(self, band: Band) -> None:
        """After the fence and the read: from here on it may act."""
        self._office = Office(self._desk, band, tasks=self._tasks, on_news=self.step)
        self._exposure.line = self._office.line
        self._right = RightKeeper(
            self._desk,
            epoch=band.epoch,
            has_partner=self._ladder.has_partner,
            maker=self.maker,
            prove=lambda: self.books.prove(self._desk.maker_account),
            on_news=self._right_changed,
        )
        self._climber = Climber(
            self._desk,
            self._ladder,
            exposure=self._exposure,
            right=self._right,
            streams=self._streams,
            pager=self._pager,
            halt=self._desk.halts.raise_,
            is_refused=lambda: self._intents.is_refused,
        )
        newest = self.own.newest
        if newest is not None and newest.is_forced and self.gap():
            # It happened before this term, and nobody has taken A along yet.
            self._climber.note_forced(newest)
        self._tasks.create_task(self._quotes.reread(self.step), name="reread-quotes")
        self.step()

    async def act(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="tick")
            if self._right is not None:
                tasks.create_task(self._right.run(), name="right")

    async def _tick(self) -> None:
        """Time passing is an event too."""
        while True:
            await asyncio.sleep(TICK_S)
            self.step()

    def _right_changed(self) -> None:
        self.changed.set()
        self.step()

    async def wind_down(self) -> None:
        """Waits until the maker rests nothing and everything filled is hedged (design §7)."""
        while not (self.is_settled() and await self._maker_is_quiet()):
            await asyncio.sleep(TICK_S)

    async def _maker_is_quiet(self) -> bool:
        """No maker, or one whose quotes are gone and whose fills are all in our ledger."""
        try:
            report = await self._desk.bus.read_report(Role.MAKER)
        except BusUnavailable:
            return False
        if report is None or report.state is RunnerState.STOPPED:
            return True
        told_id = report.maker_chain_trade_id
        return not report.resting and told_id is not None and told_id <= self.maker.head_id

    def is_settled(self) -> bool:
        """Nothing open: the gap is known to be zero (or carried), and no intent is open."""
        gap = self.gap()
        return gap is not None and gap == self._carried_lots and not self._exposure.slots

    @property
    def office(self) -> Office | None:
        return self._office

    @property
    def is_spent(self) -> bool:
        office = self._office
        return office is not None and office.line.is_spent and not office.slots

    def gap(self) -> int | None:
        return self._exposure.gap()

    # -- deciding ----------------------------------------------------------------------------

    def step(self) -> None:
        office = self._office
        if office is None or not self._desk.leaser.is_valid():
            return
        if self._wish is Wish.RELEASE:
            return
        self._intents.close(office)
        may_hedge = self._may_hedge()
        lowest = office.line.lowest_unsettled
        if lowest is not None:
            self._intents.settle(lowest, office)
        if may_hedge and self._intents.may_open_another(office):
            self._hedge(office)
        self._note_cover()

    def _may_hedge(self) -> bool:
        climber = self._climber
        if climber is None:
            return False
        may_hedge = climber.may_hedge(open_since_s=self._unhedged_since_s)
        self._intents.is_closing = climber.is_closing
        self._hold = "" if may_hedge else climber.reason
        return may_hedge

    def _hedge(self, office: Office) -> None:
        gap = self.gap()
        if gap is None:
            self._hold = "a position is unknown: nothing is sent"
            return
        if self._desk.halts.forbids_hedging:
            self._hold, self._waits_for = "", "halted: the net is left alone"
            return
        self._hold = self._trespass.of(gap, max_net_lots=self._policy.max_net_lots)
        if self._hold:
            return
        if gap and not (self._quotes.is_read or self._policy.same_master):
            self._waits_for = "what the maker may have resting is not read yet"
            return
        if not self._intents.is_due():
            return
        decision = self._intents.decide(sendable_lots(gap, hedger=self.own, slots=office.slots))
        if isinstance(decision, Hedge):
            self._carried_lots = 0
            self._intents.send(decision, office, nonce=office.line.open())
        else:
            self._carried_lots = decision.carried_lots
            self._waits_for = "" if gap == 0 or decision.carried_lots else decision.reason
            self._hold = ""

    def _on_sent(self) -> None:
        self._hold = self._waits_for = ""
        if self._fill_seen_s is not None:
            self._desk.metrics.hedged(self._desk.clock.boot_s() - self._fill_seen_s)
            self._fill_seen_s = None

    # -- noting ------------------------------------------------------------------------------

    def _on_trades(self, trades: tuple[AccountTrade, ...]) -> None:
        for trade in trades:
            if trade.account_index == self._desk.maker_account:
                self._note_fill(trade)
            else:
                self.hedges += 1
                self._desk.metrics.hedge(1)
                self._note_own(trade)
        self.changed.set()

    def _note_own(self, trade: AccountTrade) -> None:
        """Of B: what no order of ours traded (design §4.1)."""
        if not self.own.is_anchored or trade.trade_id <= self.own.anchor_id:
            return
        if trade.is_forced:
            if self._climber is not None:
                self._climber.note_forced(trade)
        elif not is_of_pair(trade.client_order_index, Role.HEDGER, self._desk.pair):
            self._pager.page("ForeignTrade", foreign_trade(trade, self._desk.market))

    def _note_fill(self, trade: AccountTrade) -> None:
        if not self.maker.is_anchored or trade.trade_id <= self.maker.anchor_id:
            return
        self.fills += 1
        self._desk.metrics.fill(1)
        if self._fill_seen_s is None:
            self._fill_seen_s = self._desk.clock.boot_s()
        self._quotes.note_fill(trade)

    def _note_cover(self) -> None:
        now_s = self._desk.clock.boot_s()
        gap = self.gap()
        if gap is not None and gap in (0, self._carried_lots) and not self._exposure.slots:
            if self._unhedged_since_s is not None:
                self.changed.set()
            self._unhedged_since_s = None
        elif self._unhedged_since_s is None:
            self._unhedged_since_s = now_s

    def report(self, state: RunnerState, *, stopping: bool) -> RunnerReport:
        missing = self._streams.missing()
        reason = self._hold or (f"the {missing[0]} stream is down" if missing else "")
        if state is RunnerState.RUNNING and reason:
            state = RunnerState.HOLDING
        return replace(
            blank_report(self._desk, RunnerState.STOPPING if stopping else state),
            reason=reason or self._waits_for or self._clock_fault or self._on_flattening(),
            reason_code=self._climber.code if self._climber is not None else "",
            token_owner=self._right.owner if self._right is not None else "",
            epoch=self._office.line.band.epoch if self._office is not None else 0,
            position_lots=self.own.position_lots,
            maker_chain_lots=self.maker.position_lots,
            last_fill_ms=self.own.newest_ms,
            maker_chain_trade_id=self.maker.head_id if self.maker.is_sound else None,
            hedger_chain_lots=self.own.position_lots,
            hedger_chain_trade_id=self.own.head_id if self.own.is_sound else None,
            gap_lots=self.gap(),
            unhedged_s=self._unhedged_s(),
            in_flight=len(self._exposure.slots),
            carried_lots=self._carried_lots,
            fills=self.fills,
            hedges=self.hedges,
        )

    def _on_flattening(self) -> str:
        """B is closed by hedging A's way to zero: alone, it would open the gap (law 2)."""
        if self._wish is not Wish.FLATTEN or self.own.position_lots is None:
            return ""
        if self.own.position_lots != self.flat_lots:
            return f"flattening: hedges account {self._desk.maker_account} on its way to zero"
        kept = self._desk.market.base(self.flat_lots)
        return f"flat but for risk.acceptedNet {kept}" if kept else ""

    def _unhedged_s(self) -> float | None:
        """For how long the gap has been open; None while it is unknown."""
        if self.gap() is None:
            return None
        since_s = self._unhedged_since_s
        return 0.0 if since_s is None else self._desk.clock.boot_s() - since_s
