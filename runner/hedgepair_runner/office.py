"""A term's means: the line of nonces of one fenced band, and the carrier that sends along it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hedgepair_runner.ahead_signer import AheadSigner
from hedgepair_runner.carrier import Carrier
from hedgepair_runner.contract.identity import client_order_index
from hedgepair_runner.desk import Desk
from hedgepair_runner.noncing import Alternative, Band, Line, Slot
from hedgepair_runner.orders import OwnOrder
from hedgepair_runner.settling import Step, next_step
from hedgepair_runner.venues.venue import (
    Lane,
    OrderRequest,
    OrdersSeen,
    VenueEvent,
    VerdictsSeen,
)


class Office:
    """Exists from the fence on: whoever has one may sign, while the lease is valid."""

    def __init__(
        self, desk: Desk, band: Band, *, tasks: asyncio.TaskGroup, on_news: Callable[[], None]
    ) -> None:
        self._desk = desk
        self.line = Line(band)
        self.carrier = Carrier(
            desk.venue,
            self.line,
            desk.leaser,
            clock=desk.clock,
            metrics=desk.metrics,
            tasks=tasks,
            on_news=on_news,
        )
        self._signer = AheadSigner(desk.venue.signer, clock=desk.clock)
        desk.metrics.epoch(band.epoch)
        desk.bus.epoch = band.epoch

    @property
    def slots(self) -> list[Slot]:
        return list(self.line.slots.values())

    def note(self, event: VenueEvent) -> None:
        """Orders and verdicts go to their slots; other events are not ours."""
        if isinstance(event, OrdersSeen):
            for order in event.orders:
                self.line.order_seen(order)
        elif isinstance(event, VerdictsSeen):
            for verdict in event.verdicts:
                self.line.judged(verdict)

    def next_step(self, slot: Slot) -> Step:
        """What the rules of an open nonce ask for, by the clocks of now."""
        return next_step(
            slot,
            now_s=self._desk.clock.boot_s(),
            wall_ms=self._desk.clock.wall_ms(),
            looked_s=self.carrier.looked_s.get(slot.nonce),
        )

    def look_again(self, slot: Slot, *, every_s: float) -> bool:
        """Looks a slot up unless that was done just now. True: a look-up has begun."""
        looked_s = self.carrier.looked_s.get(slot.nonce)
        if looked_s is not None and self._desk.clock.boot_s() - looked_s < every_s:
            return False
        self.carrier.look(slot)
        return True

    def index_of(self, nonce: int) -> int:
        return client_order_index(self._desk.role, self._desk.pair, nonce)

    def create(
        self, request: OrderRequest, *, nonce: int, lane: Lane, covers_lots: int = 0
    ) -> Slot:
        """Signs an order and hands it over. Raises LeaseLost instead of signing without a lease."""
        return self.carrier.dispatch(self._signed(request, nonce, covers_lots), lane=lane)

    def create_after(
        self,
        request: OrderRequest,
        *,
        nonce: int,
        lane: Lane,
        covers_lots: int,
        keep: Callable[[Alternative], Coroutine[Any, Any, bool]],
    ) -> Slot:
        """The same, handed over once `keep` has its record safe (design §4.2: without a fence)."""
        alternative = self._signed(request, nonce, covers_lots)
        return self.carrier.dispatch_after(alternative, lane=lane, kept=keep(alternative))

    def _signed(self, request: OrderRequest, nonce: int, covers_lots: int) -> Alternative:
        self.carrier.check_lease()
        return Alternative(
            signed=self._signer.create(request, nonce=nonce),
            lots=request.side * request.size_lots,
            client_order_index=request.client_order_index,
            price_ticks=request.price_ticks,
            covers_lots=covers_lots,
        )

    def sign_ahead(self, request: OrderRequest, *, nonce: int) -> None:
        """Signs what will probably be wanted next; it is sent only if exactly that is asked for."""
        self.carrier.check_lease()
        self._signer.foresee(request, nonce=nonce)

    def cancel(self, order: OwnOrder, *, nonce: int) -> Slot:
        self.carrier.check_lease()
        signed = self._desk.venue.signer.cancel(
            market_id=order.market_id, order_index=order.order_index, nonce=nonce
        )
        return self.carrier.dispatch(Alternative(signed=signed), lane=Lane.CANCEL)

    def schedule_cancel_all(self, *, at_ms: int, nonce: int) -> Slot:
        """The dead man's switch of the whole account: fires then, unless it is renewed."""
        self.carrier.check_lease()
        signed = self._desk.venue.signer.schedule_cancel_all(at_ms=at_ms, nonce=nonce)
        return self.carrier.dispatch(Alternative(signed=signed), lane=Lane.FLATTEN)

    def abort_cancel_all(self, *, nonce: int) -> Slot:
        """Takes the schedule away."""
        self.carrier.check_lease()
        signed = self._desk.venue.signer.abort_cancel_all(nonce=nonce)
        return self.carrier.dispatch(Alternative(signed=signed), lane=Lane.FLATTEN)

    def cancel_all(self, *, nonce: int, lane: Lane = Lane.CANCEL) -> Slot:
        """Of this market, at this nonce. Where nothing rests it is the harmless transaction that
        settles a nonce (design §4.3); where something rests it takes it away."""
        self.carrier.check_lease()
        signed = self._desk.venue.signer.cancel_all(
            market_id=self._desk.market.market_id, nonce=nonce, skip_nonce=False
        )
        return self.carrier.dispatch(Alternative(signed=signed), lane=lane)
