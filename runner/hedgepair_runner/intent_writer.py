"""Writes each hedge order to Redis beside its send, and takes it away when it is closed (§4.2).

It serves receipts, look-ups and a faster restart. The fence makes recovery safe, not this: what
Redis does not take is let go.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hedgepair_runner.bus import Bus, BusUnavailable, IntentRecord
from hedgepair_runner.noncing import Alternative


class IntentWriter:
    """Returns at once; every write is a task of its own."""

    def __init__(self, bus: Bus, *, tasks: asyncio.TaskGroup) -> None:
        self._bus = bus
        self._tasks = tasks

    def write(self, alternative: Alternative) -> None:
        keeping = self.keep(alternative)
        self._tasks.create_task(keeping, name=f"intent-{alternative.signed.nonce}")

    async def keep(self, alternative: Alternative) -> bool:
        """Whether Redis took it, which is all that a venue without a fence leaves to go by."""
        record = IntentRecord(
            nonce=alternative.signed.nonce,
            client_order_index=alternative.client_order_index,
            lots=alternative.lots,
            price_ticks=alternative.price_ticks,
            tx_hash=alternative.signed.tx_hash,
            covers_lots=alternative.covers_lots,
        )
        try:
            await self._bus.write_intent(record)
        except BusUnavailable:
            return False
        return True

    def drop(self, nonce: int) -> None:
        self._tasks.create_task(self._drop(nonce), name=f"drop-{nonce}")

    async def _drop(self, nonce: int) -> None:
        with suppress(BusUnavailable):
            await self._bus.drop_intent(nonce)
