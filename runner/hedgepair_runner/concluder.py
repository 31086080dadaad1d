"""Proves what a wish asked for, at the venue itself, again and again (design §7).

Suspended is proved by a list of open orders without one of the pair's; flat by that and by two
reads of the position, at least a second apart, that both agree with the ledger (law 7).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from hedgepair_runner.concluding import Proofs
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import is_of_pair
from hedgepair_runner.desk import Desk
from hedgepair_runner.ledger import Chain
from hedgepair_runner.proving import READS_APART_S
from hedgepair_runner.steerer import Steerer
from hedgepair_runner.venues.venue import VenueUnavailable

LOOK_EVERY_S = 0.1
PROOFS_APART_S = (1.0, 2.0, 5.0, 60.0)
"""Whoever waits for two proofs gets them soon; after that they are renewed sparingly."""


class Concluding(Protocol):
    """What proofs need of a maker or a hedger."""

    own: Chain

    @property
    def flat_lots(self) -> int:
        """The position that this role has when the pair is flat."""
        ...

    def is_quiet(self) -> bool:
        """By its own books nothing rests, nothing is under way, and everything filled is hedged."""
        ...

    def sweep(self) -> None:
        """Takes away an order that should not be there."""
        ...


class Concluder:
    """Of one term. Its proofs are kept where every report finds them."""

    def __init__(self, desk: Desk, officer: Concluding, steerer: Steerer) -> None:
        self._desk = desk
        self._officer = officer
        self._steerer = steerer
        self._count = 0
        self._asked_s = float("-inf")

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._is_wanted and self._officer.is_quiet():
                if self._is_due:
                    with suppress(VenueUnavailable):
                        await self._prove()
                continue
            self._forget()

    @property
    def _is_wanted(self) -> bool:
        return self._steerer.wish in (Wish.SUSPEND, Wish.FLATTEN) or bool(self._steerer.completed)

    @property
    def _is_due(self) -> bool:
        pause_s = PROOFS_APART_S[min(self._count, len(PROOFS_APART_S) - 1)]
        return self._desk.clock.boot_s() - self._asked_s >= pause_s

    @property
    def _is_level(self) -> bool:
        """By the ledger, the position is that of a flat pair."""
        return self._officer.own.position_lots == self._officer.flat_lots

    def _forget(self) -> None:
        """What was proved holds no more, or belongs to another wish."""
        self._count = 0
        self._asked_s = float("-inf")
        if self._steerer.proofs != Proofs():
            self._steerer.prove(Proofs())

    async def _prove(self) -> None:
        wish = self._steerer.wish
        desk = self._desk
        self._asked_s = desk.clock.boot_s()
        orders = await desk.venue.read_active_orders(desk.market.market_id)
        if any(is_of_pair(order.client_order_index, desk.role, desk.pair) for order in orders):
            self._officer.sweep()
            return
        withdrawn_ms = desk.clock.wall_ms()
        # A suspended pair keeps its positions: only its orders are to be proved gone.
        aims_at_flat = wish is not Wish.SUSPEND and self._is_level
        is_flat = aims_at_flat and await self._is_flat_at_the_venue()
        if self._steerer.wish is not wish or not self._officer.is_quiet():
            return
        is_flat = is_flat and self._is_level
        proofs = Proofs(
            withdrawn_ms=withdrawn_ms, flat_ms=desk.clock.wall_ms() if is_flat else None
        )
        if is_flat or wish is Wish.SUSPEND:
            self._count += 1
        self._steerer.prove(proofs)

    async def _is_flat_at_the_venue(self) -> bool:
        first = await self._position_lots()
        await asyncio.sleep(READS_APART_S)
        second = await self._position_lots()
        return first == second == self._officer.flat_lots

    async def _position_lots(self) -> int:
        account = await self._desk.venue.read_account(self._desk.venue.account_index)
        return account.positions_lots.get(self._desk.market.market_id, 0)
