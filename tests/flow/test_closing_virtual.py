"""The maker in closing mode: both legs shrink in lockstep, whoever asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from hedgepair_runner.closing import ClosingOrder
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.quoter import Quoter
from tests.flow import auditing
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, Ring, RingOptions, run_ring
from tests.flow.seats import Seat

pytestmark = pytest.mark.slow

ACCUMULATE: dict[str, Any] = {"cycle": "Accumulate", "risk": {"maxPosition": "0.2"}}
FLAT = ClosingOrder(target_lots=0, reason="closing for a test")


def quoter_of(seat: Seat) -> Quoter:
    officer = seat.reporters[-1].officer
    assert isinstance(officer, Quoter)
    return officer


async def filled_up(ring: Ring) -> Seat:
    """A pair at its largest position."""
    maker = ring.start_all()[Role.MAKER]
    while ring.position(MAKER_ACCOUNT) < 2_000:
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered()
    return maker


@pytest.mark.parametrize("target", [0, 700])
def test_both_legs_shrink_a_quantity_at_a_time(target: int) -> None:
    async def scenario(ring: Ring) -> None:
        maker = await filled_up(ring)
        quoter_of(maker).instructions.close(
            "test", ClosingOrder(target_lots=target, reason="closing for a test")
        )
        await ring.until(
            lambda: (
                ring.position(MAKER_ACCOUNT) == target and ring.position(HEDGER_ACCOUNT) == -target
            ),
            "both legs reach the target",
        )
        await ring.pass_time(2)

        assert ring.position(MAKER_ACCOUNT) == target
        assert not ring.quotes()
        assert worst_net(ring) <= 500
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_a_closing_that_meets_nothing_within_its_bound_waits_for_the_market() -> None:
    async def scenario(ring: Ring) -> None:
        maker = await filled_up(ring)
        ring.market.clear()
        quoter_of(maker).instructions.close("test", FLAT)
        await ring.pass_time(20)
        assert ring.position(MAKER_ACCOUNT) == 2_000
        sent = len(ring.exchange.account_txs(MAKER_ACCOUNT, limit=1_000))
        assert sent < 40
        ring.market.stand()
        await ring.until(lambda: ring.position(HEDGER_ACCOUNT) == 0, "flat", within_s=40)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def worst_net(ring: Ring) -> int:
    """The largest net that the trades of both legs ever left."""
    net = worst = 0
    for trade in auditing.trades_of(ring.exchange, ring.judged):
        net += sum(auditing.lots_for(trade, account) for account in ring.judged.accounts)
        worst = max(worst, abs(net))
    return worst
