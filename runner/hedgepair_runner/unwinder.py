"""The maker's part in the right to act: acknowledges, undoes on A, hands back (design §6).

Its orders live in the maker's own office, by the same rules as any; while one is open, nothing is
quoted, and neither an acknowledgement nor a hand-back is written (†).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from hedgepair_runner.acting import MakerRight, Token, position_of
from hedgepair_runner.contract.identity import is_unwinding, unwinding_order_index
from hedgepair_runner.desk import Desk, Streams
from hedgepair_runner.hedging import pause_s
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Slot
from hedgepair_runner.office import Office
from hedgepair_runner.orders import TimeInForce
from hedgepair_runner.pager import Pager
from hedgepair_runner.settling import Step, fits
from hedgepair_runner.token_watcher import TokenWatcher
from hedgepair_runner.unwinding import (
    Done,
    NotYet,
    Proof,
    Undo,
    UnwindQuestion,
    decide_unwinding,
)
from hedgepair_runner.venues.venue import Lane, OrderRequest, VenueUnavailable

logger = logging.getLogger(__name__)

PROVE_AGAIN_S = 0.3
RETIRE_WITHIN_S = 1.5


class Unwinder:
    """Of one term. `is_clear`: no quote rests or is being placed. `bound_bps` is asked anew."""

    def __init__(
        self,
        desk: Desk,
        *,
        own: Chain,
        streams: Streams,
        tasks: asyncio.TaskGroup,
        bound_bps: Callable[[], int],
        is_clear: Callable[[], bool],
        is_hasty: Callable[[], bool],
        take_nonce: Callable[[Office], int],
        on_news: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._own = own
        self._streams = streams
        self._tasks = tasks
        self._bound_bps = bound_bps
        self._is_clear = is_clear
        self._take_nonce = take_nonce
        self._on_news = on_news
        self._pager = Pager(desk.bus, clock=desk.clock, tasks=tasks)
        self._right: MakerRight | None = None
        self._office: Office | None = None
        self._lent: Token | None = None
        """What is being worked on; the rest is of this record."""
        self._lent_s = 0.0
        self._proof: Proof | None = None
        self._is_proving = False
        self._proved_s = float("-inf")
        self._sent: Slot | None = None
        self._attempt = 0
        self._tried_s = float("-inf")
        self._is_refused = False
        self._is_done = False
        self._is_stopping = False
        self._is_retiring = False
        self._retired = asyncio.Event()
        self.undone = 0
        """Attempts that traded."""
        self._watcher = TokenWatcher(
            desk.tokens,
            desk.leaser,
            hear=self._hear,
            is_hasty=lambda: self.is_engaged or is_hasty(),
            on_news=on_news,
        )

    def begin(self, office: Office) -> None:
        self._office = office
        self._right = MakerRight(epoch=office.line.band.epoch)

    async def run(self) -> None:
        await self._watcher.run()

    def stop(self) -> None:
        """Undoes nothing more: closes what is open and hands back."""
        self._is_stopping = True
        self._watcher.look_now()

    async def retire(self) -> None:
        """The last word of a maker that stops in order: a hedger need not wait for another. Costs
        that much if it is not said, so Redis is given a moment and no more."""
        self._is_retiring = True
        self._watcher.look_now()
        with suppress(TimeoutError):
            async with asyncio.timeout(RETIRE_WITHIN_S):
                await self._retired.wait()

    @property
    def is_engaged(self) -> bool:
        """It has the right to act, or an order of it is still open."""
        return self._has_right or self._is_open()

    @property
    def _has_right(self) -> bool:
        return self._right is not None and self._right.lent is not None

    def _is_open(self) -> bool:
        slots = [] if self._office is None else self._office.slots
        return any(is_unwinding(slot.client_order_index) for slot in slots)

    def is_closed(self) -> bool:
        """Nothing of it can trade any more."""
        return not self._is_open()

    # -- the record --------------------------------------------------------------------------

    def _hear(self, stored: Token | None) -> Token | None:
        if self._right is None:
            return None
        is_clear = not self._is_open() and self._is_clear()
        position = position_of(self._own)
        if self._is_retiring and is_clear and position is not None:
            last_word = self._right.retire(stored, position)
            if last_word is None:
                self._retired.set()
            return last_word
        return self._right.hear(
            stored,
            is_clear=is_clear,
            is_done=(self._is_done and stored == self._lent) or self._is_stopping,
            position=position,
        )

    # -- the work ----------------------------------------------------------------------------

    def step(self, office: Office) -> bool:
        """True: the office is in use here, and nothing else may be decided."""
        self._note_end()
        lowest = office.line.lowest_unsettled
        if lowest is not None and is_unwinding(lowest.client_order_index):
            self._settle(lowest, office)
            return True
        if lowest is not None and office.next_step(lowest) is not Step.OTHER:
            return False
        if self._is_open():
            return True
        lent = self._right.lent if self._right is not None else None
        if lent is None or not self._is_clear():
            return False
        if lent != self._lent:
            self._take_up(lent)
        self._undo(office)
        return True

    def _take_up(self, lent: Token) -> None:
        logger.warning("undoing on A", extra={"gap_lots": lent.errand and lent.errand.gap_lots})
        self._lent = lent
        self._lent_s = self._desk.clock.boot_s()
        self._proof = None
        self._attempt, self._tried_s = 0, float("-inf")
        self._is_refused = self._is_done = False

    def _undo(self, office: Office) -> None:
        now_s = self._desk.clock.boot_s()
        decision = self._decide()
        if isinstance(decision, Done):
            if not self._is_done:
                self._finish(decision)
        elif isinstance(decision, NotYet):
            if decision.needs_proof:
                self._prove()
        elif now_s - self._tried_s >= pause_s(self._attempt) and not self._is_stopping:
            self._send(decision, office)

    def _finish(self, done: Done) -> None:
        self._is_done = True
        self._watcher.look_now()
        if done.left_lots:
            market = self._desk.market
            self._pager.page(
                "Unhedged",
                f"{market.base(done.left_lots)} {market.symbol} could neither be hedged nor be "
                f"undone on the maker's account: {done.reason}. The hedger tries again.",
            )
        logger.warning("undone", extra={"reason": done.reason, "left_lots": done.left_lots})

    def _decide(self) -> Undo | NotYet | Done:
        lent = self._lent
        if lent is None or lent.errand is None:
            return Done(reason="nothing was asked for")
        question = UnwindQuestion(
            errand=lent.errand,
            position_lots=self._own.position_lots,
            proof=self._proof,
            mark_ticks=self._desk.venue.mark_price_ticks(self._desk.market.market_id),
            obstacles=tuple(f"the {name} stream is down" for name in self._streams.missing()),
            bound_bps=self._bound_bps(),
            now_s=self._desk.clock.boot_s(),
            lent_s=self._lent_s,
            is_refused=self._is_refused,
        )
        return decide_unwinding(question, market=self._desk.market)

    def _send(self, undo: Undo, office: Office) -> None:
        lowest = office.line.lowest_unsettled
        if lowest is not None and not fits(lowest, undo.signed_lots):
            office.cancel_all(nonce=lowest.nonce, lane=Lane.FLATTEN)
            return
        nonce = self._take_nonce(office)
        request = OrderRequest(
            market_id=self._desk.market.market_id,
            client_order_index=unwinding_order_index(self._desk.pair, nonce),
            side=undo.side,
            size_lots=undo.lots,
            price_ticks=undo.price_ticks,
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
        )
        self._sent = office.create(request, nonce=nonce, lane=Lane.FLATTEN)
        self._tried_s = self._desk.clock.boot_s()
        # What was read before this order says nothing after it.
        self._proof = None

    def _settle(self, slot: Slot, office: Office) -> None:
        """As any nonce (design §4.3), but what is not asked for any more is burnt."""
        step = office.next_step(slot)
        if step is Step.LOOK:
            office.carrier.look(slot)
        elif step is Step.RESEND and self._is_still_right(slot):
            office.carrier.resend(slot, lane=Lane.FLATTEN)
        elif step in (Step.RESEND, Step.OTHER):
            if self._desk.clock.boot_s() - slot.sent_s < pause_s(slot.sends):
                return
            self._is_refused = self._is_refused or slot.refusal is not None
            office.cancel_all(nonce=slot.nonce, lane=Lane.FLATTEN)

    def _is_still_right(self, slot: Slot) -> bool:
        if slot.largest_lots == 0:
            return True
        if not self._has_right or self._is_stopping:
            return False
        decision = self._decide()
        # The proof was spent on this very order: what is wanted is as it was when it was signed.
        if isinstance(decision, NotYet) and decision.needs_proof:
            self._prove()
        return isinstance(decision, Undo) and fits(slot, decision.signed_lots)

    def _note_end(self) -> None:
        """An attempt is over when its slot was dropped: terminal, and its trades add up (†)."""
        sent, office = self._sent, self._office
        if sent is None or office is None or sent.nonce in office.line.slots:
            return
        self._sent = None
        has_traded = self._own.traded_lots(sent.client_order_index) != 0
        self.undone += has_traded
        self._attempt = 0 if has_traded else self._attempt + 1

    def _prove(self) -> None:
        now_s = self._desk.clock.boot_s()
        if self._is_proving or now_s - self._proved_s < PROVE_AGAIN_S:
            return
        self._is_proving = True
        self._tasks.create_task(self._read_both(), name="prove-positions")

    async def _read_both(self) -> None:
        lent, head_id = self._lent, self._own.head_id
        try:
            if lent is None or lent.errand is None:
                return
            venue, market_id = self._desk.venue, self._desk.market.market_id
            maker = await venue.read_account(self._desk.maker_account)
            hedger = await venue.read_account(lent.errand.hedger_account)
        except VenueUnavailable:
            return
        else:
            if self._lent is lent and self._own.head_id == head_id:
                self._proof = Proof(
                    maker_lots=maker.positions_lots.get(market_id, 0),
                    hedger_lots=hedger.positions_lots.get(market_id, 0),
                    read_s=self._desk.clock.boot_s(),
                )
        finally:
            self._is_proving = False
            self._proved_s = self._desk.clock.boot_s()
            self._on_news()
