"""Carries transactions to the venue and finds out what became of them.

Sign first, send after, under a valid lease and within the band (law 5). Every answer, verdict and
order goes into the line's slots; the rules that read them decide what is sent next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from hedgepair_runner.clock import Clock
from hedgepair_runner.leaser import LeaseLost, Leaser
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.noncing import Alternative, Line, Phase, Slot
from hedgepair_runner.orders import Ambiguous, Refused, SendResult, SignedTx
from hedgepair_runner.venues.venue import (
    KEY_REFUSED,
    Lane,
    Venue,
    VenueRefused,
    VenueUnavailable,
)

GAP_AFTER_SENDS = 4
"""Sends of the lowest open nonce that all bounced, with no verdict to be found."""


class Fenced(Exception):
    """This epoch's nonces are refused: a successor has fenced, or our own stream has a gap.

    Stop, and never fence again without a new lease (design §4.4).
    """


class KeyRefused(Exception):
    """The venue refuses our key: it was rotated there, or is none. Nothing more can be signed."""


class Carrier:
    """One key's way to the venue. `on_news` is called whenever a slot changed."""

    def __init__(
        self,
        venue: Venue,
        line: Line,
        leaser: Leaser,
        *,
        clock: Clock,
        metrics: RunnerMetrics,
        tasks: asyncio.TaskGroup,
        on_news: Callable[[], None],
    ) -> None:
        self._venue = venue
        self._line = line
        self._leaser = leaser
        self._clock = clock
        self._metrics = metrics
        self._tasks = tasks
        self._on_news = on_news
        self._looking: set[int] = set()
        self.looked_s: dict[int, float] = {}

    def check_lease(self) -> None:
        """Asked after every await and before every signature."""
        if not self._leaser.is_valid():
            raise LeaseLost("the lease ran out before a signature")

    def dispatch(self, alternative: Alternative, *, lane: Lane) -> Slot:
        """Records a signed transaction and hands it over; a task of its own awaits the answer."""
        self.check_lease()
        slot = self._line.put(alternative)
        self._hand_over(slot, alternative.signed, lane)
        return slot

    def dispatch_after(
        self, alternative: Alternative, *, lane: Lane, kept: Coroutine[Any, Any, bool]
    ) -> Slot:
        """Hands it over once `kept` says that its record is safe; it counts as under way at once.

        Where the record is not safe, nothing left: its nonce wants another transaction.
        """
        self.check_lease()
        slot = self._line.put(alternative)
        self._line.sending(slot, now_s=self._clock.boot_s())
        handing = self._hand_over_after(slot, alternative.signed, lane, kept)
        self._tasks.create_task(handing, name=f"keep-{alternative.signed.nonce}")
        return slot

    async def _hand_over_after(
        self, slot: Slot, signed: SignedTx, lane: Lane, kept: Coroutine[Any, Any, bool]
    ) -> None:
        if await kept:
            self.check_lease()
            await self._await(slot, self._venue.send(signed, lane=lane))
            return
        self._line.answered(slot, Refused(code=0, message="its record was not safe"))
        self._on_news()

    def resend(self, slot: Slot, *, lane: Lane) -> None:
        """The identical bytes again (design §4.3)."""
        self.check_lease()
        self._hand_over(slot, slot.newest.signed, lane)

    def look(self, slot: Slot) -> None:
        """Looks a slot up by hash and by client index, once at a time."""
        if slot.nonce in self._looking:
            return
        self._looking.add(slot.nonce)
        self._tasks.create_task(self._look(slot), name=f"look-{slot.nonce}")

    def _hand_over(self, slot: Slot, signed: SignedTx, lane: Lane) -> None:
        self._line.sending(slot, now_s=self._clock.boot_s())
        self.looked_s.pop(slot.nonce, None)
        # Called here, awaited in the task: the bytes leave before anything else gets its turn.
        sending = self._venue.send(signed, lane=lane)
        self._tasks.create_task(self._await(slot, sending), name=f"send-{signed.nonce}")

    async def _await(self, slot: Slot, sending: Awaitable[SendResult]) -> None:
        result = await sending
        if isinstance(result, Refused):
            self._metrics.refusal(result.code)
            if result.code in KEY_REFUSED:
                raise KeyRefused(f"{result.code} {result.message}")
        elif isinstance(result, Ambiguous):
            self._metrics.ambiguous_send()
        else:
            slot.accepted_s = slot.accepted_s or self._clock.boot_s()
        self._line.answered(slot, result)
        self._on_news()

    async def _check_bounced(self, slot: Slot) -> None:
        next_nonce = await self._venue.read_next_nonce()
        if next_nonce > self._line.band.last:
            raise Fenced("a later epoch has fenced this key")
        self._line.consumed_after_all(slot)
        if slot.is_settled or slot.sends < GAP_AFTER_SENDS:
            return
        if self._line.lowest_unsettled is slot:
            # Either a nonce of our own stream is missing at the venue, or this one was used by
            # something whose verdict cannot be found. A new epoch leaves both behind.
            raise Fenced("our own stream of nonces and the venue's do not meet")

    async def _look(self, slot: Slot) -> None:
        try:
            for alternative in tuple(slot.alternatives):
                if slot.is_settled:
                    break
                verdict = await self._venue.read_verdict(alternative.signed.tx_hash)
                if verdict is not None:
                    self._line.judged(verdict)
            if slot.phase is Phase.BOUNCED:
                await self._check_bounced(slot)
            if slot.largest_lots:
                for order in await self._venue.read_orders([slot.client_order_index]):
                    self._line.order_seen(order)
        except VenueUnavailable:
            return
        except VenueRefused as refused:
            if refused.code in KEY_REFUSED:
                raise KeyRefused(str(refused)) from refused
        finally:
            self._looking.discard(slot.nonce)
            self.looked_s[slot.nonce] = self._clock.boot_s()
            self._on_news()
