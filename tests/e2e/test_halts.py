"""Journey 12: a halt survives a flushed Redis and a restart of everything (law 11)."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakePair
from tests.e2e.kubectl import until
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue

pytestmark = pytest.mark.alone


def test_a_halt_stays_until_it_is_acknowledged(
    make_pair: MakePair, venue: PaperVenue, release: Release
) -> None:
    pair = make_pair(changes={"risk": {"maxDailyLoss": "0.01", "onBreach": "Halt"}})
    pair.wait("Halted", within_s=180)
    halt = pair.status()["halt"]
    assert halt["reason"] == "RiskBreached"
    release.redis("FLUSHALL")
    for role in ("maker", "hedger"):
        pair.kubectl("delete", "pod", f"{pair.name}-{role}-0")
    release.restart_operator()
    pair.wait("Ready", within_s=120)
    assert pair.status()["halt"]["id"] == halt["id"]
    pair.wait("Halted", within_s=30)
    maker = venue.records(pair).maker
    assert maker is not None
    assert not maker.orders
    pair.annotate(acknowledge="00000000")
    pair.wait("Halted", within_s=10)
    pair.apply({"risk": {"maxDailyLoss": "1000"}})
    pair.annotate(acknowledge=halt["id"])
    pair.wait("Halted", "False", within_s=60)
    until(lambda: "halt" not in pair.status(), "no halt in the status", within_s=30)
    venue.wait_fills(pair, 2)
