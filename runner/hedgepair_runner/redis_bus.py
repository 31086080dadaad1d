"""The bus over Redis: the runner's only Redis import (design §8).

Stream `…:fills` carries entries {"k": "trade" | "quote", "v": JSON}; hashes carry JSON by id;
reports are JSON strings with an expiry. Every record has `schema_version`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import orjson
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hedgepair_runner.bus import (
    BusEvent,
    BusUnavailable,
    FillTold,
    IntentRecord,
    LeaseGrant,
    TailDown,
    TailUp,
)
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.alarms import KEPT_ALARMS, alarm_fields
from hedgepair_runner.contract.identity import PairId, Role, VenueId
from hedgepair_runner.contract.status import RunnerReport, read_report
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.quotes import QuoteTold
from hedgepair_runner.redis_login import LoginFile
from hedgepair_runner.redis_urls import without_login

COMMAND_TIMEOUT_S = 1.0
TAIL_BLOCK_MS = 1_000
TAIL_TIMEOUT_S = 4.0
TAIL_RETRY_S = 0.1
STREAM_LENGTH = 20_000
"""Well above what can be unhedged; the venue's own feeds are the truth (law 8)."""
RELEASED_FOR_MS = 600_000

# Each script touches one key, so that it works on a cluster and under a narrow ACL.
ACQUIRE = """
local held = redis.call('GET', KEYS[1])
local released = held and string.sub(held, 1, 9) == 'released:'
if held and not released and held ~= ARGV[1] then return 'held' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return released and 'clean' or 'unclean'
"""
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'released:' .. ARGV[1], 'PX', ARGV[2])
return 1
"""
RAISE_EPOCH = """
local kept = tonumber(redis.call('GET', KEYS[1]) or '0')
local epoch = math.max(kept, tonumber(ARGV[1])) + 1
redis.call('SET', KEYS[1], string.format('%d', epoch))
return string.format('%d', epoch)
"""

Answer = TypeVar("Answer")


def connect(url: str, *, timeout_s: float, url_file: Path | None = None) -> redis.Redis:
    """A client that never retries by itself: a lost answer must be seen, not papered over.

    With `url_file`, each connection logs in as the file says at that moment: a rotated password
    needs no restart. The server stays the one of `url`.
    """
    return redis.Redis.from_url(
        url if url_file is None else without_login(url),
        credential_provider=None if url_file is None else LoginFile(url_file),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        health_check_interval=0,
    )


async def asked(answer: Awaitable[Answer]) -> Answer:
    """Maps every failure of the library to BusUnavailable. Its texts never hold the URL."""
    task = asyncio.current_task()
    cancels = task.cancelling() if task is not None else 0
    try:
        return await answer
    except (RedisError, OSError, TimeoutError) as error:
        raise BusUnavailable(type(error).__name__) from error
    finally:
        # The library sends within asyncio.wait_for, which before Python 3.12 swallows a
        # cancellation that comes as the send ends: its task would never stop.
        if task is not None and task.cancelling() > cancels:
            raise asyncio.CancelledError


class RedisLeases:
    """The lease and epoch of one (venue, account, API key)."""

    def __init__(self, client: redis.Redis, *, venue: VenueId, account: int, key: int) -> None:
        self._lease = keys.lease(venue, account, key)
        self._epoch = keys.epoch(venue, account, key)
        self._acquire: Callable[..., Awaitable[Any]] = client.register_script(ACQUIRE)
        self._renew: Callable[..., Awaitable[Any]] = client.register_script(RENEW)
        self._release: Callable[..., Awaitable[Any]] = client.register_script(RELEASE)
        self._raise: Callable[..., Awaitable[Any]] = client.register_script(RAISE_EPOCH)

    async def acquire(self, holder: str, *, ttl_ms: int) -> LeaseGrant:
        answer = await asked(self._acquire(keys=[self._lease], args=[holder, ttl_ms]))
        return LeaseGrant(answer.decode())

    async def renew(self, holder: str, *, ttl_ms: int) -> bool:
        return bool(await asked(self._renew(keys=[self._lease], args=[holder, ttl_ms])))

    async def release(self, holder: str) -> None:
        await asked(self._release(keys=[self._lease], args=[holder, RELEASED_FOR_MS]))

    async def raise_epoch(self, floor: int) -> int:
        return int(await asked(self._raise(keys=[self._epoch], args=[floor])))


class RedisBus:
    """The records and streams of one pair."""

    def __init__(
        self, client: redis.Redis, tail: redis.Redis, *, pair: PairId, role: Role | None = None
    ) -> None:
        self.events: asyncio.Queue[BusEvent] = asyncio.Queue()
        self.epoch = 0
        self._role = "" if role is None else role.label
        self._client = client
        self._tail = tail
        self._pair = pair
        self._fills = keys.fills(pair)
        self._quotes = keys.quotes(pair)
        self._intents = keys.intents(pair)

    async def run(self) -> None:
        position: bytes | str | None = None
        up = False
        while True:
            try:
                if position is None:
                    position = await self._end_of_stream()
                if not up:
                    up = True
                    self.events.put_nowait(TailUp())
                position = await self._read_tail(position)
            except BusUnavailable as lost:
                if up:
                    self.events.put_nowait(TailDown(reason=str(lost)))
                up, position = False, None
                await asyncio.sleep(TAIL_RETRY_S)

    async def close(self) -> None:
        await self._client.aclose()
        await self._tail.aclose()

    async def publish_fills(self, trades: Sequence[AccountTrade]) -> None:
        if len(trades) == 1:
            await asked(self._add(self._client, b"trade", orjson.dumps(trades[0])))
            return
        pipe = self._client.pipeline(transaction=False)
        for trade in trades:
            self._add(pipe, b"trade", orjson.dumps(trade))
        await asked(pipe.execute())

    async def tell_quote(self, quote: QuoteTold) -> None:
        pipe = self._client.pipeline(transaction=False)
        text = orjson.dumps(quote)
        if quote.is_gone and quote.client_order_index == 0:
            pipe.delete(self._quotes)
        elif quote.is_gone:
            pipe.hdel(self._quotes, str(quote.client_order_index))
        else:
            pipe.hset(self._quotes, str(quote.client_order_index), text)
        self._add(pipe, b"quote", text)
        await asked(pipe.execute())

    async def read_quotes(self) -> tuple[QuoteTold, ...]:
        found = await asked(cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(self._quotes)))
        return tuple(QuoteTold(**orjson.loads(text)) for text in found.values())

    async def write_intent(self, intent: IntentRecord) -> None:
        text = orjson.dumps(intent)
        await asked(self._client.hset(self._intents, str(intent.nonce), text))

    async def drop_intent(self, nonce: int) -> None:
        await asked(self._client.hdel(self._intents, str(nonce)))

    async def write_report(self, role: Role, report: RunnerReport, *, ttl_ms: int) -> None:
        await asked(
            self._client.set(keys.report(self._pair, role), orjson.dumps(report), px=ttl_ms)
        )

    async def read_report(self, role: Role) -> RunnerReport | None:
        text = await asked(self._client.get(keys.report(self._pair, role)))
        return None if text is None else read_report(cast(bytes, text))

    async def raise_alarm(self, kind: str, message: str) -> None:
        fields = alarm_fields(kind, message, role=self._role, epoch=self.epoch)
        await asked(
            self._client.xadd(
                keys.alarm(self._pair), cast(Any, fields), maxlen=KEPT_ALARMS, approximate=True
            )
        )

    def _add(self, client: Any, kind: bytes, text: bytes) -> Any:
        return client.xadd(
            self._fills, {"k": kind, "v": text}, maxlen=STREAM_LENGTH, approximate=True
        )

    async def _end_of_stream(self) -> bytes | str:
        newest = await asked(self._tail.xrevrange(self._fills, count=1))
        return cast(bytes, newest[0][0]) if newest else "0-0"

    async def _read_tail(self, position: bytes | str) -> bytes | str:
        answer = await asked(
            self._tail.xread({self._fills: position}, count=500, block=TAIL_BLOCK_MS)
        )
        for _, entries in _streams(answer):
            for entry_id, fields in entries:
                position = entry_id
                event = _read_entry(fields)
                if event is not None:
                    self.events.put_nowait(event)
        return position


def _streams(answer: Any) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """redis-py answers XREAD with a list of pairs, or with a mapping under RESP3."""
    if not answer:
        return []
    pairs = answer.items() if isinstance(answer, dict) else answer
    return [(name, _flat(entries)) for name, entries in pairs]


def _flat(entries: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], list):
        return [tuple(entry) for batch in entries for entry in batch]
    return list(entries)


def _read_entry(fields: dict[bytes, bytes]) -> BusEvent | None:
    """One entry; kinds that a newer maker may write are passed over."""
    raw = orjson.loads(fields[b"v"])
    if fields[b"k"] == b"trade":
        return FillTold(trade=AccountTrade(**raw))
    if fields[b"k"] == b"quote":
        return QuoteTold(**raw)
    return None
