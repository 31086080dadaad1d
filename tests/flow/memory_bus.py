"""Redis as the runners know it, in this process: for virtual time only.

A MemoryStore is the server; MemoryBus and MemoryLeases are a client's two ports to it. Expiry
follows the event loop's clock. What it promises is what `test_bus_conformance` asks of both.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeVar

from hedgepair_runner.acting import Token
from hedgepair_runner.bus import (
    BusEvent,
    BusUnavailable,
    FillTold,
    IntentRecord,
    LeaseGrant,
    TailDown,
    TailUp,
)
from hedgepair_runner.contract.identity import PairId, Role, VenueId
from hedgepair_runner.contract.status import RunnerReport
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.quotes import QuoteTold
from tests.flow.memory_sharing import SharedRecords
from tests.flow.pausing_loop import outside

ANSWER_TIMEOUT_S = 1.0
TAIL_RETRY_S = 0.1

LeaseName = tuple[str, int, int]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Held:
    """A lease as stored; `until_s` by the loop's clock."""

    holder: str
    until_s: float
    is_released: bool = False


@dataclass
class Records:
    """Of one pair."""

    stream: list[tuple[int, BusEvent]] = field(default_factory=list)
    quotes: dict[int, QuoteTold] = field(default_factory=dict)
    intents: dict[int, IntentRecord] = field(default_factory=dict)
    reports: dict[Role, tuple[float, RunnerReport]] = field(default_factory=dict)
    alarms: list[tuple[str, str]] = field(default_factory=list)
    token: Token | None = None
    receipts: dict[int, bytes] = field(default_factory=dict)
    """By client order index."""
    desired: dict[Role, bytes] = field(default_factory=dict)
    progress: bytes | None = None
    halts: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)

    def since(self, position: int) -> list[tuple[int, BusEvent]]:
        """Entries with a higher id, oldest first."""
        newer = takewhile(lambda entry: entry[0] > position, reversed(self.stream))
        return list(newer)[::-1]


class MemoryStore:
    """The server. `is_cut`: it cannot be reached. `loses_answers`: it acts, but does not answer."""

    def __init__(self, *, latency_s: float = 0.0) -> None:
        self.latency_s = latency_s
        self.is_cut = False
        self.loses_answers = False
        self.leases: dict[LeaseName, Held] = {}
        self.epochs: dict[LeaseName, int] = {}
        self.records: defaultdict[PairId, Records] = defaultdict(Records)
        self.shared = SharedRecords()
        self.reports_seen: list[tuple[float, RunnerReport]] = []
        """All reports ever written, by the loop's clock: a failing test tells its story by them."""
        self._newest_id = 0
        self._followers: dict[asyncio.Event, None] = {}

    def flush(self) -> None:
        """Every key is gone; connections stay."""
        self.leases.clear()
        self.epochs.clear()
        self.records.clear()
        self.shared.clear()

    def cut(self) -> None:
        self.is_cut = True
        self.wake()

    def mend(self) -> None:
        self.is_cut = self.loses_answers = False

    def append(self, pair: PairId, event: BusEvent) -> None:
        self._newest_id += 1
        self.records[pair].stream.append((self._newest_id, event))
        self.wake()

    @property
    def newest_id(self) -> int:
        return self._newest_id

    def follow(self) -> asyncio.Event:
        """Set whenever a stream grew or the server went away."""
        woken = asyncio.Event()
        self._followers[woken] = None
        return woken

    def unfollow(self, woken: asyncio.Event) -> None:
        self._followers.pop(woken, None)

    def wake(self) -> None:
        for woken in self._followers:
            woken.set()

    async def asked(self, command: Callable[[], Answer]) -> Answer:
        """One command with its answer, as a client lives through it. Once sent, it happens."""
        return await outside(self._asked(command))

    async def _asked(self, command: Callable[[], Answer]) -> Answer:
        await asyncio.sleep(self.latency_s)
        if self.is_cut:
            await asyncio.sleep(ANSWER_TIMEOUT_S)
            raise BusUnavailable("TimeoutError")
        answer = command()
        if self.loses_answers:
            await asyncio.sleep(ANSWER_TIMEOUT_S)
            raise BusUnavailable("TimeoutError")
        await asyncio.sleep(self.latency_s)
        return answer


