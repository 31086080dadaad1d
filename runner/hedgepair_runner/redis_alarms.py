"""Reads a pair's alarms from Redis; whoever has something to tell writes them by the bus."""

from __future__ import annotations

from typing import Final, cast

import redis.asyncio as redis

from hedgepair_runner.contract import keys
from hedgepair_runner.contract.alarms import Alarm, read_alarm
from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.redis_bus import asked

_PAGE: Final = 500
BEGIN: Final = "0-0"


class RedisAlarms:
    """Raises BusUnavailable."""

    def __init__(self, client: redis.Redis, *, pair: PairId) -> None:
        self._client = client
        self._key = keys.alarm(pair)

    async def read(self, *, since_ms: int, until_ms: int) -> tuple[Alarm, ...]:
        """Those told within, oldest first."""
        found: list[Alarm] = []
        after = f"{since_ms}-0"
        while True:
            page, after = await self._page(after)
            found += (alarm for alarm in page if alarm.at_ms < until_ms)
            if len(page) < _PAGE:
                return tuple(found)

    async def newer(self, after: str) -> tuple[tuple[Alarm, ...], str]:
        """Alarms past that entry id, and the id to ask with next."""
        return await self._page(f"({after}" if not after.startswith("(") else after)

    async def _page(self, start: str) -> tuple[tuple[Alarm, ...], str]:
        answer = await asked(self._client.xrange(self._key, start, "+", count=_PAGE))
        entries = cast(list[tuple[bytes, dict[bytes, bytes]]], answer)
        alarms = tuple(read_alarm(entry_id, fields) for entry_id, fields in entries)
        return alarms, f"({entries[-1][0].decode()}" if entries else start
