"""The proof, asked of the venue itself, that a maker's orders are gone (design §7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hedgepair_runner.contract.identity import Role, is_of_pair
from hedgepair_runner.desk import Desk
from hedgepair_runner.office import Office
from hedgepair_runner.venues.venue import VenueUnavailable

ASK_EVERY_S = 0.3


async def prove_withdrawn(desk: Desk, office: Office, *, take_nonce: Callable[[], int]) -> None:
    """Returns when the venue lists no order of the pair; takes a stray one away meanwhile."""
    while True:
        if await _stray_orders(desk) == 0:
            return
        if office.line.lowest_unsettled is None:
            office.cancel_all(nonce=take_nonce())
        await asyncio.sleep(ASK_EVERY_S)


async def _stray_orders(desk: Desk) -> int | None:
    """How many still rest; None when the question failed, which proves nothing (law 3)."""
    try:
        orders = await desk.venue.read_active_orders(desk.market.market_id)
    except VenueUnavailable:
        return None
    return sum(is_of_pair(order.client_order_index, Role.MAKER, desk.pair) for order in orders)
