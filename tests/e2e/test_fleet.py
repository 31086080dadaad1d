"""Journey 9: ten pairs on two markets at once."""

from __future__ import annotations

import re

import pytest

from tests.e2e.conftest import MakePair
from tests.e2e.enduring import note
from tests.e2e.node import needs_node, node, process_of
from tests.e2e.pairs import Pair
from tests.e2e.venue import PaperVenue

pytestmark = [pytest.mark.alone, needs_node]

MOST_MIB = 110
"""Of a runner's own memory (PSS); design §13 wants 80 of resident memory at its own benchmark."""


def test_ten_pairs_on_two_markets_are_all_hedged(make_pair: MakePair, venue: PaperVenue) -> None:
    pairs = [
        make_pair(f"pair-{number}", {"market": "BTC", "quantity": "0.001"} if number % 2 else {})
        for number in range(10)
    ]
    for pair in pairs:
        pair.wait("Ready", within_s=180)
    for pair in pairs:
        venue.wait_fills(pair, 2, within_s=120)
    memory = {f"{pair.name}/{role}": _mib(pair, role) for pair in pairs for role in ROLES}
    for pair in pairs:
        pair.apply({"suspend": True})
    for pair in pairs:
        pair.wait("Suspended", within_s=120)
        venue.wait_net_zero(pair, within_s=30)
        assert venue.audit(pair)["exit_code"] == 0
    note(
        fleet=len(pairs),
        runner_mib_most=max(memory.values()),
        runner_mib_least=min(memory.values()),
    )
    assert max(memory.values()) <= MOST_MIB, memory


ROLES = ("maker", "hedger")


def _mib(pair: Pair, role: str) -> int:
    rollup = node(f"cat /proc/{process_of(pair, role)}/smaps_rollup")
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return int(found[1]) // 1024
