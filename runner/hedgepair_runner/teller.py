"""Tells the hedger of fills and quotes: fills at once and at least once, quotes before the send."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from hedgepair_runner.bus import Bus, BusUnavailable
from hedgepair_runner.clock import Clock
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.quotes import QuoteTold
from hedgepair_runner.quoting import Place

BACKLOG = 10_000
TOLD_AGAIN = 32
"""Ended quotes that are told once more after Redis came back: a replica that took over may lack
the last second or two of what it was told."""


class Teller:
    """`on_told` is called whenever a backlog, of fills or of ended quotes, became empty."""

    def __init__(self, bus: Bus, *, clock: Clock, on_told: Callable[[], None]) -> None:
        self._bus = bus
        self._clock = clock
        self._on_told = on_told
        self._unpublished: deque[AccountTrade] = deque(maxlen=BACKLOG)
        self._gone: deque[QuoteTold] = deque(maxlen=BACKLOG)
        """Not taken by Redis yet: the hedger keeps clear of such a quote until it hears of it."""
        self._standing: QuoteTold | None = None
        self._ended: deque[QuoteTold] = deque(maxlen=TOLD_AGAIN)
        self._publishing = asyncio.Lock()
        self._burying = asyncio.Lock()

    @property
    def has_untold(self) -> bool:
        return bool(self._unpublished or self._gone)

    def add(self, trades: tuple[AccountTrade, ...]) -> None:
        self._unpublished.extend(trades)

    async def publish(self) -> None:
        """In order; a trade leaves the backlog when Redis has answered."""
        async with self._publishing:
            while self._unpublished:
                batch = tuple(self._unpublished)
                try:
                    await self._bus.publish_fills(batch)
                except BusUnavailable:
                    return
                for _ in batch:
                    self._unpublished.popleft()
        self._on_told()

    async def publish_again(self) -> None:
        """What an outage left behind; nothing to do while a publication is under way."""
        if self._unpublished and not self._publishing.locked():
            await self.publish()
        if self._gone and not self._burying.locked():
            await self._bury()

    async def tell(self, place: Place, *, client_order_index: int, epoch: int) -> bool:
        """Before the send (design §8). False: Redis did not take it, so nothing is sent."""
        quote = QuoteTold(
            client_order_index=client_order_index,
            side=int(place.side),
            price_ticks=place.price_ticks,
            lots=place.lots,
            is_gone=False,
            epoch=epoch,
            told_ms=self._clock.wall_ms(),
        )
        self._standing = quote
        for ended in tuple(self._ended):
            if ended.client_order_index == client_order_index:  # a refused one's nonce, once more
                self._ended.remove(ended)
        return await self._told(quote)

    async def tell_gone(self, client_order_index: int, *, epoch: int) -> None:
        """Proved terminal; index 0 speaks of every quote: the fence took them all."""
        gone = QuoteTold(
            client_order_index=client_order_index,
            side=0,
            price_ticks=0,
            lots=0,
            is_gone=True,
            epoch=epoch,
            told_ms=self._clock.wall_ms(),
        )
        if self._standing is None or client_order_index in (0, self._standing.client_order_index):
            self._standing = None
        self._ended.append(gone)
        self._gone.append(gone)
        await self._bury()

    async def tell_again(self) -> None:
        """After Redis came back, perhaps as it was a second ago: what rests, and what no longer.

        Else a hedger would keep clear for ever of a quote that ended, or meet one that rests.
        """
        async with self._burying:
            for ended in tuple(self._ended):
                if not await self._told(ended):
                    return
            # An end that comes meanwhile waits for its turn, and is told after this.
            if self._standing is not None:
                await self._told(self._standing)

    async def _bury(self) -> None:
        async with self._burying:
            while self._gone:
                if not await self._told(self._gone[0]):
                    return
                self._gone.popleft()
        self._on_told()

    async def _told(self, quote: QuoteTold) -> bool:
        try:
            await self._bus.tell_quote(quote)
        except BusUnavailable:
            return False
        return True
