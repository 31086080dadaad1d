"""A pair and its exchange in virtual time, with every way to harm them.

A scenario gets a Ring, starts runners, waits for things to happen and lets things go wrong. What
comes out is judged by the exchange's own records (`auditing`). A failure carries the seed and the
story: what every runner reported, what the exchange recorded, what the scenario did.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgepair_runner.contract.desired import Desired, Wish, write_desired
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.manifest import HedgePair, load_manifest
from hedgepair_runner.contract.receipts import Receipt, read_receipt
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.desired_watcher import WishFiles
from hedgepair_runner.halt_file import HaltFile
from hedgepair_runner.noncing import BAND_RESERVE
from hedgepair_runner.roles import NO_FILES, roles_of
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, assemble
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.generating import Profile
from hedgepair_runner.venues.paper.inprocess import LoopClock, drive
from hedgepair_runner.venues.paper.limiting_requests import LimitSettings
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.records import MarketRules, Order, TimeInForce
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow import auditing
from tests.flow.memory_bus import MemoryStore
from tests.flow.pausing_loop import in_virtual_time
from tests.flow.receipt_audit import receipt_faults
from tests.flow.scripted_market import ScriptedMarket
from tests.flow.seats import CHAIN_ID, Seat, Surroundings
from tests.flow.telling import timeline

MAKER_ACCOUNT, HEDGER_ACCOUNT = 101, 102
SAME_L1 = frozenset({frozenset({MAKER_ACCOUNT, HEDGER_ACCOUNT})})
POLL_S = 0.01
RECOVERY_S = 8.0
"""Back to zero within this, counted from when the process runs and the venue answers (§13)."""
LEASE_TIMES_S = 6.5
"""The rest of a dead holder's lease, and one that the newcomer waits (design §4.4)."""


