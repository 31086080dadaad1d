"""Faults of runner processes and pods."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from tests.e2e import node
from tests.e2e.conftest import MakePair
from tests.e2e.enduring import LEASE_TIMES_S, RECOVERY_S, endured
from tests.e2e.kubectl import CommandFailed, until
from tests.e2e.pairs import Pair
from tests.e2e.venue import PaperVenue

RESTART_S = 15.0
"""A pod that is gone has to be made, scheduled and started before anything can recover."""
ROLES = ("maker", "hedger")


@node.needs_node
@pytest.mark.parametrize("role", ROLES)
def test_kill_9(trading: Pair, venue: PaperVenue, role: str) -> None:
    allowed_s = RECOVERY_S + LEASE_TIMES_S + RESTART_S
    with endured(f"kill -9 of the {role}", trading, venue, allowed_s=allowed_s):
        node.kill(trading, role)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("flags", [(), ("--force", "--grace-period=0")], ids=["delete", "force"])
def test_a_pod_is_deleted(
    trading: Pair, venue: PaperVenue, role: str, flags: tuple[str, ...]
) -> None:
    name = "forced deletion" if flags else "deletion"
    allowed_s = RECOVERY_S + LEASE_TIMES_S + RESTART_S
    with endured(f"{name} of the {role}'s pod", trading, venue, allowed_s=allowed_s):
        trading.kubectl("delete", "pod", f"{trading.name}-{role}-0", *flags)


@pytest.mark.parametrize("role", ROLES)
def test_a_runner_runs_out_of_memory(make_pair: MakePair, venue: PaperVenue, role: str) -> None:
    limits = {"requests": {"memory": "64Mi", "cpu": "20m"}, "limits": {"memory": "130Mi"}}
    pair = make_pair(changes={"runner": {"resources": limits}})
    pair.wait("Ready", within_s=90)
    venue.wait_fills(pair, 3)
    before = pair.restarts()[role][1]
    with endured(
        f"OOM of the {role}", pair, venue, allowed_s=RECOVERY_S + LEASE_TIMES_S + RESTART_S
    ):
        # The kernel takes the largest process: the runner, since each of these is smaller.
        eat = "python3 -c 'x = bytearray(14 << 20); import time; time.sleep(20)'"
        with suppress(CommandFailed):  # its container ends with it
            line = f"for i in 1 2 3 4 5 6 7 8; do {eat} & done; wait"
            pair.kubectl.exec(f"{pair.name}-{role}-0", "sh", "-c", line)
        until(lambda: pair.restarts()[role][1] > before, "the runner was killed", within_s=30)


@node.needs_node
def test_a_sleeping_maker_wakes_after_its_successor(trading: Pair, venue: PaperVenue) -> None:
    _sleep_through_succession(trading, venue, "maker")


@node.needs_node
def test_a_sleeping_hedger_wakes_beside_its_standby(make_pair: MakePair, venue: PaperVenue) -> None:
    pair = make_pair(changes={"hedger": {"standby": True}})
    pair.wait("Ready", within_s=90)
    venue.wait_fills(pair, 3)
    process = node.process_of(pair, "hedger")
    with endured("SIGSTOP of the hedger with a standby", pair, venue), node.stopped(process):
        time.sleep(SLEEP_S)


SLEEP_S = 30.0


def _sleep_through_succession(pair: Pair, venue: PaperVenue, role: str) -> None:
    process = node.process_of(pair, role)
    with (
        endured(f"SIGSTOP of the {role}, successor forced in", pair, venue, allowed_s=20.0),
        node.stopped(process),
    ):
        pair.kubectl("delete", "pod", f"{pair.name}-{role}-0", "--force", "--grace-period=0")
        time.sleep(SLEEP_S)
