"""The node under the pods, as its administrator sees it: processes, signals, packet filter.

`E2E_NODE_SHELL` is the command that runs a shell line on the node: `sh -c` where the node is this
machine, `docker exec NODE sh -c` with kind. Tests that need it are skipped without it, by name.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.kubectl import run
from tests.e2e.pairs import Pair

SHELL = "E2E_NODE_SHELL"

needs_node = pytest.mark.skipif(
    not os.environ.get(SHELL), reason=f"{SHELL} does not say how to reach the node"
)


def node(line: str) -> str:
    """Runs a shell line on the node."""
    return run(*shlex.split(os.environ[SHELL]), line)


def process_of(pair: Pair, role: str) -> int:
    """The node's process id of a runner: the first process of its container."""
    status = pair.pod(role)["status"]["containerStatuses"][0]
    return process_in(str(status["containerID"]))


def process_in(container_id: str) -> int:
    name = container_id.rpartition("/")[2]
    found = node(f"grep -ls {name} /proc/[0-9]*/cgroup || true").split()
    numbers = sorted(int(path.split("/")[2]) for path in found)
    for number in numbers:
        if "pause" not in node(f"tr '\\0' ' ' </proc/{number}/cmdline || true").split(" ")[0]:
            return number
    raise AssertionError(f"no process of container {name} on the node")


def kill(pair: Pair, role: str, signal: str = "KILL") -> None:
    node(f"kill -{signal} {process_of(pair, role)}")


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end if it still lives."""
    node(f"kill -STOP {process}")
    try:
        yield
    finally:
        node(f"kill -CONT {process} 2>/dev/null || true")


@contextmanager
def parted(one_ip: str, other_ip: str) -> Iterator[None]:
    """No packet between two pods, either way."""
    rules = [f"FORWARD -s {a} -d {b} -j DROP" for a, b in ((one_ip, other_ip), (other_ip, one_ip))]
    for rule in rules:
        node(f"iptables -I {rule}")
    try:
        yield
    finally:
        for rule in rules:
            node(f"iptables -D {rule}")
