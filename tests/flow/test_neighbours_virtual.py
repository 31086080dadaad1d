"""Two pairs on the same accounts, with keys and markets of their own (design §4.4)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.venues.paper.markets import BTC, ETH
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, Ring, RingOptions, manifest_of, run_ring

pytestmark = pytest.mark.slow

SPEC: dict[str, Any] = {
    "market": "BTC",
    "quantity": "0.005",
    "risk": {"maxPosition": "0.05"},
    "maker": {"account": {"accountIndex": MAKER_ACCOUNT, "apiKeyIndex": 5}},
    "hedger": {"account": {"accountIndex": HEDGER_ACCOUNT, "apiKeyIndex": 5}},
}


@pytest.mark.parametrize("ends", ["stops", "dies"])
def test_a_neighbour_that_starts_and_ends_touches_no_order_of_the_other_market(ends: str) -> None:
    """Its fence, its cancel-all and its successor's fence are of its own key and market."""
    neighbour = manifest_of(SPEC, name="neighbour")

    async def scenario(ring: Ring) -> None:
        ours = ring.start_all()
        quote = await ring.resting()
        epochs = {role: ring.report(seat).epoch for role, seat in ours.items()}

        theirs = [ring.start(role, manifest=neighbour) for role in (Role.HEDGER, Role.MAKER)]
        for seat in theirs:
            await ring.until(partial(ring.is_in, seat, RunnerState.RUNNING), "the neighbour runs")
        if ends == "dies":
            for seat in theirs:
                ring.kill(seat)
            theirs = [ring.start(role, manifest=neighbour) for role in (Role.HEDGER, Role.MAKER)]
            for seat in theirs:
                await ring.until(partial(ring.is_in, seat, RunnerState.RUNNING), "its successor")
        await ring.stop(*reversed(theirs))

        assert [order.order_index for order in ring.quotes()] == [quote.order_index]
        assert {role: ring.report(seat).epoch for role, seat in ours.items()} == epochs
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered()
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(markets=(ETH, BTC)))
