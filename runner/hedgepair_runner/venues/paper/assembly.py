"""Puts a paper exchange together: engine, gateway, signature check and market generator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hedgepair_runner.venues.paper.admin import AdminOptions, AdminServer
from hedgepair_runner.venues.paper.administering import AdminDesk
from hedgepair_runner.venues.paper.checker import Verifier
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.fault_rules import FaultRule
from hedgepair_runner.venues.paper.gateway import Clock, Gateway
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.generating import Profile
from hedgepair_runner.venues.paper.generator import MarketGenerator
from hedgepair_runner.venues.paper.markets import BTC, ETH, SOL
from hedgepair_runner.venues.paper.recording import RecordedExchange
from hedgepair_runner.venues.paper.recordings import Recording
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.server import ExchangeServer, SystemClock
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.state_dir import SNAPSHOT_EVERY_BYTES, StateDir
from hedgepair_runner.venues.paper.state_disk import Disk
from hedgepair_runner.venues.paper.state_identity import Identity, digest, identity_of
from hedgepair_runner.venues.paper.verifier import SignatureVerifier

PAPER_CHAIN_ID = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeOptions:
    """What kind of paper exchange. The seed decides keys, addresses and the generator's market."""

    seed: str = "7"
    chain_id: int = PAPER_CHAIN_ID
    markets: tuple[MarketRules, ...] = (ETH, BTC, SOL)
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    profile: Profile | None = None
    """None: nobody trades but the clients."""
    tapes: Mapping[int, Recording] = field(default_factory=dict)
    """By market id: recorded trades or books instead of the seeded ones."""
    state_dir: Path | None = None
    """Where `serve` keeps the exchange's state; None: it is gone with the process."""
    state_root: Path | None = None
    """Instead of `state_dir`: a folder in which each build and kind of exchange has one of its own.
    An upgrade begins anew, where `state_dir` would refuse; the way back finds what it left."""
    faults: tuple[FaultRule, ...] = ()
    """Armed from the start."""
    admin: AdminOptions | None = None
    """`serve` opens the admin port, too, on the same host."""
    state_syncs: bool = True
    """An answer waits until the disk has it; else until the operating system has it."""


def assemble(
    options: ExchangeOptions,
    *,
    clock: Clock,
    verifier: Verifier | None = None,
    exchange: Exchange | None = None,
) -> Gateway:
    """A gateway without sockets. A verifier is needed unless `gateway.checking` is off.

    Raises BadFaultError for a fault that this exchange cannot have.
    `exchange` goes on where it ended: what came due meanwhile is done now, each at its own time.
    """
    now_us = clock.now_us()
    markets = _markets(options)
    if exchange is None:
        exchange = Exchange(
            chain_id=options.chain_id,
            seed=options.seed,
            markets=markets,
            settings=options.exchange,
            now_us=now_us,
        )
    exchange.advance(now_us)
    gateway = Gateway(
        exchange,
        chain_id=options.chain_id,
        clock=clock,
        settings=options.gateway,
        verifier=verifier,
    )
    if options.profile is not None:
        generator = MarketGenerator(
            exchange,
            markets=markets,
            profile=options.profile,
            seed=options.seed,
            now_us=now_us,
            tapes=options.tapes,
        )
        gateway.attach(generator)
        gateway.advance(now_us)
    for rule in options.faults:
        gateway.troubles.arm(rule)
    return gateway


def open_state(
    options: ExchangeOptions,
    path: Path,
    *,
    disk: Disk | None = None,
    snapshot_every_bytes: int = SNAPSHOT_EVERY_BYTES,
) -> StateDir:
    """The state in the directory, or a new one. Raises StateError."""
    markets = _markets(options)

    def new() -> RecordedExchange:
        return RecordedExchange(
            chain_id=options.chain_id,
            seed=options.seed,
            markets=markets,
            settings=options.exchange,
            now_us=SystemClock().now_us(),
        )

    return StateDir(
        path,
        identity=_identity(options),
        new=new,
        disk=disk or Disk(syncs=options.state_syncs),
        snapshot_every_bytes=snapshot_every_bytes,
    )


def state_dir_of(options: ExchangeOptions) -> Path | None:
    """Where the state lies; None: nowhere."""
    if options.state_root is not None:
        return options.state_root / digest(_identity(options))
    return options.state_dir


def _identity(options: ExchangeOptions) -> Identity:
    return identity_of(
        seed=options.seed,
        chain_id=options.chain_id,
        markets=_markets(options),
        settings=options.exchange,
    )


def _markets(options: ExchangeOptions) -> list[MarketRules]:
    return [_begun(rules, options.tapes.get(rules.market_id)) for rules in options.markets]


def _begun(rules: MarketRules, tape: Recording | None) -> MarketRules:
    """A recorded market begins at its first price."""
    return replace(rules, start_price_ticks=tape.first_price_ticks) if tape else rules


@asynccontextmanager
async def serve(
    options: ExchangeOptions,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    state: StateDir | None = None,
) -> AsyncIterator[ExchangeServer]:
    """A running server with all it needs. It closes a `state` that was opened for it.

    Raises OSError or AdminPortError if a port cannot be opened, StateError if the state directory
    cannot be used.
    """
    async with AsyncExitStack() as stack:
        state_dir = state_dir_of(options)
        if state is None and state_dir is not None:
            state = open_state(options, state_dir)
        if state is not None:
            stack.callback(state.close)
        verifier: SignatureVerifier | None = None
        if options.gateway.checking is not Checking.OFF:
            verifier = await stack.enter_async_context(SignatureVerifier())
        exchange = state.exchange if state is not None else None
        clock = SystemClock(not_before_us=exchange.now_us if exchange is not None else 0)
        gateway = assemble(options, clock=clock, verifier=verifier, exchange=exchange)
        server = ExchangeServer(gateway, host=host, port=port, state=state)
        await stack.enter_async_context(server)
        if options.admin is not None:
            desk = AdminDesk(gateway, seed=options.seed)
            admin = AdminServer(desk, options.admin, host=host, settled=server.settled)
            server.admin = await stack.enter_async_context(admin)
        yield server
