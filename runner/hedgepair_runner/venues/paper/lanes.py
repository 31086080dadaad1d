"""First come, first served per key, although what is waited for ends in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable


class Turn:
    """A place in a lane. Whoever takes one must call `leave`, come what may."""

    def __init__(self, lanes: Lanes, key: Hashable, before: asyncio.Future[None] | None) -> None:
        self._lanes = lanes
        self._key = key
        self._before = before
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def comes(self) -> None:
        """Returns when all that entered earlier have left."""
        if self._before is not None:
            # Not awaited directly: a cancelled waiter would cancel its forerunner's place.
            await asyncio.wait([self._before])

    def leave(self) -> None:
        if not self.left.done():
            # Who leaves early, say cancelled, does not let those behind it overtake.
            if self._before is not None and not self._before.done():
                self._before.add_done_callback(lambda _: self.leave())
                return
            self.left.set_result(None)
            self._lanes.forget(self._key, self)


class Lanes:
    def __init__(self) -> None:
        self._last: dict[Hashable, Turn] = {}

    def is_busy(self, key: Hashable) -> bool:
        return key in self._last

    def enter(self, key: Hashable) -> Turn:
        before = self._last.get(key)
        turn = Turn(self, key, before.left if before else None)
        self._last[key] = turn
        return turn

    def forget(self, key: Hashable, turn: Turn) -> None:
        if self._last.get(key) is turn:
            del self._last[key]
