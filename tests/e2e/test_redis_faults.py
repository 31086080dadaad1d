"""Faults of Redis: it costs time, never a hedge (law 8)."""

from __future__ import annotations

import time

import pytest

from tests.e2e import node
from tests.e2e.enduring import LEASE_TIMES_S, RECOVERY_S, endured
from tests.e2e.pairs import Pair
from tests.e2e.release import Release
from tests.e2e.venue import PaperVenue

pytestmark = pytest.mark.alone

ALLOWED_S = RECOVERY_S + LEASE_TIMES_S
FAULT_S = 10.0


def test_redis_restarts(trading: Pair, venue: PaperVenue, release: Release) -> None:
    with endured("a restart of Redis", trading, venue, allowed_s=ALLOWED_S):
        release.restart_redis()


def test_redis_is_flushed(trading: Pair, venue: PaperVenue, release: Release) -> None:
    with endured("a flushed Redis", trading, venue, allowed_s=ALLOWED_S):
        release.redis("FLUSHALL")


def test_redis_is_out_of_memory(trading: Pair, venue: PaperVenue, release: Release) -> None:
    with endured("Redis out of memory", trading, venue, allowed_s=ALLOWED_S):
        release.redis("CONFIG", "SET", "maxmemory", "1000000")
        time.sleep(FAULT_S)
        release.redis("CONFIG", "SET", "maxmemory", "0")


@node.needs_node
@pytest.mark.parametrize("role", ["maker", "hedger"])
def test_a_runner_is_parted_from_redis(
    trading: Pair, venue: PaperVenue, release: Release, role: str
) -> None:
    here, there = trading.pod(role)["status"]["podIP"], release.pod_ip("redis")
    with (
        endured(f"{role} parted from Redis", trading, venue, allowed_s=ALLOWED_S),
        node.parted(here, there),
    ):
        time.sleep(FAULT_S)


def test_redis_restarts_while_the_operator_is_down(
    trading: Pair, venue: PaperVenue, release: Release
) -> None:
    """The users are in its ACL file: nobody is locked out."""
    name = "a restart of Redis without the operator"
    with endured(name, trading, venue, allowed_s=ALLOWED_S + 30), release.without_operator():
        release.restart_redis()
        venue.wait_fills(trading, 2, within_s=60)
