"""Writes a snapshot beside the running exchange, in a forked child: the loop never waits for it.

The child has the state as it was at the fork, writes one file and ends. It closes what it inherited
first, so a server that is killed meanwhile leaves neither its port nor its lock to the child.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from hedgepair_runner.venues.paper.state_disk import Disk

Freeze = Callable[[], bytes]
_DESCRIPTORS = 65_536
"""Far more than the connections that a server takes."""


def write_snapshot(path: Path, freeze: Freeze, disk: Disk) -> None:
    """In this process. Raises OSError."""
    disk.remove(path)
    descriptor = disk.create(path)
    try:
        disk.append(descriptor, freeze())
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


class SnapshotChild:
    """`has_ended` must be asked until it tells."""

    def __init__(self, path: Path, freeze: Freeze, disk: Disk) -> None:
        self._pid: int | None = None
        self._failed = False
        if sys.platform == "win32":
            write_snapshot(path, freeze, disk)
            return
        with warnings.catch_warnings():
            # Newer interpreters warn of threads at a fork: the child needs none and none's lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _be_the_child(path, freeze, disk)
        self._pid = pid

    def has_ended(self) -> bool | None:
        """None: it still writes; else whether the file is whole."""
        if self._pid is not None and sys.platform != "win32":
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid == 0:
                return None
            self._pid, self._failed = None, status != 0
        return not self._failed

    def wait(self) -> bool:
        """As `has_ended`, once it has."""
        if self._pid is not None:
            _, status = os.waitpid(self._pid, 0)
            self._pid, self._failed = None, status != 0
        return not self._failed


def _be_the_child(path: Path, freeze: Freeze, disk: Disk) -> None:
    code = 1
    try:
        gc.disable()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.closerange(3, _DESCRIPTORS)
        write_snapshot(path, freeze, disk)
        code = 0
    finally:
        # Whatever happened: none of the parent's own endings may run here.
        os._exit(code)
