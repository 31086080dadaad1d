"""Sets a probe up: keys, venues, leases where Redis is named; and writes down what it found."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from hedgepair_runner.clock import Clock, SystemClock
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings, VenueEndpoints
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.equipment import account_of, private_key_of
from hedgepair_runner.fencer import check_clock
from hedgepair_runner.leaser import LeaseLost, Leaser
from hedgepair_runner.probe.bench import Bench, ProbeStopped
from hedgepair_runner.probe.prober import Prober, Result, Tell
from hedgepair_runner.probe_records import ProbeRecord
from hedgepair_runner.redis_bus import COMMAND_TIMEOUT_S, RedisLeases, connect
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.aiohttp_transport import AiohttpTransport, Endpoints
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import STANDARD, UNLIMITED, Limiter
from hedgepair_runner.venues.lighter.signer import SDK_VERSION, NativeSigner
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.venue import VenueRefused, VenueUnavailable

LEASE_WITHIN_S = 10.0
PROFILE = "calm"


async def probe_accounts(
    settings: RunnerSettings,
    roles: Sequence[Role],
    *,
    tell: Tell,
    stop: asyncio.Event,
    stack: AsyncExitStack,
) -> Mapping[Role, ProbeRecord]:
    """A record for each role; after `stop` what was not seen yet is unknown in it. Raises
    StartRefused where nothing could be begun."""
    clock = SystemClock()
    if not settings.endpoints.rest_url:
        exchange = _embedded(settings)
        settings = replace(settings, endpoints=await stack.enter_async_context(exchange))
        tell("on a paper exchange of its own")
    elif not settings.redis_url:
        tell("no Redis is named: make sure that no runner of these accounts is up (--redis URL)")
    limiter = Limiter(UNLIMITED if _is_paper(settings.manifest) else STANDARD)
    benches: dict[Role, Bench] = {}
    try:
        for role in roles:
            bench = await _bench(settings, role, clock=clock, limiter=limiter, stack=stack)
            benches[role] = bench
            bench.is_interrupted = stop.is_set
            await check_clock(bench.venue, clock=clock)
            if settings.redis_url:
                leaser = await stack.enter_async_context(_held_lease(settings, role, clock))
                bench.holds_lease = leaser.is_valid
        results = await Prober(benches, accounts=_accounts(settings.manifest), tell=tell).run()
    except* (ProbeStopped, VenueRefused, VenueUnavailable, LeaseLost) as group:
        raise StartRefused(f"the probe did not begin: {_leaf(group)}") from group
    return {role: _record(settings, role, benches[role], results[role]) for role in roles}


async def _bench(
    settings: RunnerSettings,
    role: Role,
    *,
    clock: Clock,
    limiter: Limiter,
    stack: AsyncExitStack,
) -> Bench:
    account = account_of(role, settings.manifest)
    endpoints = settings.endpoints
    signer = NativeSigner(
        account_index=account.account_index,
        api_key_index=account.api_key_index,
        private_key=private_key_of(account, settings),
        chain_id=endpoints.chain_id,
    )
    transport = AiohttpTransport(
        Endpoints(rest_url=endpoints.rest_url, ws_url=endpoints.ws_url, chain_id=endpoints.chain_id)
    )
    stack.push_async_callback(transport.close)
    parts = VenueParts(
        transport=transport, clock=clock, rng=random.Random(settings.holder), limiter=limiter
    )
    symbol = settings.manifest.spec.market
    markets = await LighterVenue(signer, parts, symbols=(), watched=()).markets()
    if symbol not in markets:
        raise StartRefused(f"spec.market: the exchange has no perpetual market {symbol}")
    other = other_market(markets, symbol)
    symbols = (symbol,) if other is None else (symbol, other.symbol)
    venue = LighterVenue(signer, parts, symbols=symbols, watched=())
    await venue.open()
    return Bench(
        venue, role=role, pair=settings.pair, market=markets[symbol], other=other, clock=clock
    )


def other_market(markets: Mapping[str, Market], symbol: str) -> Market | None:
    """A second market to watch: the liveliest that everybody knows, else any that is open."""
    known = [name for name in ("BTC", "ETH", "SOL") if name in markets]
    for name in (*known, *sorted(markets)):
        if name != symbol and markets[name].is_active:
            return markets[name]
    return None


@asynccontextmanager
async def _held_lease(settings: RunnerSettings, role: Role, clock: Clock) -> AsyncIterator[Leaser]:
    """As a runner holds it (design §4.4): no runner of this account acts meanwhile."""
    account = account_of(role, settings.manifest)
    client = connect(
        settings.redis_url, timeout_s=COMMAND_TIMEOUT_S, url_file=settings.redis_url_file
    )
    leases = RedisLeases(
        client,
        venue=settings.endpoints.venue_id,
        account=account.account_index,
        key=account.api_key_index,
    )
    leaser = Leaser(leases, holder=f"{settings.holder}/{role.label}", clock=clock)
    try:
        async with asyncio.timeout(LEASE_WITHIN_S):
            await leaser.acquire()
    except TimeoutError:
        await client.aclose()
        raise StartRefused(
            f"the {role.label} of this pair is running (it holds the lease of account "
            f"{account.account_index}), or Redis does not answer; stop it, then probe"
        ) from None
    keeping = asyncio.create_task(leaser.keep(), name=f"lease {role.label}")
    try:
        yield leaser
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        if not keeping.cancelled():
            # That it was lost, the probe has seen and said.
            keeping.exception()
        await leaser.release()
        await client.aclose()


@asynccontextmanager
async def _embedded(settings: RunnerSettings) -> AsyncIterator[VenueEndpoints]:
    """A paper exchange with a second market, one master for both accounts, and the delays of a
    Standard account: so that all that a probe asks can be seen."""
    endpoints = settings.endpoints
    if endpoints.paper_seed is None:
        raise AssertionError("only a Paper pair comes without an exchange")
    siblings = frozenset(_accounts(settings.manifest).values())
    options = ExchangeOptions(
        seed=endpoints.paper_seed,
        chain_id=endpoints.chain_id,
        exchange=ExchangeSettings(same_l1=frozenset({siblings}), default_tier="standard"),
        profile=PROFILES[PROFILE],
    )
    async with serve(options) as server:
        yield replace(endpoints, rest_url=server.url, ws_url=server.ws_url)


def _accounts(manifest: HedgePair) -> dict[Role, int]:
    accounts = {Role.MAKER: manifest.spec.maker.account.account_index}
    if manifest.spec.hedger is not None:
        accounts[Role.HEDGER] = manifest.spec.hedger.account.account_index
    return accounts


def _is_paper(manifest: HedgePair) -> bool:
    return manifest.spec.exchange.network is Network.PAPER


def _record(settings: RunnerSettings, role: Role, bench: Bench, result: Result) -> ProbeRecord:
    account = account_of(role, settings.manifest)
    made_ms = bench.clock.wall_ms()
    return ProbeRecord(
        made_ms=made_ms,
        made_at=datetime.fromtimestamp(made_ms // 1000, tz=UTC).isoformat(),
        hedgepair_version=settings.version,
        sdk_version=SDK_VERSION,
        network=settings.manifest.spec.exchange.network.value,
        chain_id=settings.endpoints.chain_id,
        account_index=account.account_index,
        api_key_index=account.api_key_index,
        market=bench.market.symbol,
        findings=result.findings,
        cost_quote=f"{result.cost_quote:.6f}",
        left=result.left,
    )


def _leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
