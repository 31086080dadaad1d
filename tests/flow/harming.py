"""A pair that is harmed once, and must be as good as new in the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.venues.paper.records import Order
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow.ring import LEASE_TIMES_S, RECOVERY_S, Ring, RingOptions, run_ring
from tests.flow.seats import Seat

STANDARD = ExchangeSettings(default_tier="standard")
TIERS = ["none", "standard"]
ROLES = [Role.MAKER, Role.HEDGER]
AFTER_A_DEATH_S = RECOVERY_S + LEASE_TIMES_S

Pair = dict[Role, Seat]
Act = Callable[[Ring, Pair], Awaitable[None]]


def harmed(
    act: Act,
    options: RingOptions | None = None,
    *,
    then: Callable[[Ring], None] = lambda ring: None,
) -> None:
    """A pair rests its first quote; `act` harms it; it must trade again, and end in order. `then`
    looks at what is left."""

    async def scenario(ring: Ring) -> None:
        pair = ring.start_all()
        await ring.resting()
        await act(ring, pair)
        await ring.covered(within_s=AFTER_A_DEATH_S)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()
        then(ring)

    run_ring(scenario, options or RingOptions())


async def trade_on(ring: Ring) -> None:
    """The pair is as good as new: it quotes, fills, and covers at once.

    What it quoted before it noticed may fill first, and be covered when the runners are back.
    """
    for patience_s in (AFTER_A_DEATH_S, 2):
        quote = await ring.resting(within_s=AFTER_A_DEATH_S)
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered(within_s=patience_s)


def fill(ring: Ring, quote: Order, lots: int | None = None) -> None:
    ring.note("fill")
    ring.market.fill(quote, quote.remaining_lots if lots is None else lots)


def tier(name: str) -> RingOptions:
    return RingOptions(exchange=ExchangeSettings(default_tier=name))
