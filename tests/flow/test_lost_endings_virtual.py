"""A quote that ended unheard of: the maker finds out without hammering; the hedge goes ahead."""

from __future__ import annotations

import json

import pytest

from hedgepair_runner.venues.paper.fault_files import read_fault
from tests.flow.harming import Pair, fill, harmed
from tests.flow.ring import MAKER_ACCOUNT, Ring

MOST_TXS = 40
"""Of the maker in one such scenario; without a pause between cancels there were thousands."""


@pytest.mark.parametrize("lots", [120, 500], ids=["partial", "whole"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_frame", "when": {"channel": f"account_all_orders:{MAKER_ACCOUNT}"}},
        {"kind": "drop_frame", "when": {"channel": f"account_all_trades:{MAKER_ACCOUNT}"}},
        {"kind": "bad_gateway", "when": {"transport": "rest"}, "count": None},
        {"kind": "replica_lag", "low_ms": 1_500, "high_ms": 1_500},
    ],
    ids=["orders lost", "trades lost", "REST down after a cut", "REST stale after a cut"],
)
def test_a_quote_whose_end_was_missed_is_looked_up(fault: dict[str, object], lots: int) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.note(json.dumps(fault))
        ring.gateway.troubles.arm(read_fault({"for": "2s", "count": None, **fault}))
        if fault["kind"] != "drop_frame":
            ring.gateway.hang_up(1_006, "cut", account=MAKER_ACCOUNT)
        fill(ring, quote, lots)
        await ring.pass_time(3)
        await ring.covered()
        sent = ring.exchange.account_txs(MAKER_ACCOUNT, limit=1_000)
        assert len(sent) < MOST_TXS

    harmed(act)
