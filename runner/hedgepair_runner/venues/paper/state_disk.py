"""The steps on a disk that a journal is made of. A step that returns has reached the disk."""

from __future__ import annotations

import os
import sys
from pathlib import Path


class Disk:
    """`syncs=False` leaves it to the operating system when bytes reach the disk.

    A process that is killed then still loses nothing; a machine that loses its power does.
    Every method raises OSError.
    """

    def __init__(self, *, syncs: bool = True) -> None:
        self.syncs = syncs

    def create(self, path: Path) -> int:
        """A new file to append to; its name is safe at once."""
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        self._sync_folder(path)
        return descriptor

    def reopen(self, path: Path, length: int) -> int:
        """To append after `length` bytes; what is beyond them goes."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.ftruncate(descriptor, length)
        self.sync(descriptor)
        return descriptor

    def append(self, descriptor: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def sync(self, descriptor: int) -> None:
        if not self.syncs:
            return
        if sys.platform == "linux":
            os.fdatasync(descriptor)
        else:
            os.fsync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)
        self._sync_folder(new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def _sync_folder(self, path: Path) -> None:
        if self.syncs and sys.platform != "win32":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
