"""Journey 10: upgrade, rollback and a change of leader, while a pair trades."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.enduring import note
from tests.e2e.kubectl import until
from tests.e2e.pairs import Pair
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue

pytestmark = pytest.mark.alone

PREVIOUS = sorted((Path(__file__).parent / "charts").glob("hedgepair-*.tgz"))
TAKEOVER_S = 20.0


def test_an_upgrade_of_values_and_its_rollback_restart_no_runner(
    trading: Pair, venue: PaperVenue, release: Release
) -> None:
    runners = trading.restarts()
    release.upgrade("--reuse-values", "--set", "operator.logLevel=debug")
    venue.wait_fills(trading, 2)
    release.rollback()
    venue.wait_fills(trading, 2)
    trading.wait("Ready", within_s=60)
    trading.wait("Hedged", within_s=60)
    assert trading.restarts() == runners


@pytest.mark.skipif(not PREVIOUS, reason="there is no earlier version of the chart yet")
def test_an_upgrade_and_its_rollback_restart_no_runner(
    trading: Pair, venue: PaperVenue, release: Release
) -> None:
    runners = trading.restarts()
    release.upgrade(chart=PREVIOUS[-1])
    venue.wait_fills(trading, 2)
    release.upgrade()
    venue.wait_fills(trading, 2)
    release.rollback()
    venue.wait_fills(trading, 2)
    release.upgrade()
    trading.wait("Ready", within_s=60)
    trading.wait("Hedged", within_s=60)
    assert trading.restarts() == runners


def test_a_new_operator_touches_no_runner(
    trading: Pair, venue: PaperVenue, release: Release
) -> None:
    runners = trading.restarts()
    versions = _resource_versions(trading)
    release.restart_operator()
    trading.wait("Ready", within_s=60)
    venue.wait_fills(trading, 2)
    assert trading.restarts() == runners
    assert _resource_versions(trading) == versions


def test_another_replica_takes_over_within_twenty_seconds(
    trading: Pair, venue: PaperVenue, release: Release
) -> None:
    release.upgrade("--reuse-values", "--set", "operator.replicas=2")
    try:
        leader = until(release.leader, "a leader", within_s=60)
        began_s = time.monotonic()
        release.kubectl("delete", "pod", leader, "--force", "--grace-period=0")
        until(
            lambda: (found := release.leader()) is not None and found != leader,
            "another leader",
            within_s=60,
        )
        took_s = time.monotonic() - began_s
        note(leader_takeover_s=round(took_s, 1))
        assert took_s <= TAKEOVER_S
        trading.apply({"quantity": "0.04"})
        trading.wait("Ready", within_s=60)
        venue.wait_fills(trading, 2)
    finally:
        release.upgrade("--reuse-values", "--set", "operator.replicas=1")


def _resource_versions(pair: Pair) -> dict[str, str]:
    """Of what must not be written by a new operator: the children's specs by generation."""
    return {
        f"{item['kind']}/{item['metadata']['name']}": str(
            item["metadata"].get("generation", item["metadata"]["resourceVersion"])
        )
        for item in pair.kubectl.items("statefulsets,configmaps,networkpolicies")
        if item["metadata"]["name"] != "kube-root-ca.crt"
    }
