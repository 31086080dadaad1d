"""The maker's one quote, from the word before its send to its end at the venue (design §5).

A cancel is not over until its order is terminal and its trades add up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hedgepair_runner.contract.identity import is_unwinding
from hedgepair_runner.contract.status import RestingOrder
from hedgepair_runner.desk import Desk
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Slot
from hedgepair_runner.office import Office
from hedgepair_runner.orders import OwnOrder, TimeInForce
from hedgepair_runner.pacing import Pacing
from hedgepair_runner.quoting import Place, QuoteDecision
from hedgepair_runner.reporter import resting_order
from hedgepair_runner.settling import Step, fits
from hedgepair_runner.teller import Teller
from hedgepair_runner.venues.venue import Lane, OrderRequest, OrdersSeen

logger = logging.getLogger(__name__)

EXPIRY_SPARE_S = 600
"""A quote lives at the venue no longer than its timeout and this (protocol §7.6: ≥ 5 min)."""
ORDER_OVERDUE_S = 0.5


class QuoteKeeper:
    """Of one term. `decide` and `is_forbidden` are asked again whenever time has passed; `on_ended`
    follows each quote's end, `on_overdue` asks for trades that an executed order should have made.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        own: Chain,
        teller: Teller,
        tasks: asyncio.TaskGroup,
        decide: Callable[[], QuoteDecision],
        is_forbidden: Callable[[], bool],
        on_changed: Callable[[], None],
        on_ended: Callable[[], None],
        on_overdue: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._own = own
        self._teller = teller
        self._tasks = tasks
        self._decide = decide
        self._is_forbidden = is_forbidden
        self._on_changed = on_changed
        self._on_ended = on_ended
        self._on_overdue = on_overdue
        self._pacing = Pacing()
        self._spare_nonce: int | None = None
        self._cancelled_s: float | None = None
        self._since_s = 0.0
        self._is_ioc = False
        self.quote: Slot | None = None
        self.is_placing = False

    @property
    def live(self) -> OwnOrder | None:
        """The order at the venue, once it was heard of."""
        return self.quote.order if self.quote is not None else None

    @property
    def resting_since_s(self) -> float:
        """For how long the quote has been out, in seconds."""
        return self._now_s() - self._since_s

    @property
    def ticks_back(self) -> int:
        return self._pacing.ticks_back

    def is_awaited(self, office: Office) -> bool:
        """Something of ours is under way: its outcome comes before the next decision."""
        quote = self.quote
        if quote is not None and (quote.order is None or quote.order.is_terminal):
            return True
        return any(not slot.is_settled and not slot.wants_other for slot in office.slots)

    def is_line_free(self, office: Office) -> bool:
        """Whether another transaction may take the next nonce: none of ours is on its way."""
        lowest = office.line.lowest_unsettled
        is_open = lowest is not None and not (lowest.wants_other and lowest is not self.quote)
        return not (self.is_placing or is_open)

    def look_for_missing(self, snapshot: OrdersSeen, office: Office) -> None:
        """A quote that a list of open orders lacks ended while the stream was down."""
        quote = self.quote
        if quote is None or quote.order is None or quote.order.is_terminal:
            return
        listed = {order.client_order_index for order in snapshot.orders}
        if quote.client_order_index not in listed:
            office.carrier.look(quote)

    # -- what is open ------------------------------------------------------------------------

    def close(self, office: Office) -> None:
        """Drops what is over: terminal, and its trades add up (†)."""
        for slot in office.slots:
            undoes = is_unwinding(slot.client_order_index)
            if slot.is_closed(self._own.traded_lots(slot.client_order_index)):
                office.line.forget(slot)
                if slot is self.quote:
                    self._ended(slot, office)
                continue
            is_live = slot.order is not None and not slot.order.is_terminal
            if self.quote is None and is_live and not undoes:
                # A copy of refused bytes was accepted after all (†).
                self.quote = slot
            if self._is_overdue(slot) and office.look_again(slot, every_s=ORDER_OVERDUE_S):
                self._on_overdue()

    def _is_overdue(self, slot: Slot) -> bool:
        """Executed, but its order is unheard of, or its trades do not add up."""
        if not slot.is_settled or self._now_s() - slot.sent_s < ORDER_OVERDUE_S:
            return False
        return slot.order is None or slot.order.is_terminal

    def _ended(self, slot: Slot, office: Office) -> None:
        order = slot.order
        self.quote = None
        self._cancelled_s = None
        status = order.status if order is not None else "failed"
        filled_lots = order.filled_lots if order is not None else 0
        self._pacing.ended(status, now_s=self._now_s(), missed=self._is_ioc and filled_lots == 0)
        self._on_ended()
        logger.info("quote ended", extra={"status": status, "filled_lots": filled_lots})
        self.tell_gone(slot.client_order_index, office)

    def settle(self, slot: Slot, office: Office) -> bool:
        """Deals with the lowest open nonce. True: a new decision may follow."""
        step = office.next_step(slot)
        if step is Step.LOOK:
            office.carrier.look(slot)
        elif step is Step.RESEND and slot is self.quote and self._is_forbidden():
            office.cancel_all(nonce=slot.nonce)
        elif step is Step.RESEND:
            office.carrier.resend(slot, lane=Lane.CANCEL)
        elif step is Step.OTHER:
            return self._make_room(slot, office)
        return False

    def _make_room(self, slot: Slot, office: Office) -> bool:
        """A refused transaction: its nonce goes to the next one, whatever that is."""
        if slot is self.quote:
            self._refused(slot, office)
            return True
        if self.quote is None or self._now_s() - slot.sent_s >= ORDER_OVERDUE_S:
            return True
        # A cancel was refused: most likely its order has just ended. The lists tell.
        office.look_again(self.quote, every_s=ORDER_OVERDUE_S)
        return False

    def _refused(self, slot: Slot, office: Office) -> None:
        self.quote = None
        self._pacing.refused(now_s=self._now_s())
        code = slot.refusal.code if slot.refusal is not None else None
        logger.warning("quote refused", extra={"code": code})
        self.tell_gone(slot.client_order_index, office)

    # -- doing -------------------------------------------------------------------------------

    def place(self, place: Place, office: Office, *, timeout_s: float) -> None:
        """Begins to place, unless the last quote failed just now."""
        if self._pacing.is_due(self._now_s()):
            self.is_placing = True
            self._tasks.create_task(self._place(place, office, timeout_s), name="place")

    async def _place(self, place: Place, office: Office, timeout_s: float) -> None:
        """Told first, then sent (design §8); everything is asked again after the wait."""
        try:
            lowest = office.line.lowest_unsettled
            if lowest is not None and not fits(lowest, place.signed_lots):
                office.cancel_all(nonce=lowest.nonce)
                return
            nonce = self.take_nonce(office)
            index = office.index_of(nonce)
            epoch = office.line.band.epoch
            # What never rests can meet no hedge: the hedger need not keep clear of it.
            is_told = place.is_ioc or await self._teller.tell(
                place, client_order_index=index, epoch=epoch
            )
            # The open nonce may have been settled during the wait: it is not used twice.
            is_free = office.line.lowest_unsettled is lowest
            if is_told and is_free and self._decide() == place and self._desk.leaser.is_valid():
                self._send(place, office, nonce=nonce, timeout_s=timeout_s)
                return
            if lowest is None:
                self._spare_nonce = nonce
            if is_told:
                self.tell_gone(index, office)
        finally:
            self.is_placing = False

    def take_nonce(self, office: Office) -> int:
        """The nonce that a refusal left open, the one kept from last time, or the next."""
        lowest = office.line.lowest_unsettled
        if lowest is not None:
            return lowest.nonce
        nonce, self._spare_nonce = self._spare_nonce, None
        return office.line.open() if nonce is None else nonce

    def _send(self, place: Place, office: Office, *, nonce: int, timeout_s: float) -> None:
        desk = self._desk
        lives_ms = int((timeout_s + EXPIRY_SPARE_S) * 1_000)
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
        # A step of a closing ends a risk: its budget is not that of a quote.
        lane = Lane.FLATTEN if place.is_ioc else Lane.QUOTE
        self._is_ioc = place.is_ioc
        self.quote = office.create(request, nonce=nonce, lane=lane)
        self._since_s = self._now_s()
        self._on_changed()

    def cancel(self, reason: str, office: Office) -> None:
        quote = self.quote
        if quote is None or quote.order is None:
            raise AssertionError("only a live quote is cancelled")
        now_s = self._now_s()
        if self._cancelled_s is None:
            logger.info("cancelling quote", extra={"reason": reason})
            office.cancel(quote.order, nonce=self.take_nonce(office))
        elif now_s - self._cancelled_s >= ORDER_OVERDUE_S:
            # The first cancel did not end it, or its end was not heard of, as when a frame was
            # lost or the look-up after a reconnect failed: look, and take all of the market.
            logger.info("cancelling quote once more", extra={"reason": reason})
            office.look_again(quote, every_s=ORDER_OVERDUE_S)
            office.cancel_all(nonce=self.take_nonce(office))
        else:
            return
        self._cancelled_s = now_s

    def tell_gone(self, client_order_index: int, office: Office) -> None:
        """Of one quote, or of all with index 0: it is proved that they cannot rest."""
        self._tasks.create_task(
            self._teller.tell_gone(client_order_index, epoch=office.line.band.epoch),
            name="tell-gone",
        )

    def resting(self) -> tuple[RestingOrder, ...]:
        """For the report: the quote, as it rests or is being placed."""
        if self.quote is None:
            return ()
        traded_lots = self._own.traded_lots(self.quote.client_order_index)
        placed_ms = self._desk.clock.wall_ms() - int(self.resting_since_s * 1_000)
        return (resting_order(self.quote, traded_lots=traded_lots, placed_ms=placed_ms),)

    def _now_s(self) -> float:
        return self._desk.clock.boot_s()
