"""One runner at its seat: its process, its wire to the exchange, and what may go wrong on it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hedgepair_runner.bus import BusUnavailable, LeaseGrant, Leases
from hedgepair_runner.clock import Clock
from hedgepair_runner.contract.identity import PairId, Role, VenueId
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.spec import Account
from hedgepair_runner.desired_watcher import WishFiles
from hedgepair_runner.desk import Desk
from hedgepair_runner.halt_file import HaltFile
from hedgepair_runner.halt_keeper import HaltKeeper
from hedgepair_runner.leaser import Leaser
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.noncing import BAND_RESERVE
from hedgepair_runner.orders import SignedTx
from hedgepair_runner.reporter import Reporter
from hedgepair_runner.roles import CREW, Crew, serve
from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import STANDARD, Limiter
from hedgepair_runner.venues.lighter.transport import Connection
from hedgepair_runner.venues.paper.faults import ANSWERED, ARRIVES, Fate, Faults, Outcome, RestFate
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.inprocess import InProcessTransport, LoopClock
from hedgepair_runner.venues.paper.paper_signer import PaperSigner
from hedgepair_runner.venues.venue import Signer, VenueUnavailable
from tests.flow.memory_bus import MemoryBus, MemoryLeases, MemoryStore, MemoryTokens
from tests.flow.memory_receipts import MemoryReceipts
from tests.flow.memory_sharing import MemorySharing
from tests.flow.memory_steering import MemorySteering
from tests.flow.pausing_loop import Process, outside, start

CHAIN_ID = 300
VENUE = VenueId(chain_id=CHAIN_ID, url="http://paper")
Answer = TypeVar("Answer")
_TX_FRAME = '"jsonapi/sendtx"'
_CREATE = '"tx_type":14,'


class WireFaults(Faults):
    """Counts down what is to be lost; switches stay until they are turned back."""

    def __init__(self) -> None:
        self.requests_to_lose = 0
        """Of orders that are sent over the socket."""
        self.answers_to_lose = 0
        """Of transactions, over the socket."""
        self.sends_to_cut = 0
        self.answers_cut = 0
        """The connection breaks instead of giving the answer to a transaction."""
        self.frames_twice = False
        self.is_rest_down = False
        self.refuses_connections = False

    def accepts_connection(self) -> bool:
        return not self.refuses_connections

    def to_venue(self, frame: str) -> Fate:
        if _TX_FRAME in frame and _CREATE in frame:
            if self.requests_to_lose:
                self.requests_to_lose -= 1
                return Fate(outcome=Outcome.LOST)
            if self.sends_to_cut:
                self.sends_to_cut -= 1
                return Fate(outcome=Outcome.CUT)
        return ARRIVES

    def to_client(self, frame: bytes) -> Fate:
        if _TX_FRAME.encode() in frame:
            if self.answers_to_lose:
                self.answers_to_lose -= 1
                return Fate(outcome=Outcome.LOST)
            if self.answers_cut:
                self.answers_cut -= 1
                return Fate(outcome=Outcome.CUT)
        return Fate(outcome=Outcome.TWICE) if self.frames_twice else ARRIVES

    def request(self, method: str, path: str) -> RestFate:
        if self.is_rest_down:
            return RestFate(instead=(503, b'{"code":29500,"message":"internal server error"}'))
        return ANSWERED


class Wire:
    """A Transport whose bytes travel on though the process that sent them was stopped."""

    def __init__(
        self, gateway: Gateway, *, latency_s: float, faults: WireFaults, process: Process
    ) -> None:
        self._inner = InProcessTransport(gateway, latency_s=latency_s, faults=faults)
        self._process = process

    async def get(
        self, path: str, params: Mapping[str, str], *, auth: str | None, timeout_s: float
    ) -> tuple[int, bytes]:
        asking = self._inner.get(path, params, auth=auth, timeout_s=timeout_s)
        return await outside(handed_out(self._process, asking))

    async def post_form(
        self, path: str, form: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, bytes]:
        asking = self._inner.post_form(path, form, timeout_s=timeout_s)
        return await outside(handed_out(self._process, asking))

    async def connect(self) -> Connection:
        return _WiredConnection(await outside(self._inner.connect()), self._process)

    def cut(self) -> None:
        self._inner.cut()

    async def close(self) -> None:
        await self._inner.close()


class _WiredConnection:
    def __init__(self, inner: Connection, process: Process) -> None:
        self._inner = inner
        self._process = process

    async def send(self, frame: str) -> None:
        await outside(handed_out(self._process, self._inner.send(frame)))

    async def receive(self) -> bytes | str:
        return await self._inner.receive()

    async def close(self) -> None:
        await self._inner.close()


class SeatClock:
    """A machine's clock. Stopped, it lets its owner believe in a lease for ever.

    Each machine counts from a boot of its own; `ahead_ms` is what its wall clock is ahead.
    """

    def __init__(self, clock: LoopClock, *, booted_s: float = 0.0) -> None:
        self.ahead_ms = 0
        self._clock = clock
        self._booted_s = booted_s
        self._stopped_at_s: float | None = None

    def stop(self) -> None:
        self._stopped_at_s = self.boot_s()

    def wall_ms(self) -> int:
        return self._clock.wall_ms() + self.ahead_ms

    def boot_s(self) -> float:
        now_s = self._clock.boot_s() + self._booted_s
        return now_s if self._stopped_at_s is None else self._stopped_at_s


class SeatLeases:
    """A seat's own way to its lease, which can be cut while all else goes on."""

    def __init__(self, leases: Leases) -> None:
        self.is_cut = False
        self._leases = leases

    async def acquire(self, holder: str, *, ttl_ms: int) -> LeaseGrant:
        await self._reach()
        return await self._leases.acquire(holder, ttl_ms=ttl_ms)

    async def renew(self, holder: str, *, ttl_ms: int) -> bool:
        await self._reach()
        return await self._leases.renew(holder, ttl_ms=ttl_ms)

    async def release(self, holder: str) -> None:
        await self._reach()
        await self._leases.release(holder)

    async def raise_epoch(self, floor: int) -> int:
        await self._reach()
        return await self._leases.raise_epoch(floor)

    async def _reach(self) -> None:
        if self.is_cut:
            await asyncio.sleep(0.5)
            raise BusUnavailable("cut")


