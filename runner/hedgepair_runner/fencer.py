"""Fence, then read, then act: the one routine of start, recovery and takeover (design §4.4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hedgepair_runner.carrier import Fenced, KeyRefused
from hedgepair_runner.clock import Clock
from hedgepair_runner.contract.identity import BAND, NONCE_BITS, read_client_order_index
from hedgepair_runner.leaser import LeaseLost, Leaser
from hedgepair_runner.noncing import INVALID_NONCE, Band
from hedgepair_runner.orders import Refused, VerdictState
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.units import Market
from hedgepair_runner.venues.venue import KEY_REFUSED, Lane, Venue, VenueUnavailable

logger = logging.getLogger(__name__)

FIRST_LOOK_S = 0.03
SLOWEST_LOOK_S = 1.0
SEND_AGAIN_S = 3.0
LOOKS_A_NONCE = 3
"""A fence that does not execute is looked up so often before the nonce is asked for."""
MAX_CLOCK_SKEW_MS = 5_000
SIGNED_LIVES_S = 605.0
"""A signed transaction lives 599 s (protocol §5.2); the rest is for clocks that differ."""
MAX_BOUNCES = 2
"""Refusals of the fence with 21104, while the venue expects a lower nonce."""


class SkippingRefused(Exception):
    """The venue refuses skip_nonce: a predecessor cannot be fenced off, only waited out."""


async def check_clock(venue: Venue, *, clock: Clock) -> None:
    """Raises StartRefused with a wall clock more than 5 s off the venue's (design §4.4)."""
    fault = await clock_fault(venue, clock=clock)
    if fault is not None:
        raise StartRefused(f"{fault} Set the clock (for example with NTP) and start again.")


async def clock_fault(venue: Venue, *, clock: Clock) -> str | None:
    """How the wall clock is wrong, or None."""
    earliest_ms = clock.wall_ms()
    venue_ms = await venue.read_wall_clock_ms()
    # The answer may have waited for its turn: the venue spoke at some moment in between.
    skew_ms = min(max(venue_ms, earliest_ms), clock.wall_ms()) - venue_ms
    if abs(skew_ms) <= MAX_CLOCK_SKEW_MS:
        return None
    return (
        f"This machine's clock is {abs(skew_ms) / 1000:.0f} s "
        f"{'ahead of' if skew_ms > 0 else 'behind'} the exchange's; transactions would expire "
        "or be refused."
    )


async def foreign_orders(venue: Venue, *, market: Market) -> str | None:
    """Before the first fence ever: what rests and is no HedgePair's, as a sentence; else None.

    A key whose nonces already run in our epochs was fenced before, and the account is ours: a
    restart is not kept from its gap by what a hand placed meanwhile.
    """
    if await venue.read_next_nonce() >= BAND:
        return None
    foreign = [
        order
        for order in await venue.read_active_orders(market.market_id)
        if read_client_order_index(order.client_order_index) is None
    ]
    if not foreign:
        return None
    return (
        f"Account {venue.account_index} has {len(foreign)} resting {market.symbol} order(s) that "
        "no HedgePair placed, and starting would cancel them: cancel them yourself, use another "
        "account, or set spec.exchange.adoptOrders: true; then acknowledge this halt"
    )


async def fence(venue: Venue, leaser: Leaser, *, market_id: int, clock: Clock) -> Band:
    """Takes a new epoch and closes every earlier nonce at the venue, proved by hash.

    Raises LeaseLost when the lease ran out meanwhile, Fenced when a later epoch is there already,
    SkippingRefused where the venue has no such fence, KeyRefused.
    """
    venue_nonce = await venue.read_next_nonce()
    epoch = await leaser.raise_epoch(venue_nonce >> NONCE_BITS)
    band = Band(epoch=epoch)
    _check(leaser)
    signed = venue.signer.cancel_all(market_id=market_id, nonce=band.first, skip_nonce=True)
    sent_s = float("-inf")
    pause_s = FIRST_LOOK_S
    bounced = looks = 0
    while True:
        _check(leaser)
        now_s = clock.boot_s()
        if now_s - sent_s >= SEND_AGAIN_S:
            sent_s = now_s
            result = await venue.send(signed, lane=Lane.CANCEL)
            if isinstance(result, Refused) and result.code in KEY_REFUSED:
                raise KeyRefused(f"{result.code} {result.message}")
            if isinstance(result, Refused) and result.code != INVALID_NONCE:
                raise VenueUnavailable(f"the fence was refused: {result.code} {result.message}")
            bounced += isinstance(result, Refused)
        if await _is_executed(venue, signed.tx_hash):
            logger.info("fence executed", extra={"epoch": epoch, "nonce": band.first})
            return band
        looks += 1
        # Each look costs a request, and a small account has sixty of them a minute.
        if bounced or looks % LOOKS_A_NONCE == 0:
            _check_nonce(await venue.read_next_nonce(), band, bounced=bounced)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, SLOWEST_LOOK_S)


async def wait_out(
    venue: Venue, leaser: Leaser, *, clock: Clock, on_wait: Callable[[float], None]
) -> None:
    """Returns when nothing that a predecessor signed can execute any more (design §4.4).

    `on_wait` hears how many seconds are left. A lease that was handed over has left nothing open,
    and a key that never signed has no predecessor. Raises LeaseLost.
    """
    if leaser.was_handed_over or await venue.read_next_nonce() == 0:
        return
    until_s = clock.boot_s() + SIGNED_LIVES_S
    while (left_s := until_s - clock.boot_s()) > 0:
        _check(leaser)
        on_wait(left_s)
        await asyncio.sleep(min(left_s, SLOWEST_LOOK_S))


async def begin_without_skipping(
    venue: Venue, leaser: Leaser, *, market_id: int, clock: Clock
) -> Band:
    """After `wait_out`: cancels what rests at the next nonce, proved by hash; a band from there.

    Nothing but the lease keeps others out of it. Raises LeaseLost.
    """
    epoch = await leaser.raise_epoch(0)
    while True:
        _check(leaser)
        nonce = await venue.read_next_nonce()
        _check(leaser)
        signed = venue.signer.cancel_all(market_id=market_id, nonce=nonce, skip_nonce=False)
        await venue.send(signed, lane=Lane.CANCEL)
        looked_until_s = clock.boot_s() + SEND_AGAIN_S
        while clock.boot_s() < looked_until_s:
            if await _is_executed(venue, signed.tx_hash):
                logger.warning("began without a fence", extra={"epoch": epoch, "nonce": nonce})
                return Band(epoch=epoch, start=nonce)
            await asyncio.sleep(FIRST_LOOK_S)


def _check_nonce(next_nonce: int, band: Band, *, bounced: int) -> None:
    if next_nonce > band.last:
        raise Fenced(f"a later epoch than {band.epoch} has fenced this key")
    if bounced >= MAX_BOUNCES and next_nonce < band.first:
        raise SkippingRefused("the exchange refuses to skip nonces (21104)")


async def _is_executed(venue: Venue, tx_hash: str) -> bool:
    try:
        verdict = await venue.read_verdict(tx_hash)
    except VenueUnavailable:
        return False
    if verdict is not None and verdict.state is VerdictState.FAILED:
        raise VenueUnavailable(f"the fence failed in the engine: {verdict.error}")
    return verdict is not None and verdict.state is VerdictState.EXECUTED


def _check(leaser: Leaser) -> None:
    if not leaser.is_valid():
        raise LeaseLost("the lease ran out before the fence was proved")