@dataclass(frozen=True, kw_only=True)
class RingOptions:
    """`spec` is merged into the smallest manifest. Without a profile the market is scripted."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1
    profile: Profile | None = None
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    latency_s: float = 0.001
    bus_latency_s: float = 0.0002
    level_lots: int = 2_000
    carried_lots: int = 0
    started_at_ms: int = 1_800_000_000_000
    arms_switch: bool = False
    """Makers keep the exchange's dead man's switch armed, as on Testnet and Mainnet."""
    has_limits: bool = False
    """The exchange enforces the request limits of its tiers."""
    band_reserve: int = BAND_RESERVE
    markets: tuple[MarketRules, ...] = (ETH,)


def manifest_of(spec: Mapping[str, Any], *, name: str = "pair") -> HedgePair:
    whole: dict[str, Any] = {
        "market": "ETH",
        "quantity": "0.05",
        "exchange": {"network": "Paper"},
        "maker": {"account": {"accountIndex": MAKER_ACCOUNT}},
        "hedger": {"account": {"accountIndex": HEDGER_ACCOUNT}},
        "risk": {"maxPosition": "0.5"},
    }
    for part, value in spec.items():
        whole[part] = {**whole.get(part, {}), **value} if isinstance(value, dict) else value
    if whole.get("mode") == "MakerOnly":
        whole.pop("hedger")
    document = {
        "apiVersion": "hedgepair.io/v1alpha1",
        "kind": "HedgePair",
        "metadata": {"name": name},
        "spec": whole,
    }
    return load_manifest(json.dumps(document))


class Ring:
    def __init__(self, options: RingOptions) -> None:
        self.options = options
        self.manifest = manifest_of(options.spec)
        self.clock = LoopClock(started_at_ms=options.started_at_ms)
        self.store = MemoryStore(latency_s=options.bus_latency_s)
        self.gateway = assemble(
            ExchangeOptions(
                seed=str(options.seed),
                chain_id=CHAIN_ID,
                markets=options.markets,
                exchange=options.exchange,
                gateway=GatewaySettings(
                    checking=Checking.OFF, limits=LimitSettings(is_on=options.has_limits)
                ),
                profile=options.profile,
            ),
            clock=self.clock,
        )
        self.exchange = self.gateway.exchange
        self.market = ScriptedMarket(
            self.gateway, middle_ticks=ETH.start_price_ticks, level_lots=options.level_lots
        )
        self.around = Surroundings(
            gateway=self.gateway,
            store=self.store,
            clock=self.clock,
            latency_s=options.latency_s,
            seed=options.seed,
            arms_switch=options.arms_switch,
            band_reserve=options.band_reserve,
        )
        self.seats: list[Seat] = []
        self.notes: list[tuple[float, str]] = []
        self._driver: asyncio.Task[None] | None = None
        self._crashes: list[BaseException] = []

    # -- runners --

    def start(
        self,
        role: Role,
        *,
        manifest: HedgePair | None = None,
        files: WishFiles = NO_FILES,
        halt_file: HaltFile | None = None,
    ) -> Seat:
        """A fresh process for the role, whatever became of earlier ones."""
        name = f"{role.label}-{len(self.seats) + 1}"
        seat = self.make_seat(name, role, manifest or self.manifest)
        seat.files, seat.halt_file = files, halt_file
        self.seats.append(seat)
        self.note(f"start {seat.name}")
        seat.begin()
        return seat

    def make_seat(self, name: str, role: Role, manifest: HedgePair) -> Seat:
        return Seat(name=name, role=role, manifest=manifest, around=self.around)

    def start_all(self) -> dict[Role, Seat]:
        return {role: self.start(role) for role in roles_of(self.manifest)}

    def kill(self, seat: Seat) -> None:
        """SIGKILL: what it sent travels on, nothing of it runs again, its sockets close."""
        self.note(f"kill {seat.name}")
        seat.is_killed = True
        seat.process.pause()
        loop = asyncio.get_running_loop()
        loop.call_later(2 * self.options.latency_s + 1e-4, seat.wire.cut)

    async def stop(self, *seats: Seat, within_s: float = 30.0) -> None:
        """SIGTERM, one after the other."""
        for seat in seats:
            self.note(f"stop {seat.name}")
            seat.stop.set()
            await self.until(seat.has_ended, f"{seat.name} stops", within_s=within_s)

    async def stop_all(self) -> None:
        """Makers first, so that the hedgers see the last fill."""
        running = [seat for seat in self.seats if seat.is_running]
        await self.stop(*sorted(running, key=lambda seat: seat.role))

    def report(self, seat: Seat) -> RunnerReport:
        return seat.reporters[-1].current()

    def reports(self, seat: Seat) -> bool:
        """Whether the runner is up far enough to say anything."""
        return bool(seat.reporters)

    def report_reason(self, seat: Seat) -> str:
        return self.report(seat).reason if seat.reporters else ""

    def alarms(self) -> list[tuple[str, str]]:
        """What the pair's runners told a person, oldest first."""
        return list(self.store.records[pair_id(self.manifest)].alarms)

    def is_in(self, seat: Seat, state: RunnerState, *, reason: str = "") -> bool:
        """Whether the runner is in this state, for this reason if one is given."""
        if not seat.reporters:
            return False
        report = self.report(seat)
        return report.state is state and reason in report.reason

    # -- waiting --

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def note(self, text: str) -> None:
        self.notes.append((self.now_s, text))

    async def until(
        self, holds: Callable[[], object], what: str, *, within_s: float = 30.0
    ) -> None:
        """Returns as soon as it holds. A runner that died is a failure at once."""
        deadline_s = self.now_s + within_s
        while not holds():
            self._raise_deaths()
            if self.now_s > deadline_s:
                raise AssertionError(f"not within {within_s:g} s: {what}")
            await asyncio.sleep(POLL_S)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._raise_deaths()

    async def resting(self, *, within_s: float = 30.0) -> Order:
        """The maker's quote, as soon as the maker itself knows that it rests."""
        await self.until(lambda: self.quotes(), "the maker rests a quote", within_s=within_s)
        await asyncio.sleep(10 * self.options.latency_s)
        quotes = self.quotes()
        return quotes[0] if quotes else await self.resting(within_s=within_s)

    async def fills(self, count: int, *, within_s: float = 60.0) -> None:
        await self.until(
            lambda: len(self.trades(MAKER_ACCOUNT)) >= count,
            f"{count} fills",
            within_s=within_s,
        )

    async def covered(self, *, within_s: float = RECOVERY_S) -> None:
        await self.until(
            lambda: abs(self.net_lots()) <= self.options.carried_lots,
            "every fill is hedged",
            within_s=within_s,
        )

    def wish(self, wish: Wish, *, step: int, generation: int = 1, **parts: Any) -> None:
        """The operator's word, to both roles."""
        self.note(f"wish: {wish.value}")
        desired = Desired(generation=generation, step=step, wish=wish, **parts)
        records = self.store.records[pair_id(self.manifest)]
        for role in Role:
            records.desired[role] = write_desired(desired).encode()

    def acknowledge(self, halt_id: str) -> None:
        self.note(f"acknowledge {halt_id}")
        self.store.records[pair_id(self.manifest)].acknowledged[halt_id] = 1

    def trade_by_hand(self, account: int, lots: int) -> None:
        """Somebody trades the account past its runner: buys, or sells if negative."""
        self.note(f"account {account} is traded by hand: {lots:+}")
        is_ask = lots < 0
        events = self.exchange.place_direct(
            account,
            market_id=ETH.market_id,
            is_ask=is_ask,
            size_lots=abs(lots),
            price_ticks=self.market.middle_ticks + (-90 if is_ask else 90),
            now_us=self.gateway.now_us(),
            time_in_force=TimeInForce.IOC,
        )
        self.gateway.publish(events)

    # -- the exchange's records --

    @property
    def judged(self) -> auditing.Pair:
        spec = self.manifest.spec
        return auditing.Pair(
            maker_account=MAKER_ACCOUNT,
            hedger_account=HEDGER_ACCOUNT if spec.hedger is not None else None,
            carried_lots=self.options.carried_lots,
        )

    def quotes(self) -> tuple[Order, ...]:
        return self.exchange.active_orders(MAKER_ACCOUNT, ETH.market_id)

    def trades(self, account: int) -> list[Any]:
        found = auditing.trades_of(self.exchange, self.judged)
        return [trade for trade in found if auditing.lots_for(trade, account)]

    def position(self, account: int) -> int:
        return auditing.position_lots(self.exchange, account)

    def net_lots(self) -> int:
        return auditing.net_lots(self.exchange, self.judged)

    def audit(self, *, may_rest: bool = False) -> None:
        found = auditing.faults_of(self.exchange, self.judged, may_rest=may_rest)
        found += self._receipt_faults()
        if found:
            raise AssertionError("; ".join(found))

    def receipts(self) -> list[Receipt]:
        """As Redis holds them for every pair on our two accounts, in the order of the tape."""
        manifests = [self.manifest, *(seat.manifest for seat in self.seats)]
        pairs = {
            pair_id(each)
            for each in manifests
            if each.spec.maker.account.account_index == MAKER_ACCOUNT
        }
        kept = [each for pair in pairs for each in self.store.records[pair].receipts.values()]
        return sorted(map(read_receipt, kept), key=lambda receipt: receipt.last_trade_id)

    def _receipt_faults(self) -> list[str]:
        """Of roles whose last runner ended in order: it left no executed order without one."""
        last = {seat.role: seat for seat in self.seats}
        ended = tuple(
            role
            for role, seat in last.items()
            if seat.stop.is_set() and not seat.is_killed and not seat.is_running
        )
        return receipt_faults(self.exchange, self.judged, self.receipts(), roles=ended)

    # -- inside --

    async def live(self, scenario: Callable[[Ring], Awaitable[None]]) -> None:
        asyncio.get_running_loop().set_exception_handler(self._note_crash)
        self._driver = asyncio.create_task(drive(self.gateway), name="exchange")
        if self.options.profile is None:
            self.market.stand()
        try:
            await scenario(self)
        except BaseException as error:
            error.add_note(f"seed {self.options.seed}\n{timeline(self)}")
            raise
        finally:
            await self._clean_up()

    async def _clean_up(self) -> None:
        """The dead, too, have to be unwound before the loop may close."""
        tasks = [seat.task for seat in self.seats if seat.task is not None]
        for seat in self.seats:
            seat.wire.cut()
            seat.process.resume()
        if self._driver is not None:
            tasks.append(self._driver)
        # Again and again: who was about to end a term by an error may not hear of the first.
        while unfinished := [task for task in tasks if not task.done()]:
            for task in unfinished:
                task.cancel()
            await asyncio.wait(unfinished, timeout=POLL_S)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note_crash(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What an event loop only logs: an exception of a callback, or of a task left alone."""
        if isinstance(context.get("exception"), BaseException):
            self._crashes.append(context["exception"])

    def _raise_deaths(self) -> None:
        if self._crashes:
            raise self._crashes[0]
        if self._driver is not None and self._driver.done():
            self._driver.result()
        for seat in self.seats:
            if seat.task is not None and seat.task.done() and not seat.is_killed:
                seat.task.result()
                if not seat.stop.is_set():
                    raise AssertionError(f"{seat.name} ended by itself")


def run_ring(scenario: Callable[[Ring], Awaitable[None]], options: RingOptions) -> None:
    async def main() -> None:
        await Ring(options).live(scenario)

    in_virtual_time(main())


def pair_id(manifest: HedgePair) -> PairId:
    return PairId(namespace="default", pairing=manifest.pairing)