@dataclass(kw_only=True)
class Surroundings:
    """What all seats of a ring share."""

    gateway: Gateway
    store: MemoryStore
    clock: LoopClock
    latency_s: float
    seed: int
    arms_switch: bool = False
    band_reserve: int = BAND_RESERVE


@dataclass(kw_only=True)
class Seat:
    """A runner. `start` begins it; the ring stops, kills and pauses it."""

    name: str
    role: Role
    manifest: HedgePair
    around: Surroundings
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reporters: list[Reporter] = field(default_factory=list)
    is_killed: bool = False
    files: WishFiles = field(default_factory=WishFiles)
    halt_file: HaltFile | None = None
    halts: HaltKeeper | None = None

    def __post_init__(self) -> None:
        account = _account(self.manifest, self.role)
        self.faults = WireFaults()
        self.process = Process(self.name)
        self.wire = Wire(
            self.around.gateway,
            latency_s=self.around.latency_s,
            faults=self.faults,
            process=self.process,
        )
        self.clock = self._clock()
        self.store = self._store()
        self.leases = SeatLeases(
            MemoryLeases(
                self.store,
                venue=VENUE,
                account=account.account_index,
                key=account.api_key_index,
            )
        )
        self.limiter = Limiter(STANDARD)
        self.task: asyncio.Task[None] | None = None
        self._signer = self._signs(
            PaperSigner(
                account_index=account.account_index,
                api_key_index=account.api_key_index,
                chain_id=CHAIN_ID,
                clock=self.clock,
            )
        )

    # -- parts that a simulation exchanges --

    def _clock(self) -> SeatClock:
        return SeatClock(self.around.clock)

    def _store(self) -> MemoryStore:
        return self.around.store

    def _signs(self, signer: Signer) -> Signer:
        return signer

    def _fitted(self, desk: Desk) -> Desk:
        return desk

    @property
    def crew(self) -> Crew:
        return CREW

    def _handed(self, signed: SignedTx) -> None:
        """Called when a transaction went to the socket."""

    def begin(self) -> None:
        self.task = start(self.process, self._serve())

    def has_ended(self) -> bool:
        return not self.is_running

    @property
    def is_running(self) -> bool:
        return self.task is not None and not self.task.done() and not self.is_killed

    async def _serve(self) -> None:
        venue = self._venue()
        pair = PairId(namespace="default", pairing=self.manifest.pairing)
        hedger = self.manifest.spec.hedger
        bus = MemoryBus(self.store, pair=pair)
        steering = MemorySteering(self.store, pair=pair)
        self.halts = halts = HaltKeeper(
            steering,
            bus=bus,
            pair=pair,
            role=self.role,
            clock=self.clock,
            file=self.halt_file,
        )
        desk = Desk(
            role=self.role,
            pair=pair,
            holder=self.name,
            version="0",
            market=(await _opened(venue))[self.manifest.spec.market],
            maker_account=self.manifest.spec.maker.account.account_index,
            maker_key=self.manifest.spec.maker.account.api_key_index,
            hedger_account=None if hedger is None else hedger.account.account_index,
            venue=venue,
            bus=bus,
            steering=steering,
            halts=halts,
            tokens=MemoryTokens(self.store, pair=pair),
            leaser=Leaser(self.leases, holder=self.name, clock=self.clock),
            clock=self.clock,
            metrics=RunnerMetrics(),
            receipts=MemoryReceipts(self.store, pair=pair),
            arms_switch=self.around.arms_switch,
            sharing=MemorySharing(self.store, self.store.shared),
            band_reserve=self.around.band_reserve,
        )
        try:
            await serve(
                self._fitted(desk),
                self.manifest,
                stop=self.stop,
                files=self.files,
                on_reporter=self.reporters.append,
                crew=self.crew,
            )
        finally:
            await venue.close()

    def _venue(self) -> LighterVenue:
        clock: Clock = self.clock
        parts = VenueParts(
            transport=self.wire,
            clock=clock,
            rng=random.Random(f"{self.around.seed}:{self.name}"),
            limiter=self.limiter,
            on_handed=self._handed,
        )
        spec = self.manifest.spec
        watched = () if self.role is Role.MAKER else (spec.maker.account.account_index,)
        return LighterVenue(self._signer, parts, symbols=(spec.market,), watched=watched)


def _account(manifest: HedgePair, role: Role) -> Account:
    if role is Role.MAKER:
        return manifest.spec.maker.account
    if manifest.spec.hedger is None:
        raise AssertionError("a hedger's manifest names its account")
    return manifest.spec.hedger.account


async def handed_out(process: Process, work: Coroutine[Any, Any, Answer]) -> Answer:
    """What a process hands out after it was stopped, within one callback, leaves when it runs."""
    if process.is_paused:
        await process.running()
    return await work


async def _opened(venue: LighterVenue) -> Mapping[str, Market]:
    while True:
        try:
            return await venue.open()
        except VenueUnavailable:
            await asyncio.sleep(1.0)
