"""The control plane is away: trading goes on, and the status catches up."""

from __future__ import annotations

import os
import time

import pytest

from tests.e2e import node
from tests.e2e.enduring import endured
from tests.e2e.kubectl import run, until
from tests.e2e.pairs import Pair
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue

pytestmark = pytest.mark.alone

AWAY_S = 120.0 if os.environ.get("E2E_LONG") else 30.0


@node.needs_node
def test_the_api_server_is_away(trading: Pair, venue: PaperVenue) -> None:
    process = int(node.node("pgrep -o -f 'kube-apiserver .*--etcd-servers'").split()[0])
    runners = trading.restarts()
    with endured("the API server away", trading, venue, allowed_s=60):
        before = venue.records(trading)
        with node.stopped(process):
            time.sleep(AWAY_S)
        until(lambda: run("kubectl", "get", "--raw", "/readyz"), "the API server", within_s=60)
        after = venue.records(trading)
    assert before.maker is not None
    assert after.maker is not None
    assert len(after.maker.trades) > len(before.maker.trades)
    assert trading.restarts() == runners


def test_the_operator_is_away(trading: Pair, venue: PaperVenue, release: Release) -> None:
    runners = trading.restarts()
    with endured("the operator away", trading, venue, allowed_s=30), release.without_operator():
        venue.wait_fills(trading, 3)
        time.sleep(AWAY_S)
        venue.wait_fills(trading, 3)
    observed = trading.status()["observedAt"]
    until(lambda: trading.status()["observedAt"] != observed, "a newer status", within_s=90)
    assert trading.restarts() == runners


def test_the_node_is_drained(trading: Pair, venue: PaperVenue, release: Release) -> None:
    """With one node everything goes and comes again; nothing is left unhedged."""
    name = run("kubectl", "get", "nodes", "-o", "name").split()[0]
    with endured("a drained node", trading, venue, allowed_s=120):
        words = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=120s")
        run("kubectl", "drain", name, *words, timeout_s=150)
        run("kubectl", "uncordon", name)
        release.wait_up()
        trading.wait("Ready", within_s=120)
