"""The steering store over Redis (design §8): one key a command, for clusters and narrow ACLs."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, cast

import redis.asyncio as redis

from hedgepair_runner.contract import keys
from hedgepair_runner.contract.halts import Halt, read_halt, write_halt
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.redis_bus import asked
from hedgepair_runner.steering_store import HaltsRead


class RedisSteering:
    def __init__(self, client: redis.Redis, *, pair: PairId) -> None:
        self._client = client
        self._pair = pair

    async def read_desired(self, role: Role) -> bytes | None:
        found = await asked(self._client.get(keys.desired(self._pair, role)))
        return cast(bytes | None, found)

    async def read_progress(self) -> bytes | None:
        return cast(bytes | None, await asked(self._client.get(keys.progress(self._pair))))

    async def write_progress(self, text: str) -> None:
        await asked(self._client.set(keys.progress(self._pair), text))

    async def read_halts(self) -> HaltsRead:
        texts = await asked(
            cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(keys.halts(self._pair)))
        )
        ids = await asked(
            cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(keys.acknowledged(self._pair)))
        )
        halts = (_readable(text) for text in texts.values())
        return HaltsRead(
            halts=tuple(halt for halt in halts if halt is not None),
            acknowledged=frozenset(halt_id.decode() for halt_id in ids),
        )

    async def put_halts(self, halts: Sequence[Halt]) -> None:
        fields: dict[Any, Any] = {halt.id: write_halt(halt) for halt in halts}
        await asked(self._client.hset(keys.halts(self._pair), mapping=fields))

    async def drop_halts(self, halt_ids: Sequence[str]) -> None:
        await asked(self._client.hdel(keys.halts(self._pair), *halt_ids))


def _readable(text: bytes) -> Halt | None:
    try:
        return read_halt(text)
    except ValueError:
        return None
