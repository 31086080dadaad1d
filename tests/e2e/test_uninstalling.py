"""The ends of a release: guarded while there are pairs, and recoverable in the wrong order."""

from __future__ import annotations

import pytest

from tests.e2e.kubectl import refusal, until
from tests.e2e.pairs import Pair
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue

pytestmark = pytest.mark.alone


def test_helm_test_trades_a_pair(release: Release) -> None:
    assert "Phase:          Succeeded" in release.test()


def test_uninstalling_is_refused_while_there_are_pairs(
    trading: Pair, venue: PaperVenue, release: Release
) -> None:
    said = refusal("helm", "-n", release.namespace, "uninstall", release.name)
    assert "pre-delete" in said
    venue.wait_fills(trading, 2)
    assert trading.condition("Ready").get("status") == "True"


def test_in_the_wrong_order_the_pair_waits_and_a_new_release_ends_it(
    trading: Pair, release: Release
) -> None:
    """Without hooks the guard is passed over. Paper money goes with the release, the pair does not:
    its deletion waits, visibly, for an operator that proves its end."""
    release.uninstall("--no-hooks", "--wait")
    try:
        trading.delete("--wait=false")
        assert trading.exists
        assert trading.read()["metadata"]["deletionTimestamp"]
    finally:
        release.install()
    until(lambda: not trading.exists, "the pair is torn down", within_s=180)
