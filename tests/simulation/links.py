"""A process's own way to Redis, which fails for it alone, and the server's loss of its last writes.

Whatever is not said here is the server's, so that a link is a server to those who use one.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any, TypeVar, cast

from hedgepair_runner.bus import BusUnavailable
from tests.flow.memory_bus import ANSWER_TIMEOUT_S, MemoryStore
from tests.flow.pausing_loop import Process, outside
from tests.flow.seats import handed_out

Answer = TypeVar("Answer")
NOT_STATE = frozenset({"reports_seen"})


class Link:
    """`is_cut`: nothing passes. `loses_answers`: commands pass, their answers do not."""

    def __init__(self, server: MemoryStore, process: Process) -> None:
        self._server = server
        self._process = process
        self._is_cut = False
        self.loses_answers = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    @property
    def is_cut(self) -> bool:
        return self._is_cut or self._server.is_cut

    def cut(self) -> None:
        self._is_cut = True
        self._server.wake()

    def mend(self) -> None:
        self._is_cut = self.loses_answers = False

    async def asked(self, command: Callable[[], Answer]) -> Answer:
        return await outside(handed_out(self._process, self._asked(command)))

    async def _asked(self, command: Callable[[], Answer]) -> Answer:
        if self._is_cut:
            await asyncio.sleep(ANSWER_TIMEOUT_S)
            raise BusUnavailable("TimeoutError")
        answer = await self._server.asked(command)
        if self.loses_answers or self._is_cut:
            await asyncio.sleep(ANSWER_TIMEOUT_S)
            raise BusUnavailable("TimeoutError")
        return answer


def link(server: MemoryStore, process: Process) -> MemoryStore:
    return cast(MemoryStore, Link(server, process))


def link_of(store: MemoryStore) -> Link:
    return cast(Link, store)


class Snapshot:
    """All that a server held at one moment. `restore` takes it back to there: a failover."""

    def __init__(self, server: MemoryStore) -> None:
        self._server = server
        self._state = {
            name: copy.deepcopy(value)
            for name, value in vars(server).items()
            if isinstance(value, dict) and name not in NOT_STATE and not name.startswith("_")
        }

    def restore(self) -> None:
        for name, value in self._state.items():
            held = getattr(self._server, name)
            held.clear()
            held.update(value)
