"""A paper exchange that kills itself at one numbered step of its disk: for `test_crash_points`.

    python crash_exchange.py STATE_DIR

For every line of its standard input, a `Point` as JSON or `null`, it forks an exchange with this
directory, says `{"pid": …, "url": …}`, and `{"status": …}` when that has died. Steps are counted
once a client has brought about some, in the process and, of snapshots, in its children.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from hedgepair_runner.venues.paper.assembly import ExchangeOptions, open_state, serve
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.state_disk import Disk

SLOW_ACCOUNT = 33
SNAPSHOT_EVERY_BYTES = 6_000
ARMED_AFTER_WRITES = 8
OPTIONS = ExchangeOptions(
    seed="crash",
    markets=(replace(ETH, start_price_ticks=200_000),),
    exchange=ExchangeSettings(tier_of_account={SLOW_ACCOUNT: "standard"}),
    gateway=GatewaySettings(checking=Checking.OFF, book_batch_us=0),
)
"""The slow account's transactions wait in the queue, where a crash finds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    step: str
    """`append journal`, `append snapshot`, `sync`, `create`, `rename` or `remove`."""
    count: int
    when: str = "before"
    """Or `after`, or `half` of the bytes."""
    power: bool = False
    """What no sync has brought to the disk is gone, too, as after a power cut."""
    child: bool = False
    """Only the process that writes a snapshot dies."""


class DeadlyDisk(Disk):
    def __init__(self, point: Point | None) -> None:
        super().__init__()
        self.is_serving = False
        self._writes = 0
        self._point = point
        self._process = os.getpid()
        self._counts: Counter[str] = Counter()
        self._files: dict[int, tuple[Path, int]] = {}
        """By descriptor: the file, and how much of it is safe."""

    def create(self, path: Path) -> int:
        self._step("create", "before")
        descriptor = super().create(path)
        self._files[descriptor] = path, 0
        self._done("create")
        return descriptor

    def reopen(self, path: Path, length: int) -> int:
        descriptor = super().reopen(path, length)
        self._files[descriptor] = path, length
        return descriptor

    def append(self, descriptor: int, data: bytes) -> None:
        self._writes += self.is_serving
        kind = "snapshot" if self._files[descriptor][0].suffix == ".unfinished" else "journal"
        self._step(f"append {kind}", "before")
        half = len(data) // 2
        super().append(descriptor, data[:half])
        self._dies(f"append {kind}", "half")
        super().append(descriptor, data[half:])
        self._done(f"append {kind}")

    def sync(self, descriptor: int) -> None:
        self._step("sync", "before")
        super().sync(descriptor)
        if descriptor in self._files:
            path, _ = self._files[descriptor]
            self._files[descriptor] = path, path.stat().st_size
        self._done("sync")

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename", "before")
        super().rename(old, new)
        self._done("rename")

    def remove(self, path: Path) -> None:
        if not path.exists():
            return
        self._step("remove", "before")
        super().remove(path)
        self._done("remove")

    # -- death --

    @property
    def _is_armed(self) -> bool:
        return self._writes > ARMED_AFTER_WRITES

    def _step(self, step: str, when: str) -> None:
        if self._is_armed:
            self._counts[step] += 1
            self._dies(step, when)

    def _done(self, step: str) -> None:
        self._dies(step, "after")

    def _dies(self, step: str, when: str) -> None:
        point = self._point
        if point is None or not self._is_armed:
            return
        if (step, self._counts[step], when) != (point.step, point.count, point.when):
            return
        if point.power:
            for path, safe in self._files.values():
                # A snapshot's process does not know how much of the journal is safe by now.
                mine = os.getpid() == self._process or path.suffix == ".unfinished"
                if mine and path.exists():
                    os.truncate(path, min(safe, path.stat().st_size))
        if not point.child:
            os.kill(self._process, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


async def _exchange(path: Path, point: Point | None) -> None:
    disk = DeadlyDisk(point)
    state = open_state(OPTIONS, path, disk=disk, snapshot_every_bytes=SNAPSHOT_EVERY_BYTES)
    async with serve(OPTIONS, state=state) as server:
        disk.is_serving = True
        _say(pid=os.getpid(), url=server.url)
        await server.failed()


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(path: Path) -> None:
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            asyncio.run(_exchange(path, Point(**told) if told else None))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        _say(status=status)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