class MemoryLeases:
    """The lease and epoch of one (venue, account, API key)."""

    def __init__(self, store: MemoryStore, *, venue: VenueId, account: int, key: int) -> None:
        self._store = store
        self._name: LeaseName = (str(venue), account, key)

    async def acquire(self, holder: str, *, ttl_ms: int) -> LeaseGrant:
        return await self._store.asked(lambda: self._acquire(holder, ttl_ms))

    async def renew(self, holder: str, *, ttl_ms: int) -> bool:
        return await self._store.asked(lambda: self._renew(holder, ttl_ms))

    async def release(self, holder: str) -> None:
        await self._store.asked(lambda: self._release(holder))

    async def raise_epoch(self, floor: int) -> int:
        return await self._store.asked(lambda: self._raise(floor))

    def _held(self) -> Held | None:
        held = self._store.leases.get(self._name)
        return held if held is not None and held.until_s > _now_s() else None

    def _holds(self, holder: str) -> bool:
        held = self._held()
        return held is not None and not held.is_released and held.holder == holder

    def _acquire(self, holder: str, ttl_ms: int) -> LeaseGrant:
        held = self._held()
        if held is not None and not held.is_released and held.holder != holder:
            return LeaseGrant.HELD
        self._put(holder, ttl_ms)
        is_clean = held is not None and held.is_released
        return LeaseGrant.CLEAN if is_clean else LeaseGrant.UNCLEAN

    def _renew(self, holder: str, ttl_ms: int) -> bool:
        if not self._holds(holder):
            return False
        self._put(holder, ttl_ms)
        return True

    def _release(self, holder: str) -> None:
        if self._holds(holder):
            self._store.leases[self._name] = Held(holder, _now_s() + 600, is_released=True)

    def _raise(self, floor: int) -> int:
        epoch = max(self._store.epochs.get(self._name, 0), floor) + 1
        self._store.epochs[self._name] = epoch
        return epoch

    def _put(self, holder: str, ttl_ms: int) -> None:
        self._store.leases[self._name] = Held(holder, _now_s() + ttl_ms / 1_000)


class MemoryBus:
    """The records and streams of one pair."""

    def __init__(self, store: MemoryStore, *, pair: PairId) -> None:
        self.events: asyncio.Queue[BusEvent] = asyncio.Queue()
        self.epoch = 0
        self._store = store
        self._pair = pair

    async def run(self) -> None:
        woken = self._store.follow()
        try:
            while True:
                await self._reach()
                await self._follow(woken)
                self.events.put_nowait(TailDown(reason="TimeoutError"))
        finally:
            self._store.unfollow(woken)

    async def _reach(self) -> None:
        while self._store.is_cut:
            await asyncio.sleep(TAIL_RETRY_S)

    async def _follow(self, woken: asyncio.Event) -> None:
        position = self._store.newest_id
        self.events.put_nowait(TailUp())
        while not self._store.is_cut:
            for entry_id, event in self._records.since(position):
                position = entry_id
                self.events.put_nowait(event)
            woken.clear()
            await woken.wait()
            await asyncio.sleep(self._store.latency_s)

    async def close(self) -> None:
        """Nothing is open."""

    async def publish_fills(self, trades: Sequence[AccountTrade]) -> None:
        await self._store.asked(lambda: self._publish(tuple(trades)))

    async def tell_quote(self, quote: QuoteTold) -> None:
        await self._store.asked(lambda: self._tell(quote))

    async def read_quotes(self) -> tuple[QuoteTold, ...]:
        return await self._store.asked(lambda: tuple(self._records.quotes.values()))

    async def write_intent(self, intent: IntentRecord) -> None:
        await self._store.asked(lambda: self._records.intents.update({intent.nonce: intent}))

    async def drop_intent(self, nonce: int) -> None:
        await self._store.asked(lambda: self._records.intents.pop(nonce, None))

    async def write_report(self, role: Role, report: RunnerReport, *, ttl_ms: int) -> None:
        await self._store.asked(lambda: self._write_report(role, report, ttl_ms))

    async def read_report(self, role: Role) -> RunnerReport | None:
        return await self._store.asked(lambda: self._read_report(role))

    async def raise_alarm(self, kind: str, message: str) -> None:
        await self._store.asked(lambda: self._records.alarms.append((kind, message)))

    @property
    def _records(self) -> Records:
        return self._store.records[self._pair]

    def _publish(self, trades: tuple[AccountTrade, ...]) -> None:
        for trade in trades:
            self._store.append(self._pair, FillTold(trade=trade))

    def _tell(self, quote: QuoteTold) -> None:
        quotes = self._records.quotes
        if quote.is_gone and quote.client_order_index == 0:
            quotes.clear()
        elif quote.is_gone:
            quotes.pop(quote.client_order_index, None)
        else:
            quotes[quote.client_order_index] = quote
        self._store.append(self._pair, quote)

    def _write_report(self, role: Role, report: RunnerReport, ttl_ms: int) -> None:
        self._records.reports[role] = (_now_s() + ttl_ms / 1_000, report)
        self._store.reports_seen.append((_now_s(), report))

    def _read_report(self, role: Role) -> RunnerReport | None:
        until_s, report = self._records.reports.get(role, (0.0, None))
        return report if until_s > _now_s() else None


class MemoryTokens:
    """The token of one pair."""

    def __init__(self, store: MemoryStore, *, pair: PairId) -> None:
        self._store = store
        self._pair = pair

    async def read_token(self) -> Token | None:
        return await self._store.asked(lambda: self._store.records[self._pair].token)

    async def replace_token(self, token: Token, *, instead_of: Token | None) -> bool:
        return await self._store.asked(lambda: self._replace(token, instead_of))

    def _replace(self, token: Token, instead_of: Token | None) -> bool:
        records = self._store.records[self._pair]
        stored = None if records.token is None else records.token.version
        if stored != (None if instead_of is None else instead_of.version):
            return False
        records.token = token
        return True


def _now_s() -> float:
    return asyncio.get_running_loop().time()
