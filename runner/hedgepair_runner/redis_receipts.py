"""Receipts over Redis: a stream whose entry ids follow from the order (design §8).

An id is when the order executed and its client order index: two writers of one receipt write one
entry. Only a receipt that comes after a later order's needs another id, and a look at what was
written since.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, cast

import orjson
import redis.asyncio as redis

from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.receipts import Receipt, read_receipt, write_receipt
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.receipt_store import KEPT_RECEIPTS, Stored
from hedgepair_runner.redis_bus import asked

_PAGE: Final = 200
_NEWEST_PAGES: Final = 10
_TOLD_FILLS: Final = 2_000

# Milliseconds and client order indexes (48 bits) are exact as Lua's numbers.
ADD: Final = """
local key, ms, index, role = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local id = ARGV[1] .. '-' .. ARGV[2]
local top = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
if top then
  local dash = string.find(top[1], '-', 1, true)
  local top_ms = tonumber(string.sub(top[1], 1, dash - 1))
  local top_low = tonumber(string.sub(top[1], dash + 1))
  if top_ms > ms or (top_ms == ms and top_low >= index) then
    for _, entry in ipairs(redis.call('XRANGE', key, id, '+')) do
      if entry[2][2] == ARGV[2] then return 'known' end
    end
    id = string.format('%d-%d', top_ms, top_low + 1)
  end
end
if ARGV[6] ~= '0' then
  local newest, seen = top and top[2][4] == role and top, 1
  if top and not newest then
    local entries = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 100)
    seen = #entries
    for _, entry in ipairs(entries) do
      if entry[2][4] == role then newest = entry break end
    end
  end
  if newest and newest[2][2] ~= ARGV[6] then return 'lost' end
  if not newest and seen < 100 then return 'lost' end
end
redis.call('XADD', key, 'MAXLEN', '~', ARGV[5], id,
    'order', ARGV[2], 'role', role, 'v', ARGV[4])
return 'new'
"""


class RedisReceipts:
    def __init__(self, client: redis.Redis, *, pair: PairId) -> None:
        self._client = client
        self._key = keys.receipts(pair)
        self._fills = keys.fills(pair)
        self._add: Callable[..., Awaitable[Any]] = client.register_script(ADD)

    async def add(self, receipt: Receipt, *, previous: int = 0) -> Stored:
        args = [
            receipt.executed_ms,
            receipt.client_order_index,
            receipt.role,
            write_receipt(receipt),
            KEPT_RECEIPTS,
            previous,
        ]
        return Stored((await asked(self._add(keys=[self._key], args=args))).decode())

    async def newest(self, role: Role) -> Receipt | None:
        before = "+"
        for _ in range(_NEWEST_PAGES):
            entries = await self._entries(self._key, before, "-", newest_first=True)
            found = [
                read_receipt(fields[b"v"])
                for _, fields in entries
                if fields[b"role"] == role.label.encode()
            ]
            if found:
                return max(found, key=lambda receipt: receipt.last_trade_id)
            if len(entries) < _PAGE:
                return None
            before = f"({entries[-1][0].decode()}"
        return None

    async def read(self, *, since_ms: int, until_ms: int) -> tuple[Receipt, ...]:
        found = [read_receipt(fields[b"v"]) async for fields in self._since(since_ms)]
        # An entry that came late has a later id than its time.
        return tuple(
            sorted(
                (each for each in found if since_ms <= each.executed_ms < until_ms),
                key=lambda each: (each.executed_ms, each.last_trade_id),
            )
        )

    async def orders(self, *, since_ms: int) -> frozenset[int]:
        found: set[int] = set()
        async for fields in self._since(since_ms):
            found.add(int(fields[b"order"]))
        return frozenset(found)

    async def told_fills(self) -> tuple[AccountTrade, ...]:
        entries = await self._entries(self._fills, "+", "-", newest_first=True, count=_TOLD_FILLS)
        return tuple(
            AccountTrade(**orjson.loads(fields[b"v"]))
            for _, fields in reversed(entries)
            if fields[b"k"] == b"trade"
        )

    async def _since(self, since_ms: int) -> AsyncIterator[dict[bytes, bytes]]:
        """An entry's id is never before its order executed."""
        after = str(since_ms)
        while True:
            entries = await self._entries(self._key, after, "+")
            for _, fields in entries:
                yield fields
            if len(entries) < _PAGE:
                return
            after = f"({entries[-1][0].decode()}"

    async def _entries(
        self, key: str, begin: str, end: str, *, newest_first: bool = False, count: int = _PAGE
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        read = self._client.xrevrange if newest_first else self._client.xrange
        return cast(
            list[tuple[bytes, dict[bytes, bytes]]], await asked(read(key, begin, end, count=count))
        )
