"""A real Redis and the one for virtual time, seen alike by `test_bus_conformance`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import orjson

from hedgepair_runner.bus import Bus, IntentRecord, Leases
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role, VenueId
from hedgepair_runner.receipt_store import ReceiptStore
from hedgepair_runner.redis_bus import RedisBus, RedisLeases, connect
from hedgepair_runner.redis_receipts import RedisReceipts
from hedgepair_runner.redis_sharing import RedisSharing
from hedgepair_runner.redis_steering import RedisSteering
from hedgepair_runner.redis_tokens import RedisTokens
from hedgepair_runner.sharing import Sharing
from hedgepair_runner.steering_store import SteeringStore
from hedgepair_runner.token_store import TokenStore
from tests.flow.memory_bus import MemoryBus, MemoryLeases, MemoryStore, MemoryTokens
from tests.flow.memory_receipts import MemoryReceipts
from tests.flow.memory_sharing import MemorySharing
from tests.flow.memory_steering import MemorySteering

PAIR, OTHER_PAIR = PairId(namespace="a", pairing="p"), PairId(namespace="b", pairing="p")
VENUE = VenueId(chain_id=300, url="http://one")
LONG_MS, SHORT_MS, PAST_S = 60_000, 120, 0.2


class World(Protocol):
    """A server, and clients of it."""

    def bus(self, pair: PairId = PAIR) -> Bus: ...

    def leases(self, *, account: int = 1, key: int = 4) -> Leases: ...

    def tokens(self, pair: PairId = PAIR) -> TokenStore: ...

    def sharing(self) -> Sharing: ...

    def receipts(self, pair: PairId = PAIR) -> ReceiptStore: ...

    def steering(self, pair: PairId = PAIR) -> SteeringStore: ...

    async def say_desired(self, role: Role, text: bytes, *, pair: PairId = PAIR) -> None: ...

    async def say_halt(self, halt_id: str, text: str) -> None: ...

    async def acknowledge(self, halt_id: str) -> None: ...

    async def flush(self) -> None: ...

    async def interrupt(self) -> None:
        """Every connection breaks; the next one works."""
        ...

    async def intents(self) -> dict[int, IntentRecord]: ...

    async def alarms(self) -> list[tuple[str, str]]: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.store = MemoryStore()

    def bus(self, pair: PairId = PAIR) -> Bus:
        return MemoryBus(self.store, pair=pair)

    def leases(self, *, account: int = 1, key: int = 4) -> Leases:
        return MemoryLeases(self.store, venue=VENUE, account=account, key=key)

    def tokens(self, pair: PairId = PAIR) -> TokenStore:
        return MemoryTokens(self.store, pair=pair)

    def sharing(self) -> Sharing:
        return MemorySharing(self.store, self.store.shared)

    def steering(self, pair: PairId = PAIR) -> SteeringStore:
        return MemorySteering(self.store, pair=pair)

    async def say_desired(self, role: Role, text: bytes, *, pair: PairId = PAIR) -> None:
        self.store.records[pair].desired[role] = text

    async def say_halt(self, halt_id: str, text: str) -> None:
        self.store.records[PAIR].halts[halt_id] = text

    async def acknowledge(self, halt_id: str) -> None:
        self.store.records[PAIR].acknowledged[halt_id] = 1

    def receipts(self, pair: PairId = PAIR) -> ReceiptStore:
        return MemoryReceipts(self.store, pair=pair)

    async def flush(self) -> None:
        self.store.flush()

    async def interrupt(self) -> None:
        self.store.cut()
        await asyncio.sleep(0.05)
        self.store.mend()

    async def intents(self) -> dict[int, IntentRecord]:
        return dict(self.store.records[PAIR].intents)

    async def alarms(self) -> list[tuple[str, str]]:
        return list(self.store.records[PAIR].alarms)


class RedisWorld:
    def __init__(self, url: str) -> None:
        self.url = url
        self.client = connect(url, timeout_s=5.0)
        self.opened = [self.client]

    def url_of(self, pair: PairId) -> str:
        """With what a pair's runners connect."""
        return self.url

    def bus(self, pair: PairId = PAIR) -> Bus:
        url = self.url_of(pair)
        client, tail = connect(url, timeout_s=5.0), connect(url, timeout_s=5.0)
        self.opened += [client, tail]
        return RedisBus(client, tail, pair=pair)

    def leases(self, *, account: int = 1, key: int = 4) -> Leases:
        return RedisLeases(self.client, venue=VENUE, account=account, key=key)

    def tokens(self, pair: PairId = PAIR) -> TokenStore:
        client = connect(self.url_of(pair), timeout_s=5.0)
        self.opened.append(client)
        return RedisTokens(client, pair=pair)

    def sharing(self) -> Sharing:
        return RedisSharing(self.client, venue=VENUE, namespace=PAIR.namespace)

    def steering(self, pair: PairId = PAIR) -> SteeringStore:
        client = connect(self.url_of(pair), timeout_s=5.0)
        self.opened.append(client)
        return RedisSteering(client, pair=pair)

    async def say_desired(self, role: Role, text: bytes, *, pair: PairId = PAIR) -> None:
        await self.client.set(keys.desired(pair, role), text)

    async def say_halt(self, halt_id: str, text: str) -> None:
        await self.client.hset(keys.halts(PAIR), halt_id, text)

    async def acknowledge(self, halt_id: str) -> None:
        await self.client.hset(keys.acknowledged(PAIR), halt_id, "1")

    def receipts(self, pair: PairId = PAIR) -> ReceiptStore:
        client = connect(self.url_of(pair), timeout_s=5.0)
        self.opened.append(client)
        return RedisReceipts(client, pair=pair)

    async def flush(self) -> None:
        await self.client.flushdb()

    async def interrupt(self) -> None:
        database = self.url.rsplit("/", 1)[1]
        listed = await cast(Awaitable[list[dict[str, Any]]], self.client.client_list())
        for each in listed:
            if each["db"] == database and each["cmd"] != "client|list":
                await self.client.client_kill_filter(_id=each["id"])

    async def intents(self) -> dict[int, IntentRecord]:
        found = await cast(Awaitable[dict[bytes, bytes]], self.client.hgetall(keys.intents(PAIR)))
        return {int(nonce): IntentRecord(**orjson.loads(text)) for nonce, text in found.items()}

    async def alarms(self) -> list[tuple[str, str]]:
        entries: Any = await self.client.xrange(keys.alarm(PAIR))
        return [(fields[b"kind"].decode(), fields[b"message"].decode()) for _, fields in entries]


Scenario = Callable[[World], Awaitable[None]]
Live = Callable[[Scenario], None]
