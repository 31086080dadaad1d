"""Keeps what is known of the maker's quotes: what it tells, what Redis holds, what fills betray."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hedgepair_runner.bus import Bus, BusUnavailable
from hedgepair_runner.contract.identity import PairId, Role, is_of_pair
from hedgepair_runner.orders import AccountTrade, Side
from hedgepair_runner.quotes import KnownQuotes, QuoteTold

REREAD_S = 0.1
TOLD_AGAIN_S = 3.0
"""By then a maker that sees Redis again has told once more what rests (`Teller.tell_again`), and
one that does not see it has withdrawn (`REDIS_WRITABLE_S`)."""


class QuoteListener:
    """`is_read` is False until Redis has answered once: what rests from before is not known."""

    def __init__(self, bus: Bus, *, pair: PairId) -> None:
        self._bus = bus
        self._pair = pair
        self.known = KnownQuotes()
        self.is_read = False
        self._reading = asyncio.Lock()

    def tell(self, quote: QuoteTold) -> None:
        self.known.tell(quote)

    def note_fill(self, trade: AccountTrade) -> None:
        """A fill of a quote that was never told of: the rest of it may still stand there."""
        index = trade.client_order_index
        is_ours = trade.is_maker and is_of_pair(index, Role.MAKER, self._pair)
        if is_ours and not self.known.is_known(index):
            side = Side.of(trade.signed_lots)
            self.known.guess(index, side=side, price_ticks=trade.price_ticks)

    async def reread(self, on_news: Callable[[], None]) -> None:
        """Until it is answered: a hedge of a new term could meet what an old quote left resting.

        One at a time: of two that overlap, the later answer would undo what was told since. What
        Redis lacks and we know counts until the maker had time to tell it again.
        """
        await self._read_in_turn(keeps_known=True)
        on_news()
        await asyncio.sleep(TOLD_AGAIN_S)
        await self._read_in_turn(keeps_known=False)
        on_news()

    async def _read_in_turn(self, *, keeps_known: bool) -> None:
        async with self._reading:
            await self._read_all(keeps_known=keeps_known)

    async def _read_all(self, *, keeps_known: bool) -> None:
        while True:
            try:
                self.known.reading_begins()
                quotes = await self._bus.read_quotes()
            except BusUnavailable:
                await asyncio.sleep(REREAD_S)
                continue
            self.known.replace_all(quotes, keeps_known=keeps_known)
            self.is_read = True
            return
