"""The market around the pair: it fills the quotes, wholly and partly, moves, and thins out."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from hedgepair_runner.venues.paper.records import Order

if TYPE_CHECKING:
    from tests.simulation.simulating import Simulation

MEAN_PAUSE_S = 0.5
ANNOUNCED_S = 0.02
"""Faults that strike around a fill hear of it so long before."""
FARTHEST_TICKS = 60
"""The market wanders no farther than a hedge may follow a fill."""


class Crowd:
    def __init__(self, simulation: Simulation, chance: Random) -> None:
        self._simulation = simulation
        self._chance = chance
        self._middle_ticks = simulation.market.middle_ticks
        self._jumped_ticks = 0
        self._fill_comes: asyncio.Event = asyncio.Event()

    async def before_fill(self) -> None:
        """Returns when a fill is about to happen."""
        await self._fill_comes.wait()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / MEAN_PAUSE_S))
            await self._act()

    async def _act(self) -> None:
        chance, quotes = self._chance, self._simulation.quotes()
        what = chance.random()
        if what < 0.12 or not quotes:
            self._move()
        elif what < 0.80:
            await self._fill(quotes[0])
        elif what < 0.92:
            await self._leave_at_the_touch(quotes[0])
        else:
            await self._thin_out()

    def announce_no_more(self) -> None:
        """Whoever waits for a fill waits no longer."""
        self._fill_comes.set()

    def settle(self) -> None:
        """To where everything can be hedged: what is open, within reach of its last fill."""
        simulation = self._simulation
        fills = simulation.trades(simulation.judged.maker_account)
        middle_ticks = self._middle_ticks
        if simulation.net_lots() and fills:
            middle_ticks = fills[-1].price_ticks
        simulation.market.middle_ticks = middle_ticks
        self._jumped_ticks = 0
        self._simulation.market.stand()

    def jump(self, ticks: int) -> None:
        """To so far from where it belongs; 0: back again."""
        self._simulation.market.move(ticks - self._jumped_ticks)
        self._jumped_ticks = ticks

    def _move(self) -> None:
        market = self._simulation.market
        wanted = market.middle_ticks + self._chance.randint(-30, 30)
        middle_ticks = self._middle_ticks + self._jumped_ticks
        low, high = middle_ticks - FARTHEST_TICKS, middle_ticks + FARTHEST_TICKS
        market.move(min(max(wanted, low), high) - market.middle_ticks)

    async def _announce(self) -> None:
        event, self._fill_comes = self._fill_comes, asyncio.Event()
        event.set()
        await asyncio.sleep(ANNOUNCED_S)

    async def _fill(self, quote: Order) -> None:
        await self._announce()
        for _ in range(self._chance.choice((1, 1, 1, 2, 3))):
            left = self._left_of(quote)
            if left is None:
                return
            lots = left if self._chance.random() < 0.4 else self._chance.randint(1, left)
            self._simulation.market.fill(quote, lots)
            await asyncio.sleep(self._chance.choice((0.0, 0.0005, 0.003, 0.05)))

    async def _leave_at_the_touch(self, quote: Order) -> None:
        """The rest of a partly filled quote is the best price there is: a hedge would meet it."""
        await self._announce()
        left = self._left_of(quote)
        if left is None:
            return
        market = self._simulation.market
        market.leave_alone(quote)
        market.take(quote, self._chance.randint(1, max(1, left - 1)))
        await asyncio.sleep(self._chance.uniform(0.05, 1.5))
        market.stand()

    async def _thin_out(self) -> None:
        market = self._simulation.market
        market.clear()
        await asyncio.sleep(self._chance.uniform(0.05, 1.5))
        market.stand()

    def _left_of(self, quote: Order) -> int | None:
        for order in self._simulation.quotes():
            if order.order_index == quote.order_index:
                return order.remaining_lots
        return None
