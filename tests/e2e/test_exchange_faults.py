"""Faults of the exchange towards one pair's accounts, and of the exchange as a whole."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e import node
from tests.e2e.enduring import LEASE_TIMES_S, RECOVERY_S, endured
from tests.e2e.pairs import Pair
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue

FAULT_S = 6.0
FIREWALL_S = 60.0


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        ("429", "rate_limited", {"when": {"endpoint": "sendTx"}}),
        ("502", "bad_gateway", {"when": {"endpoint": "sendTx"}}),
        ("a time-out after accepting", "drop_answer", {"when": {"endpoint": "sendTx"}}),
        ("lost requests", "drop_request", {"when": {"endpoint": "sendTx"}}),
        ("doubled frames", "duplicate_frame", {"probability": 0.5}),
        ("reordered frames", "reorder_frame", {"probability": 0.5}),
        ("dropped sockets", "close_sockets", {"count": 3}),
    ],
)
@pytest.mark.parametrize("role", ["maker", "hedger"])
def test_the_exchange_misbehaves_towards_one_account(
    trading: Pair, venue: PaperVenue, name: str, kind: str, fields: dict[str, Any], role: str
) -> None:
    account = trading.maker_account if role == "maker" else trading.hedger_account
    when = {**fields.get("when", {}), "account": account}
    fault = {"count": None, **fields, "when": when, "for": f"{int(FAULT_S)}s"}
    with endured(f"{name} towards the {role}", trading, venue):
        venue.fault(kind, **fault)
        time.sleep(FAULT_S)


@pytest.mark.alone
def test_the_market_is_halted(trading: Pair, venue: PaperVenue) -> None:
    with endured("a halted market", trading, venue):
        venue.admin("PATCH", "/api/markets/0", {"status": "inactive"})
        time.sleep(FAULT_S)
        venue.admin("PATCH", "/api/markets/0", {"status": "active"})


@pytest.mark.alone
def test_the_exchange_restarts(trading: Pair, venue: PaperVenue, release: Release) -> None:
    with endured("a restart of the exchange", trading, venue, allowed_s=30.0):
        release.restart_exchange()


@pytest.mark.alone
@node.needs_node
@pytest.mark.parametrize("role", ["maker", "hedger"])
def test_a_runner_is_parted_from_the_exchange(
    trading: Pair, venue: PaperVenue, release: Release, role: str
) -> None:
    here, there = trading.pod(role)["status"]["podIP"], release.pod_ip("exchange")
    allowed_s = RECOVERY_S + LEASE_TIMES_S
    with (
        endured(f"{role} parted from the exchange", trading, venue, allowed_s=allowed_s),
        node.parted(here, there),
    ):
        time.sleep(2 * FAULT_S)
