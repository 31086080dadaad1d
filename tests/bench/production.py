"""Makers and hedgers as pods run them: `hedgepair maker`, `hedgepair hedger`, one process each."""

from __future__ import annotations

import http.client
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import redis

from hedgepair_runner import environment as names
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import VenueId
from hedgepair_runner.local import children, redis_server
from hedgepair_runner.venues.paper.assembly import PAPER_CHAIN_ID
from tests.bench.rows import Broken
from tests.bench.settings import HEDGER, MAKER, SEED
from tests.bench.workers import environment

_ANSWER_WITHIN_S = 2.0
_API_KEY_INDEX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a runner is told at its start."""

    manifest: Path
    redis_url: str
    rest_url: str
    home: Path


def release_leases(redis_url: str, rest_url: str) -> None:
    """As a clean stop leaves them: nobody has to wait one lease for a holder that never was."""
    venue = VenueId(chain_id=PAPER_CHAIN_ID, url=rest_url)
    with redis.Redis.from_url(redis_url) as client:
        for account in (MAKER, HEDGER):
            client.set(keys.lease(venue, account, _API_KEY_INDEX), "released:bench")


class Runner:
    """One `hedgepair maker` or `hedgepair hedger`."""

    def __init__(self, role: str, around: Surroundings) -> None:
        self.role = role
        self._http_port = redis_server.free_port()
        command = [
            *(sys.executable, "-m", "hedgepair_runner", role),
            *("-f", str(around.manifest), "--namespace", "bench"),
            *("--http", f"127.0.0.1:{self._http_port}"),
        ]
        environ = {
            **environment(around.home),
            names.REDIS_URL: around.redis_url,
            names.EXCHANGE_URL: around.rest_url,
            names.PAPER_SEED: SEED,
        }
        self.child = children.start(
            role, command, log=around.home / f"cli-{role}.log", environ=environ
        )

    def readiness(self) -> str | None:
        """What `/readyz` says: "ready" or the state it is in; None while nothing listens."""
        if self.child.exit_code is not None:
            raise Broken(f"the {self.role} ended:\n{self.child.last_words()}")
        wire = http.client.HTTPConnection("127.0.0.1", self._http_port, timeout=_ANSWER_WITHIN_S)
        try:
            wire.request("GET", "/readyz")
            answer = wire.getresponse()
            said = answer.read().decode().strip()
            return "ready" if answer.status == 200 else said
        except OSError:
            return None
        finally:
            wire.close()

    def memory_mib(self) -> tuple[float, float]:
        """(resident, proportional) set size."""
        return memory_mib(self.child.pid)

    def kill(self) -> None:
        os.kill(self.child.pid, 9)
        self.child.end(patience_s=5.0)


def memory_mib(pid: int) -> tuple[float, float]:
    """(RSS, PSS) of a process, from /proc."""
    kib = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value, *_ = line.split()
        kib[name] = int(value)
    return kib["Rss:"] / 1024, kib["Pss:"] / 1024
