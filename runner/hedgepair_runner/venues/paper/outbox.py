"""Nothing leaves the exchange before what it rests on has reached the disk.

Records of one turn of the loop, and of the time that the disk takes for those before, go out in one
write and one sync. Frames and answers wait for it, in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from hedgepair_runner.venues.paper.state_dir import StateDir

Send = Callable[[bytes], None]
_TEND_S: Final = 0.2


class Outbox:
    """`run` must run; after `close` everything is committed at once instead."""

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._held: list[tuple[Send, bytes]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._noted = asyncio.Event()
        self._is_syncing = False
        self._is_closed = False
        state.on_note = self._noted.set
        if not state.is_durable:
            # What came due while the exchange was down has been done already.
            self._noted.set()

    def deliver(self, send: Send, frame: bytes) -> None:
        """`send(frame)` as soon as it may leave, after all that was delivered before."""
        if self._is_free():
            send(frame)
        else:
            self._held.append((send, frame))

    async def settled(self) -> None:
        """Returns when all that has happened so far may be told."""
        if not self._is_free():
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    async def run(self) -> None:
        """Until cancelled. Raises StateError when the disk fails: then nothing may be told."""
        while True:
            # While a snapshot is written somebody has to look whether it is done.
            pause_s = _TEND_S if self._state.is_writing_snapshot else None
            try:
                async with asyncio.timeout(pause_s):
                    await self._noted.wait()
            except TimeoutError:
                self._state.tend()
                continue
            self._noted.clear()
            await self._commit()
            self._state.tend()

    def close(self) -> None:
        """Commits and sends what is held. Raises StateError."""
        self._is_closed = True
        self._state.commit()
        self._release(len(self._held), len(self._waiting))

    def _is_free(self) -> bool:
        if self._is_closed:
            self._state.commit()
        return self._state.is_durable and not self._held and not self._is_syncing

    async def _commit(self) -> None:
        frames, answers = len(self._held), len(self._waiting)
        if not self._state.is_durable:
            self._state.write()
            await self._sync()
        self._release(frames, answers)
        if self._held or self._waiting:
            self._noted.set()

    async def _sync(self) -> None:
        if self._state.disk.syncs:
            self._is_syncing = True
            try:
                await asyncio.get_running_loop().run_in_executor(None, self._state.sync)
            finally:
                self._is_syncing = False
        self._state.synced()

    def _release(self, frames: int, answers: int) -> None:
        held, self._held = self._held[:frames], self._held[frames:]
        waiting, self._waiting = self._waiting[:answers], self._waiting[answers:]
        for send, frame in held:
            send(frame)
        for each in waiting:
            if not each.done():
                each.set_result(None)
