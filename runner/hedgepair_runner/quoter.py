"""The maker's loop: rests one order at a time and tells of every fill at once (design §5).

A fill is published before anything else is done. A cancel is not over until its order is terminal
at the venue and its trades add up; what it filled meanwhile is published like any other.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from hedgepair_runner.bookkeeper import Bookkeeper
from hedgepair_runner.bus import BusEvent
from hedgepair_runner.contract.status import RestingOrder, RunnerReport, RunnerState
from hedgepair_runner.cover_watcher import CoverWatcher
from hedgepair_runner.desk import Desk, Streams
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Band, Slot
from hedgepair_runner.office import Office
from hedgepair_runner.orders import AccountTrade, TimeInForce
from hedgepair_runner.pacing import Pacing
from hedgepair_runner.quoting import (
    Cancel,
    Place,
    QuoteDecision,
    QuotePolicy,
    QuoteQuestion,
    Wait,
    decide_quotes,
    standing_obstacles,
)
from hedgepair_runner.reporter import blank_report, resting_order
from hedgepair_runner.settling import Step, fits
from hedgepair_runner.tally import Tally
from hedgepair_runner.teller import Teller
from hedgepair_runner.venues.venue import (
    Lane,
    OrderRequest,
    OrdersSeen,
    PositionsSeen,
    TradesSeen,
    VenueEvent,
)
from hedgepair_runner.withdrawal import prove_withdrawn

logger = logging.getLogger(__name__)

TICK_S = 0.05
EXPIRY_SPARE_S = 600
"""A quote lives at the venue no longer than its timeout and this (protocol §7.6: ≥ 5 min)."""
ORDER_OVERDUE_S = 0.5


class Quoter:
    """One term of office: from a fenced band until the lease or the process ends."""

    def __init__(
        self,
        desk: Desk,
        policy: QuotePolicy,
        *,
        needs_cover: bool,
        streams: Streams,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._desk = desk
        self.policy = policy
        self._needs_cover = needs_cover
        self._streams = streams
        self._tasks = tasks
        self.own = Chain(account_index=desk.maker_account, market_id=desk.market.market_id)
        self.books = Bookkeeper(
            desk.venue,
            {desk.maker_account: self.own},
            clock=desk.clock,
            metrics=desk.metrics,
            on_trades=self._on_trades,
            may_reanchor=lambda: self._quote is None,
        )
        self._office: Office | None = None
        self._quote: Slot | None = None
        self._quote_since_s = 0.0
        self._placing = False
        self._spare_nonce: int | None = None
        self._cancelled_s: float | None = None
        self._pacing = Pacing()
        self._cover = CoverWatcher(desk.bus)
        self._teller = Teller(desk.bus, clock=desk.clock, on_told=self.step)
        self._tally = Tally()
        self._reason = ""
        self.forbidden_by_order = ""
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
                self._look_for_missing(event)
        self.step()

    def on_bus(self, event: BusEvent) -> None:
        self.step()

    def _look_for_missing(self, snapshot: OrdersSeen) -> None:
        """A quote that a list of open orders lacks ended while the stream was down."""
        quote = self._quote
        if quote is None or quote.order is None or quote.order.is_terminal:
            return
        listed = {order.client_order_index for order in snapshot.orders}
        if quote.client_order_index not in listed:
            self._office_up.carrier.look(quote)

    # -- a term ------------------------------------------------------------------------------

    def begin(self, band: Band) -> None:
        """After the fence and the read: from here on it may act."""
        self._office = Office(self._desk, band, tasks=self._tasks, on_news=self.step)
        self._tell_gone(0)  # the fence cancelled whatever a predecessor rested
        self.step()

    async def act(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="tick")
            if self._needs_cover:
                watching = self._cover.run(
                    is_waiting=lambda: self._quote is None, on_news=self.step
                )
                tasks.create_task(watching, name="watch-cover")

    async def wind_down(self) -> None:
        """Cancels, waits for proof, publishes (design §7)."""
        self.forbidden_by_order = "stopping"
        self.step()
        while not self.is_withdrawn():
            await asyncio.sleep(TICK_S)
        office = self._office
        if office is not None:
            await prove_withdrawn(self._desk, office, take_nonce=lambda: self._take_nonce(office))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self._teller.publish_again()
            self.step()

    def is_withdrawn(self) -> bool:
        """No order of ours can rest or come to rest, and every fill was told."""
        return self._quote is None and not self._placing and not self._teller.has_untold

    @property
    def is_spent(self) -> bool:
        return self._office is not None and self._office.line.is_spent

    # -- deciding ----------------------------------------------------------------------------

    def step(self) -> None:
        office = self._office
        if office is None or not self._desk.leaser.is_valid():
            return
        self._close_slots(office)
        lowest = office.line.lowest_unsettled
        if lowest is not None and not self._settle(lowest, office):
            return
        if self._placing or self._is_awaited(office):
            return
        self._carry_out(self._decide(), office)

    def _decide(self) -> QuoteDecision:
        now_s = self._now_s()
        market_id = self._desk.market.market_id
        live = self._quote.order if self._quote is not None else None
        question = QuoteQuestion(
            position_lots=self.own.position_lots,
            last_trade_id=self.own.last_trade_id,
            book=self._desk.venue.book(market_id),
            mark_ticks=self._desk.venue.mark_price_ticks(market_id),
            forbidden=self._forbidden(),
            needs_cover=self._needs_cover,
            cover=self._cover.cover,
            live=live,
            resting_since_s=now_s - self._quote_since_s,
            ticks_back=self._pacing.ticks_back,
        )
        return decide_quotes(question, policy=self.policy, market=self._desk.market)

    def _forbidden(self) -> tuple[str, ...]:
        """Why nothing may rest, most telling first (law 4)."""
        untold = ("a fill is not published yet",) if self._teller.has_untold else ()
        return self._standing_obstacles() + untold

    def _standing_obstacles(self) -> tuple[str, ...]:
        return standing_obstacles(
            order=self.forbidden_by_order,
            redis_age_s=self._desk.leaser.renewed_age_s(),
            streams_down=self._streams.missing(),
            band_is_spent=self.is_spent,
        )

    def _is_awaited(self, office: Office) -> bool:
        """Something of ours is under way: its outcome comes before the next decision."""
        quote = self._quote
        if quote is not None and (quote.order is None or quote.order.is_terminal):
            return True
        return any(not slot.is_settled and not slot.wants_other for slot in office.slots)

    def _carry_out(self, decision: QuoteDecision, office: Office) -> None:
        self._reason = decision.reason if isinstance(decision, Wait | Cancel) else ""
        if isinstance(decision, Cancel):
            self._cancel(decision.reason, office)
        elif isinstance(decision, Place) and self._pacing.is_due(self._now_s()):
            self._placing = True
            self._tasks.create_task(self._place(decision, office), name="place")

    # -- slots -------------------------------------------------------------------------------

    def _close_slots(self, office: Office) -> None:
        for slot in office.slots:
            if slot.is_closed(self.own.traded_lots(slot.client_order_index)):
                office.line.forget(slot)
                if slot is self._quote:
                    self._quote_ended(slot)
                continue
            if self._quote is None and slot.order is not None and not slot.order.is_terminal:
                # A copy of refused bytes was accepted after all (†).
                self._quote = slot
            if self._is_overdue(slot) and office.look_again(slot, every_s=ORDER_OVERDUE_S):
                self._tasks.create_task(self.books.backfill(self.own.account_index))

    def _is_overdue(self, slot: Slot) -> bool:
        """Executed, but its order is unheard of, or its trades do not add up."""
        if not slot.is_settled or self._now_s() - slot.sent_s < ORDER_OVERDUE_S:
            return False
        return slot.order is None or slot.order.is_terminal

    def _quote_ended(self, slot: Slot) -> None:
        order = slot.order
        self._quote = None
        self._cover.look_now()
        self._cancelled_s = None
        status = order.status if order is not None else "failed"
        filled_lots = order.filled_lots if order is not None else 0
        self._pacing.ended(status, now_s=self._now_s())
        self.changed.set()
        logger.info("quote ended", extra={"status": status, "filled_lots": filled_lots})
        self._tell_gone(slot.client_order_index)

    def _settle(self, slot: Slot, office: Office) -> bool:
        """Deals with the lowest open nonce. True: a new decision may follow."""
        step = office.next_step(slot)
        if step is Step.LOOK:
            office.carrier.look(slot)
        elif step is Step.RESEND and slot is self._quote and self._forbidden():
            office.cancel_all(nonce=slot.nonce)
        elif step is Step.RESEND:
            office.carrier.resend(slot, lane=Lane.CANCEL)
        elif step is Step.OTHER:
            return self._make_room(slot, office)
        return False

    def _make_room(self, slot: Slot, office: Office) -> bool:
        """A refused transaction: its nonce goes to the next one, whatever that is."""
        if slot is self._quote:
            self._quote_refused(slot)
            return True
        if self._quote is None or self._now_s() - slot.sent_s >= ORDER_OVERDUE_S:
            return True
        # A cancel was refused: most likely its order has just ended. The lists tell.
        office.look_again(self._quote, every_s=ORDER_OVERDUE_S)
        return False

    def _quote_refused(self, slot: Slot) -> None:
        self._quote = None
        self._pacing.refused(now_s=self._now_s())
        code = slot.refusal.code if slot.refusal is not None else None
        logger.warning("quote refused", extra={"code": code})
        self._tell_gone(slot.client_order_index)

    # -- doing -------------------------------------------------------------------------------

    async def _place(self, place: Place, office: Office) -> None:
        """Told first, then sent (design §8); everything is asked again after the wait."""
        try:
            lowest = office.line.lowest_unsettled
            if lowest is not None and not fits(lowest, place.signed_lots):
                office.cancel_all(nonce=lowest.nonce)
                return
            nonce = self._take_nonce(office)
            index = office.index_of(nonce)
            epoch = office.line.band.epoch
            is_told = await self._teller.tell(place, client_order_index=index, epoch=epoch)
            # The open nonce may have been settled during the wait: it is not used twice.
            is_free = office.line.lowest_unsettled is lowest
            if is_told and is_free and self._decide() == place and self._desk.leaser.is_valid():
                self._send(place, office, nonce=nonce)
                return
            if lowest is None:
                self._spare_nonce = nonce
            if is_told:
                self._tell_gone(index)
        finally:
            self._placing = False

    def _take_nonce(self, office: Office) -> int:
        """The nonce that a refusal left open, the one kept from last time, or the next."""
        lowest = office.line.lowest_unsettled
        if lowest is not None:
            return lowest.nonce
        nonce, self._spare_nonce = self._spare_nonce, None
        return office.line.open() if nonce is None else nonce

    def _send(self, place: Place, office: Office, *, nonce: int) -> None:
        desk = self._desk
        lives_ms = int((self.policy.timeout_s + EXPIRY_SPARE_S) * 1_000)
        request = OrderRequest(
            market_id=desk.market.market_id,
            client_order_index=office.index_of(nonce),
            side=place.side,
            size_lots=place.lots,
            price_ticks=place.price_ticks,
            time_in_force=TimeInForce.IOC if place.is_ioc else TimeInForce.POST_ONLY,
            reduce_only=place.reduce_only,
            expiry_ms=0 if place.is_ioc else desk.clock.wall_ms() + lives_ms,
        )
        self._quote = office.create(request, nonce=nonce, lane=Lane.QUOTE)
        self._quote_since_s = desk.clock.boot_s()
        self.changed.set()

    def _cancel(self, reason: str, office: Office) -> None:
        quote = self._quote
        if quote is None or quote.order is None:
            raise AssertionError("only a live quote is cancelled")
        now_s = self._now_s()
        if self._cancelled_s is None:
            logger.info("cancelling quote", extra={"reason": reason})
            office.cancel(quote.order, nonce=self._take_nonce(office))
        elif now_s - self._cancelled_s >= ORDER_OVERDUE_S:
            # The first cancel did not end it, or its end was not heard of, as when a frame was
            # lost or the look-up after a reconnect failed: look, and take all of the market.
            logger.info("cancelling quote once more", extra={"reason": reason})
            office.look_again(quote, every_s=ORDER_OVERDUE_S)
            office.cancel_all(nonce=self._take_nonce(office))
        else:
            return
        self._cancelled_s = now_s

    def _now_s(self) -> float:
        return self._desk.clock.boot_s()

    @property
    def _office_up(self) -> Office:
        if self._office is None:
            raise AssertionError("nothing is signed before the term began")
        return self._office

    # -- telling -----------------------------------------------------------------------------

    def _on_trades(self, trades: tuple[AccountTrade, ...]) -> None:
        self._teller.add(trades)
        self._tasks.create_task(self._teller.publish(), name="publish-fills")
        self._desk.metrics.fill(self._tally.add(trades, self.own))
        self.changed.set()

    def _tell_gone(self, client_order_index: int) -> None:
        self._tasks.create_task(
            self._teller.tell_gone(client_order_index, epoch=self._office_up.line.band.epoch),
            name="tell-gone",
        )

    def report(self, state: RunnerState, *, stopping: bool) -> RunnerReport:
        if state is RunnerState.RUNNING and self._standing_obstacles():
            state = RunnerState.HOLDING
        return replace(
            blank_report(self._desk, RunnerState.STOPPING if stopping else state),
            reason=self._reason,
            epoch=self._office.line.band.epoch if self._office is not None else 0,
            position_lots=self.own.position_lots,
            maker_chain_lots=self.own.position_lots,
            maker_chain_trade_id=self.own.last_trade_id if self.own.is_sound else None,
            resting=self._resting(),
            fills=self._tally.fills,
            rounds=self._tally.rounds,
        )

    def _resting(self) -> tuple[RestingOrder, ...]:
        if self._quote is None:
            return ()
        traded_lots = self.own.traded_lots(self._quote.client_order_index)
        age_ms = int((self._now_s() - self._quote_since_s) * 1_000)
        placed_ms = self._desk.clock.wall_ms() - age_ms
        return (resting_order(self._quote, traded_lots=traded_lots, placed_ms=placed_ms),)
