"""The state of a paper exchange in a directory: nothing that was answered is lost.

`journal-N.log` holds the calls that changed the exchange since `snapshot-N.bin` was its state. A
start reads the newest snapshot and carries out the journals after it. What is noted counts as safe
once `commit` has returned: only then may the answer leave (`outbox`).

The disk stays bounded: after `snapshot_every_bytes` of journal a new snapshot is written and then
the old one is removed, with its journal. So there are never more than two snapshots, and as much
journal as comes together while the second is written. History in memory, and so in a snapshot, is
bounded by the exchange's settings.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hedgepair_runner.venues.paper import freezing, state_identity
from hedgepair_runner.venues.paper.freezing import BadSnapshotError, Frozen
from hedgepair_runner.venues.paper.journal_lines import Chain, Entry, heading, read_lines
from hedgepair_runner.venues.paper.recording import BadEntryError, RecordedExchange
from hedgepair_runner.venues.paper.snapshot_child import SnapshotChild, write_snapshot
from hedgepair_runner.venues.paper.state_disk import Disk
from hedgepair_runner.venues.paper.state_identity import Identity

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

SNAPSHOT_EVERY_BYTES: Final = 32 * 1024 * 1024


class StateError(Exception):
    """The directory cannot be used, or not any more. The text is a sentence for the user."""


class StateDir:
    """Open for one process at a time. `exchange` is the state that was found, or a new one."""

    def __init__(
        self,
        path: Path,
        *,
        identity: Identity,
        new: Callable[[], RecordedExchange],
        disk: Disk | None = None,
        snapshot_every_bytes: int = SNAPSHOT_EVERY_BYTES,
    ) -> None:
        """Makes the directory if it is missing. Raises StateError."""
        self.path = path
        self.disk = disk or Disk()
        self._identity = identity
        self._snapshot_every_bytes = snapshot_every_bytes
        self._pending: list[bytes] = []
        self._is_synced = True
        self._child: SnapshotChild | None = None
        self._retry_at_bytes = snapshot_every_bytes
        self.on_note: Callable[[], None] = _nothing
        try:
            self._lock = self._take_lock()
            generation = self._newest_snapshot()
            if generation is None:
                self._begin(new())
            else:
                self._restore(generation)
        except OSError as error:
            raise StateError(f"{path}: {error.strerror or error}") from error
        self.exchange.note = self._note

    # -- what the outbox asks --

    @property
    def is_durable(self) -> bool:
        """Everything noted so far has reached the disk."""
        return self._is_synced and not self._pending

    @property
    def is_writing_snapshot(self) -> bool:
        return self._child is not None

    def write(self) -> None:
        """Hands what was noted to the operating system. Raises StateError."""
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending.clear()
        self._is_synced = False
        try:
            self.disk.append(self._journal, data)
        except OSError as error:
            raise StateError(f"cannot write the journal: {error.strerror}") from error
        self._journal_bytes += len(data)

    def sync(self) -> None:
        """Waits for the disk; may run in a thread. Raises StateError."""
        try:
            self.disk.sync(self._journal)
        except OSError as error:
            raise StateError(f"cannot write the journal: {error.strerror}") from error

    def synced(self) -> None:
        """What `write` wrote before the last `sync` began is safe."""
        self._is_synced = True

    def commit(self) -> None:
        """Everything noted is safe when this returns. Raises StateError."""
        if self.is_durable:
            return
        self.write()
        self.sync()
        self.synced()

    def tend(self) -> None:
        """Begins a snapshot where one is due and ends one that is written. Raises StateError."""
        try:
            if self._child is not None:
                is_whole = self._child.has_ended()
                if is_whole is not None:
                    self._child = None
                    self._end_snapshot(is_whole=is_whole)
            elif self._journal_bytes >= self._retry_at_bytes:
                self._rotate()
                head = self._head()
                self._child = SnapshotChild(
                    self._unfinished(), lambda: freezing.freeze(self.exchange, head), self.disk
                )
        except OSError as error:
            raise StateError(f"cannot write a snapshot: {error.strerror}") from error

    def close(self) -> None:
        """Leaves a snapshot and an empty journal. Raises StateError; idempotent."""
        if self._lock is None:
            return
        try:
            self.commit()
            if self._child is not None:
                self._end_snapshot(is_whole=self._child.wait())
            if self._has_entries:
                self._rotate()
                head = self._head()
                write_snapshot(
                    self._unfinished(), lambda: freezing.freeze(self.exchange, head), self.disk
                )
                self._end_snapshot(is_whole=True)
        except OSError as error:
            raise StateError(f"cannot write a snapshot: {error.strerror}") from error
        finally:
            os.close(self._journal)
            os.close(self._lock)
            self._lock = None
            self.exchange.note = _refuse_note

    # -- notes --

    def _note(self, entry: Sequence[object]) -> None:
        self._pending.append(self._chain.line(entry))
        self._has_entries = True
        self.on_note()

    # -- beginning --

    def _take_lock(self) -> int | None:
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        if sys.platform != "win32":
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(descriptor)
                raise StateError(f"{self.path} is in use by another exchange") from error
        return descriptor

    def _newest_snapshot(self) -> int | None:
        for left_over in self.path.glob("*.unfinished"):
            self.disk.remove(left_over)
        generations = sorted(_generation(each) for each in self.path.glob("snapshot-*.bin"))
        if not generations and any(self.path.glob("journal-*.log")):
            raise StateError(f"{self.path} has a journal but no snapshot to begin from")
        return generations[-1] if generations else None

    def _begin(self, exchange: RecordedExchange) -> None:
        self.exchange = exchange
        self._generation = 1
        head = self._head()
        write_snapshot(self._unfinished(), lambda: freezing.freeze(exchange, head), self.disk)
        self.disk.rename(self._unfinished(), self._snapshot_path(1))
        self._open_journal()

    def _restore(self, generation: int) -> None:
        data = self._snapshot_path(generation).read_bytes()
        try:
            difference = state_identity.difference(
                freezing.read_head(data).identity, self._identity
            )
            if difference is not None:
                raise StateError(f"{self.path} holds the state of {difference}")
            self.exchange = freezing.thaw(data)
        except BadSnapshotError as error:
            name = self._snapshot_path(generation).name
            raise StateError(f"{self.path}/{name} cannot be read: {error}") from error
        self._generation = generation
        if not self._journal_path(generation).exists():
            # Killed between the first snapshot and its journal.
            self._open_journal()
            return
        while self._journal_path(self._generation + 1).exists():
            self._replay(is_last=False)
            self._generation += 1
            # The snapshot of this generation was never finished: it is due.
            self._retry_at_bytes = 0
        self._replay(is_last=True)
        self._remove_before(generation)

    def _replay(self, *, is_last: bool) -> None:
        path = self._journal_path(self._generation)
        data = path.read_bytes()
        try:
            lines = read_lines(data, self._repeat)
        except BadEntryError as error:
            raise StateError(f"{path} cannot be carried out again: {error}") from error
        if not is_last:
            if lines.length < len(data):
                raise StateError(f"{path} is damaged after {lines.count} lines")
            return
        if lines.length < len(data):
            logger.warning(
                "journal's torn end dropped: it was never answered",
                extra={"file": path.name, "bytes": len(data) - lines.length},
            )
        self._chain = Chain(lines.checksum)
        self._journal = self.disk.reopen(path, lines.length)
        self._journal_bytes = lines.length
        self._has_entries = lines.count > 1
        if lines.count == 0:
            self._head_journal()

    def _repeat(self, entry: Entry) -> None:
        if entry[0] != "journal":
            self.exchange.repeat(entry)
        elif entry != heading(self._generation, state_identity.digest(self._identity)):
            raise BadEntryError(f"it begins as {entry}")

    # -- generations --

    def _rotate(self) -> None:
        """What comes from now on is noted in the next generation's journal."""
        self.commit()
        os.close(self._journal)
        self._generation += 1
        self._open_journal()

    def _open_journal(self) -> None:
        self._chain = Chain()
        self._journal = self.disk.create(self._journal_path(self._generation))
        self._journal_bytes = 0
        self._has_entries = False
        self._head_journal()

    def _head_journal(self) -> None:
        self._pending.append(
            self._chain.line(heading(self._generation, state_identity.digest(self._identity)))
        )
        self.commit()

    def _end_snapshot(self, *, is_whole: bool) -> None:
        if not is_whole:
            logger.warning("snapshot could not be written: the journal is kept and grows")
            self._retry_at_bytes = self._journal_bytes + self._snapshot_every_bytes
            return
        self._retry_at_bytes = self._snapshot_every_bytes
        self.disk.rename(self._unfinished(), self._snapshot_path(self._generation))
        self._remove_before(self._generation)

    def _remove_before(self, generation: int) -> None:
        for path in (*self.path.glob("journal-*.log"), *self.path.glob("snapshot-*.bin")):
            if _generation(path) < generation:
                self.disk.remove(path)

    def _head(self) -> Frozen:
        return Frozen(generation=self._generation, identity=self._identity)

    def _unfinished(self) -> Path:
        return self._snapshot_path(self._generation).with_suffix(".unfinished")

    def _snapshot_path(self, generation: int) -> Path:
        return self.path / f"snapshot-{generation:08d}.bin"

    def _journal_path(self, generation: int) -> Path:
        return self.path / f"journal-{generation:08d}.log"


def _generation(path: Path) -> int:
    return int(path.stem.partition("-")[2])


def _nothing() -> None:
    """Nobody has to be told: the default."""


def _refuse_note(entry: Sequence[object]) -> None:
    raise AssertionError("the exchange changed after its state was closed")
