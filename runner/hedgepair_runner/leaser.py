"""Holds the lease of one key (design §4.4, law 5).

The deadline counts from the moment a renewal was *sent*, on the boot clock; whoever signs asks
`is_valid` after every await. A lease that was missing, not released, is waited out in full.
"""

from __future__ import annotations

import asyncio

from hedgepair_runner.bus import BusUnavailable, LeaseGrant, Leases
from hedgepair_runner.clock import Clock

LEASE_S = 3.0
RENEW_EVERY_S = 1.0
RENEW_RETRY_S = 0.2
ASK_EVERY_S = 0.25


class LeaseLost(Exception):
    """Another process holds the lease, or ours ran out: start again from the lease."""


class Leaser:
    def __init__(self, leases: Leases, *, holder: str, clock: Clock) -> None:
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._deadline_s = float("-inf")
        self.was_handed_over = False
        """The last holder released it in order: it left nothing that could still execute."""
        self.is_held_elsewhere = False
        """By the last answer of Redis: what is to be done for this key, another will do."""

    def is_valid(self) -> bool:
        return self._clock.boot_s() < self._deadline_s

    def renewed_age_s(self) -> float:
        """Seconds since the last renewal that succeeded was sent: Redis took a write then."""
        return self._clock.boot_s() - (self._deadline_s - LEASE_S)

    async def acquire(self) -> None:
        """Returns as the holder. Waits while another holds it, or for Redis."""
        grant = LeaseGrant.HELD
        while grant is LeaseGrant.HELD:
            sent_s = self._clock.boot_s()
            try:
                grant = await self._leases.acquire(self._holder, ttl_ms=_ms(LEASE_S))
                self.is_held_elsewhere = grant is LeaseGrant.HELD
            except BusUnavailable:
                grant = LeaseGrant.HELD
                self.is_held_elsewhere = False
            if grant is LeaseGrant.HELD:
                await asyncio.sleep(ASK_EVERY_S)
        self._deadline_s = sent_s + LEASE_S
        self.was_handed_over = grant is LeaseGrant.CLEAN
        if grant is LeaseGrant.UNCLEAN:
            await self._wait_one_lease()

    async def keep(self) -> None:
        """Renews until cancelled; raises LeaseLost when somebody else has it or time ran out."""
        while True:
            renewed = await self._renew()
            if not self.is_valid():
                raise LeaseLost("the lease ran out before it could be renewed")
            await asyncio.sleep(RENEW_EVERY_S if renewed else RENEW_RETRY_S)

    def abandon(self) -> None:
        """Signs no more, and lets the lease run out: whoever comes next waits for all of it."""
        self._deadline_s = float("-inf")

    async def release(self) -> None:
        """Best effort: a lease that cannot be released runs out by itself."""
        self._deadline_s = float("-inf")
        try:
            await self._leases.release(self._holder)
        except BusUnavailable:
            return

    async def raise_epoch(self, floor: int) -> int:
        return await self._leases.raise_epoch(floor)

    async def _renew(self) -> bool:
        sent_s = self._clock.boot_s()
        try:
            held = await self._leases.renew(self._holder, ttl_ms=_ms(LEASE_S))
        except BusUnavailable:
            return False
        if not held:
            self._deadline_s = float("-inf")
            raise LeaseLost("another process holds the lease, or Redis lost it")
        self._deadline_s = sent_s + LEASE_S
        return True

    async def _wait_one_lease(self) -> None:
        until_s = self._clock.boot_s() + LEASE_S
        while self._clock.boot_s() < until_s:
            await asyncio.sleep(min(RENEW_EVERY_S, max(0.01, until_s - self._clock.boot_s())))
            if not await self._renew() and not self.is_valid():
                raise LeaseLost("Redis went away while the lease was waited out")


def _ms(seconds: float) -> int:
    return int(seconds * 1_000)
