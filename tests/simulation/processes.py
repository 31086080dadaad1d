"""A runner in the simulation: a machine with its own clocks, its own link to Redis, and a watched
signer.

What it signs, hands over and believes goes to the checker; the plan strikes it from here: at a
callback, at a signature, after the answer to a read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgepair_runner.bus import LeaseGrant, Leases
from hedgepair_runner.desk import Desk
from hedgepair_runner.leaser import LEASE_S
from hedgepair_runner.orders import SignedTx
from hedgepair_runner.roles import Crew
from hedgepair_runner.venues.venue import OrderRequest, Signer
from tests.flow.memory_bus import MemoryStore
from tests.flow.seats import Seat, SeatClock, SeatLeases
from tests.simulation import links

if TYPE_CHECKING:
    from tests.simulation.simulating import Simulation

BOOTS_S = 977.0
"""Machines were booted at different times."""


class WatchedSigner:
    """A Signer that tells of each signature; `strike` is called between signing and sending."""

    def __init__(self, inner: Signer, seat: SimulatedSeat) -> None:
        self.account_index = inner.account_index
        self.api_key_index = inner.api_key_index
        self._inner = inner
        self._seat = seat

    def create(self, request: OrderRequest, *, nonce: int) -> SignedTx:
        return self._told(self._inner.create(request, nonce=nonce))

    def cancel(self, *, market_id: int, order_index: int, nonce: int) -> SignedTx:
        return self._told(
            self._inner.cancel(market_id=market_id, order_index=order_index, nonce=nonce)
        )

    def modify(
        self, *, market_id: int, order_index: int, size_lots: int, price_ticks: int, nonce: int
    ) -> SignedTx:
        return self._told(
            self._inner.modify(
                market_id=market_id,
                order_index=order_index,
                size_lots=size_lots,
                price_ticks=price_ticks,
                nonce=nonce,
            )
        )

    def cancel_all(self, *, market_id: int | None, nonce: int, skip_nonce: bool) -> SignedTx:
        signed = self._inner.cancel_all(market_id=market_id, nonce=nonce, skip_nonce=skip_nonce)
        return self._told(signed, is_fence=skip_nonce)

    def schedule_cancel_all(self, *, at_ms: int, nonce: int) -> SignedTx:
        return self._told(self._inner.schedule_cancel_all(at_ms=at_ms, nonce=nonce))

    def abort_cancel_all(self, *, nonce: int) -> SignedTx:
        return self._told(self._inner.abort_cancel_all(nonce=nonce))

    def auth_token(self, *, expires_at_s: int) -> str:
        return self._inner.auth_token(expires_at_s=expires_at_s)

    def _told(self, signed: SignedTx, *, is_fence: bool = False) -> SignedTx:
        self._seat.has_signed(signed, is_fence=is_fence)
        return signed


class WatchedLeases(SeatLeases):
    """Tells the checker until when the lease is held, counted from when it was asked for."""

    def __init__(self, leases: Leases, held_until: Callable[[float], None]) -> None:
        super().__init__(leases)
        self._held_until = held_until

    async def acquire(self, holder: str, *, ttl_ms: int) -> LeaseGrant:
        sent_s = asyncio.get_running_loop().time()
        grant = await super().acquire(holder, ttl_ms=ttl_ms)
        if grant is not LeaseGrant.HELD:
            self._held_until(sent_s + LEASE_S)
        return grant

    async def renew(self, holder: str, *, ttl_ms: int) -> bool:
        sent_s = asyncio.get_running_loop().time()
        is_held = await super().renew(holder, ttl_ms=ttl_ms)
        if is_held:
            self._held_until(sent_s + LEASE_S)
        return is_held


@dataclass(kw_only=True)
class SimulatedSeat(Seat):
    ring: Simulation | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.leases = WatchedLeases(self.leases, self._holds_until)
        self.strikes_at_signature: list[Callable[[SimulatedSeat], None]] = []

    @property
    def simulation(self) -> Simulation:
        if self.ring is None:
            raise AssertionError("a simulated seat belongs to a simulation")
        return self.ring

    @property
    def link(self) -> links.Link:
        return links.link_of(self.store)

    @property
    def is_silenced(self) -> bool:
        """After a 405 its client asks nothing for a minute (protocol §8)."""
        return self.limiter.closed_for_s(asyncio.get_running_loop().time()) > 0

    def has_signed(self, signed: SignedTx, *, is_fence: bool) -> None:
        now_s = asyncio.get_running_loop().time()
        self.simulation.checker.signed(
            self.name, self.role, signed.nonce, is_fence=is_fence, now_s=now_s
        )
        if self.strikes_at_signature:
            self.strikes_at_signature.pop()(self)

    def _holds_until(self, until_s: float) -> None:
        self.simulation.checker.holds_lease(self.name, until_s=until_s)

    def _handed(self, signed: SignedTx) -> None:
        told = self.reporters[-1].current()
        self.simulation.handed(self, signed, told)

    def _clock(self) -> SeatClock:
        return SeatClock(self.around.clock, booted_s=BOOTS_S * (1 + len(self.name) % 7))

    def _store(self) -> MemoryStore:
        return links.link(self.around.store, self.process)

    def _fitted(self, desk: Desk) -> Desk:
        return self.simulation.sabotage.fit(desk)

    @property
    def crew(self) -> Crew:
        return self.simulation.sabotage.crew

    def _signs(self, signer: Signer) -> Signer:
        return WatchedSigner(signer, self)
