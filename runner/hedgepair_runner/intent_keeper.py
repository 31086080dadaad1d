"""The open intents of a hedger: sent, settled, replaced, closed by rule (design §4.2, §4.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hedgepair_runner.desk import Desk
from hedgepair_runner.exposure import Exposure
from hedgepair_runner.foreseeing import foreseen_hedge
from hedgepair_runner.hedging import (
    TOO_SMALL,
    Hedge,
    HedgeQuestion,
    HedgerPolicy,
    NoHedge,
    decide_hedge,
    pause_s,
)
from hedgepair_runner.intent_writer import IntentWriter
from hedgepair_runner.noncing import Phase, Slot
from hedgepair_runner.office import Office
from hedgepair_runner.orders import Side, TimeInForce
from hedgepair_runner.quote_listener import QuoteListener
from hedgepair_runner.quotes import QuoteTold
from hedgepair_runner.settling import Step, fits
from hedgepair_runner.venues.venue import Lane, OrderRequest

logger = logging.getLogger(__name__)

MAX_OPEN_INTENTS = 2
TRADES_OVERDUE_S = 0.5
"""A settled intent whose order or trades were not heard of for so long is looked up."""
EQUALITY_MASTER = 1
"""Self-trade equality by master account (protocol §7.8)."""


class IntentKeeper:
    """Of one term. `on_sent` follows every hedge that left; `on_overdue` asks for the trades that
    an executed order should have made."""

    def __init__(
        self,
        desk: Desk,
        policy: HedgerPolicy,
        *,
        exposure: Exposure,
        quotes: QuoteListener,
        tasks: asyncio.TaskGroup,
        on_sent: Callable[[], None],
        on_overdue: Callable[[], None],
    ) -> None:
        self._desk = desk
        self.policy = policy
        self._exposure = exposure
        self._quotes = quotes
        self._writer = IntentWriter(desk.bus, tasks=tasks)
        self._on_sent = on_sent
        self._on_overdue = on_overdue
        self._attempt = 0
        self._tried_s = float("-inf")
        self._ioc_has_minimum = False
        self._refusals = 0
        self.is_closing = False
        """Nothing is tried again: what is open is settled, by something harmless where need be."""

    @property
    def is_refused(self) -> bool:
        """Of late the venue has refused the hedges themselves, rather than not filled them."""
        return self._refusals > 0

    # -- what is open ------------------------------------------------------------------------

    def close(self, office: Office) -> None:
        """Drops what is over: terminal, and its trades add up (†)."""
        now_s = self._desk.clock.boot_s()
        for slot in office.slots:
            traded = self._exposure.own.traded_lots(slot.client_order_index)
            if slot.is_closed(traded):
                office.line.forget(slot)
                self._closed(slot, traded)
            elif (
                slot.is_settled
                and now_s - slot.sent_s > TRADES_OVERDUE_S
                and office.look_again(slot, every_s=TRADES_OVERDUE_S)
            ):
                self._on_overdue()

    def _closed(self, slot: Slot, traded: int) -> None:
        if not slot.lots:
            return
        self._attempt = 0 if traded == slot.lots else self._attempt + 1
        if traded:
            self._refusals = 0
        elif slot.failed_hash or (slot.order is not None and "margin" in slot.order.status):
            self._refusals += 1
        self._writer.drop(slot.nonce)
        if traded != slot.lots:
            logger.info(
                "hedge filled in part",
                extra={"nonce": slot.nonce, "lots": slot.lots, "filled_lots": traded},
            )

    def settle(self, slot: Slot, office: Office) -> None:
        """Deals with the lowest open nonce (design §4.3)."""
        step = office.next_step(slot)
        if step is Step.LOOK:
            office.carrier.look(slot)
        elif step is Step.RESEND and self._still_right(slot):
            office.carrier.resend(slot, lane=Lane.HEDGE)
        elif step in (Step.RESEND, Step.OTHER):
            self._put_another(slot, office)

    def _still_right(self, slot: Slot) -> bool:
        """The same bytes may go again while their size is within what is still needed."""
        gap = None if self.is_closing else self._exposure.sendable(without=slot)
        return slot.largest_lots == 0 or (gap is not None and fits(slot, -gap))

    def _put_another(self, slot: Slot, office: Office) -> None:
        """Replaces at the same nonce: with what is right now, or with something harmless."""
        if self._desk.clock.boot_s() - slot.sent_s < pause_s(slot.sends):
            return
        if slot.refusal is not None and slot.refusal.code in TOO_SMALL:
            self._ioc_has_minimum = True
        if slot.refusal is not None or slot.failed_hash:
            self._refusals += 1
        gap = None if self.is_closing else self._exposure.sendable(without=slot)
        # An unknown gap burns the nonce, too: a chain is anchored anew only with nothing open.
        decision = None if gap is None else self.decide(gap)
        if isinstance(decision, Hedge) and fits(slot, decision.signed_lots):
            self.send(decision, office, nonce=slot.nonce)
        else:
            office.cancel_all(nonce=slot.nonce, lane=Lane.HEDGE)

    # -- what comes next ---------------------------------------------------------------------

    def may_open_another(self, office: Office) -> bool:
        if office.line.is_spent or len(office.slots) >= MAX_OPEN_INTENTS:
            return False
        lowest = office.line.lowest_unsettled
        return lowest is None or lowest.phase in (Phase.SENDING, Phase.ACCEPTED)

    def is_due(self) -> bool:
        """Whether the pause after attempts that filled nothing is over."""
        return self._desk.clock.boot_s() - self._tried_s >= pause_s(self._attempt)

    def start_over(self) -> None:
        """What stood in the way is gone: the next attempt is the first, and at once."""
        self._attempt, self._tried_s = 0, float("-inf")

    def decide(self, gap: int) -> Hedge | NoHedge:
        venue, market = self._desk.venue, self._desk.market
        own_quote = None
        if gap and not self.policy.same_master:
            own_quote = self._quotes.known.nearest_ticks(Side.of(gap), self._exposure.maker)
        # Only a capped price is compared with the book.
        book = venue.book(market.market_id) if own_quote is not None else None
        opposite = book.side(Side.of(gap)) if book is not None else ()
        question = HedgeQuestion(
            gap=gap,
            attempt=self._attempt,
            max_slippage_bps=self.policy.max_slippage_bps,
            ioc_has_minimum=self._ioc_has_minimum,
            mark_ticks=venue.mark_price_ticks(market.market_id),
            own_quote_ticks=own_quote,
            touch_ticks=opposite[0].price_ticks if opposite else None,
        )
        return decide_hedge(question, maker=self._exposure.maker, market=market)

    def send(self, hedge: Hedge, office: Office, *, nonce: int) -> None:
        request = self._request(hedge, office, nonce=nonce)
        covers_lots = hedge.covers_lots
        self._tried_s = self._desk.clock.boot_s()
        if office.line.band.start is not None:
            keep = self._writer.keep
            office.create_after(
                request, nonce=nonce, lane=Lane.HEDGE, covers_lots=covers_lots, keep=keep
            )
            self._on_sent()
            return
        slot = office.create(request, nonce=nonce, lane=Lane.HEDGE, covers_lots=covers_lots)
        self._on_sent()
        # Beside the send, never before it: the fence makes recovery safe, not this (design §4.2).
        self._writer.write(slot.newest)

    def sign_ahead(self, quote: QuoteTold, office: Office) -> None:
        """What its whole fill will need is signed while the quote rests (design §4.7)."""
        hedge = foreseen_hedge(quote, policy=self.policy, market=self._desk.market)
        if hedge is not None:
            nonce = office.line.next_nonce
            office.sign_ahead(self._request(hedge, office, nonce=nonce), nonce=nonce)

    def _request(self, hedge: Hedge, office: Office, *, nonce: int) -> OrderRequest:
        return OrderRequest(
            market_id=self._desk.market.market_id,
            client_order_index=office.index_of(nonce),
            side=hedge.side,
            size_lots=hedge.lots,
            price_ticks=hedge.price_ticks,
            time_in_force=TimeInForce.IOC,
            self_trade_equality=EQUALITY_MASTER if self.policy.same_master else 0,
        )
