"""The steering store in this process, for virtual time; `test_steering_conformance` judges it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from hedgepair_runner.contract.halts import Halt, read_halt, write_halt
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.steering_store import HaltsRead
from tests.flow.memory_bus import MemoryStore, Records


class MemorySteering:
    def __init__(self, store: MemoryStore, *, pair: PairId) -> None:
        self._store = store
        self._pair = pair

    async def read_desired(self, role: Role) -> bytes | None:
        return await self._store.asked(lambda: self._records.desired.get(role))

    async def read_progress(self) -> bytes | None:
        return await self._store.asked(lambda: self._records.progress)

    async def write_progress(self, text: str) -> None:
        await self._store.asked(lambda: setattr(self._records, "progress", text.encode()))

    async def read_halts(self) -> HaltsRead:
        return await self._store.asked(self._read_halts)

    async def put_halts(self, halts: Sequence[Halt]) -> None:
        texts = {halt.id: write_halt(halt) for halt in halts}
        await self._store.asked(lambda: self._records.halts.update(texts))

    async def drop_halts(self, halt_ids: Sequence[str]) -> None:
        await self._store.asked(lambda: self._drop(halt_ids))

    @property
    def _records(self) -> Records:
        return self._store.records[self._pair]

    def _read_halts(self) -> HaltsRead:
        halts = []
        for text in self._records.halts.values():
            with suppress(ValueError):
                halts.append(read_halt(text))
        return HaltsRead(halts=tuple(halts), acknowledged=frozenset(self._records.acknowledged))

    def _drop(self, halt_ids: Sequence[str]) -> None:
        for halt_id in halt_ids:
            self._records.halts.pop(halt_id, None)
