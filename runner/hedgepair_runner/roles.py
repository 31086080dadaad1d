"""Puts a role together: its keys, its venue, its bus, its lease; and runs it until told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from hedgepair_runner.affording import least_rest_s, why_unaffordable
from hedgepair_runner.clock import Clock, SystemClock
from hedgepair_runner.contract.credentials import KeyUnavailable, resolve_key
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Account, Mode
from hedgepair_runner.desired_watcher import WishFiles
from hedgepair_runner.desk import Desk, Streams
from hedgepair_runner.halt_file import HaltFile
from hedgepair_runner.halt_keeper import HaltKeeper
from hedgepair_runner.hedger import Hedger
from hedgepair_runner.leaser import Leaser
from hedgepair_runner.logs import secrets
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.policies import (
    hedger_policy,
    ladder_policy,
    needs_cover,
    quote_policy,
    unheeded,
)
from hedgepair_runner.probe_files import refuse_unprobed
from hedgepair_runner.quoter import Quoter
from hedgepair_runner.redis_bus import (
    COMMAND_TIMEOUT_S,
    TAIL_TIMEOUT_S,
    RedisBus,
    RedisLeases,
    connect,
)
from hedgepair_runner.redis_sharing import RedisSharing
from hedgepair_runner.redis_steering import RedisSteering
from hedgepair_runner.redis_tokens import RedisTokens
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.reporter import Reporter
from hedgepair_runner.steerer import Steerer
from hedgepair_runner.steering import Judge
from hedgepair_runner.tenure import Officer, Tenure
from hedgepair_runner.upkeep import Upkeep
from hedgepair_runner.venues.lighter.aiohttp_transport import AiohttpTransport, Endpoints
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import Limiter
from hedgepair_runner.venues.lighter.signer import NativeSigner
from hedgepair_runner.venues.tiers import STANDARD, Tier
from hedgepair_runner.venues.venue import VenueRefused, VenueUnavailable

logger = logging.getLogger(__name__)

OPEN_RETRY_S = 1.0
NO_FILES = WishFiles()
Answer = TypeVar("Answer")
ReadyHook = Callable[[Reporter], None]
PartsHook = Callable[[VenueParts], VenueParts]


async def run_role(
    role: Role,
    settings: RunnerSettings,
    *,
    stop: asyncio.Event,
    metrics: RunnerMetrics,
    on_reporter: ReadyHook | None = None,
    parts_hook: PartsHook | None = None,
) -> int:
    """A maker or a hedger until `stop` is set; then cancelled, hedged out, released: 0.

    Raises StartRefused when it may not or cannot start, with the sentence for the user.
    `parts_hook` may wrap the venue's parts, for benchmarks.
    """
    if not settings.only_withdraws:
        refuse_unprobed(
            settings.manifest, (role,), probes_dir=settings.probes_dir, environ=settings.environ
        )
    logger.warning("settings not acted on yet", extra={"fields": list(unheeded(settings.manifest))})
    clock = SystemClock()
    venue = _venue(role, settings, clock, parts_hook)
    client = connect(settings.redis_url, timeout_s=COMMAND_TIMEOUT_S)
    bus = RedisBus(
        client, connect(settings.redis_url, timeout_s=TAIL_TIMEOUT_S), pair=settings.pair
    )
    account = account_of(role, settings.manifest)
    leases = RedisLeases(
        client,
        venue=settings.endpoints.venue_id,
        account=account.account_index,
        key=account.api_key_index,
    )
    try:
        markets = await _patiently(venue.open, stop)
        if markets is None:
            return 0
        halts = HaltKeeper(
            RedisSteering(client, pair=settings.pair),
            bus=bus,
            pair=settings.pair,
            role=role,
            clock=clock,
            file=_halt_file(role, settings),
        )
        desk = Desk(
            role=role,
            pair=settings.pair,
            holder=settings.holder,
            version=settings.version,
            market=markets[settings.manifest.spec.market],
            maker_account=settings.manifest.spec.maker.account.account_index,
            maker_key=settings.manifest.spec.maker.account.api_key_index,
            hedger_account=_hedger_account(settings.manifest),
            venue=venue,
            bus=bus,
            steering=RedisSteering(client, pair=settings.pair),
            halts=halts,
            tokens=RedisTokens(client, pair=settings.pair),
            leaser=Leaser(leases, holder=settings.holder, clock=clock),
            clock=clock,
            metrics=metrics,
            sharing=RedisSharing(
                client, venue=settings.endpoints.venue_id, namespace=settings.pair.namespace
            ),
        )
        _spare_the_collector()
        files = WishFiles(
            desired=settings.desired_file,
            # A mounted desired state brings its manifest along.
            manifest=settings.manifest_file if settings.desired_file is None else None,
        )
        await serve(desk, settings.manifest, stop=stop, files=files, on_reporter=on_reporter)
        return 0
    except VenueRefused as refused:
        raise StartRefused(f"The exchange refused this runner: {refused}") from refused
    finally:
        await venue.close()
        await bus.close()


async def serve(
    desk: Desk,
    manifest: HedgePair,
    *,
    stop: asyncio.Event,
    files: WishFiles = NO_FILES,
    on_reporter: ReadyHook | None = None,
) -> None:
    """The role over ports that are ready: what tests run under virtual time."""
    streams = Streams()
    _take_in_halts(desk)
    upkeep = Upkeep(desk, manifest)
    await upkeep.back_off(stop)
    tier = await _patiently(upkeep.learn_tier, stop)
    if tier is None:
        return
    steerer = Steerer(desk, manifest, files=files, judge=_judge(desk, tier))
    reporter = Reporter(desk, standing=steerer.standing)
    steerer.listen(reporter.hurry)
    if on_reporter is not None:
        on_reporter(reporter)
    appoint = await _appointment(desk, steerer, streams, tier, stop)
    if appoint is None:
        return
    tenure = Tenure(desk, streams=streams, appoint=appoint, steerer=steerer, reporter=reporter)
    try:
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(desk.venue.run(), name="venue"),
                tasks.create_task(desk.bus.run(), name="bus"),
                tasks.create_task(reporter.run(), name="reporter"),
                tasks.create_task(steerer.run(), name="steerer"),
                *(tasks.create_task(work, name=name) for name, work in upkeep.tasks().items()),
            ]
            await tenure.serve(stop)
            await reporter.write()
            for task in beside:
                task.cancel()
    except* StartRefused as group:
        refused = StartRefused(str(_leaf(group)))
    except* VenueRefused as group:
        refused = StartRefused(f"The exchange refused this runner: {_leaf(group)}")
    else:
        return
    raise refused


def _spare_the_collector() -> None:
    """What is loaded by now stays to the end: to search it for garbage again and again would cost
    the hot path pauses of many milliseconds (design §4.7)."""
    gc.collect()
    gc.freeze()


async def _appointment(
    desk: Desk, steerer: Steerer, streams: Streams, tier: Tier, stop: asyncio.Event
) -> Callable[[asyncio.TaskGroup], Officer] | None:
    """Makes the officer of each term by the configuration that is in force then.

    Raises StartRefused for one that the market cannot trade.
    """
    if desk.role is Role.MAKER:
        quote_policy(steerer.course.manifest, desk.market)

        def appoint_quoter(tasks: asyncio.TaskGroup) -> Officer:
            manifest = steerer.course.manifest
            policy, cover = quote_policy(manifest, desk.market), needs_cover(manifest)
            rest_s = least_rest_s(tier, at_least_s=policy.least_rest_s)
            policy = replace(policy, least_rest_s=rest_s)
            return Quoter(desk, policy, needs_cover=cover, streams=streams, tasks=tasks)

        return appoint_quoter
    same_master = await _patiently(lambda: _same_master(desk), stop)
    if same_master is None:
        return None
    hedger_policy(steerer.course.manifest, desk.market, same_master=same_master)

    def appoint_hedger(tasks: asyncio.TaskGroup) -> Officer:
        manifest = steerer.course.manifest
        policy = hedger_policy(manifest, desk.market, same_master=same_master)
        ladder = ladder_policy(manifest)
        return Hedger(desk, policy, ladder=ladder, streams=streams, tasks=tasks)

    return appoint_hedger


def _judge(desk: Desk, tier: Tier) -> Judge:
    """Why a configuration cannot be traded with, in this market and by this account's tier."""

    def judge(manifest: HedgePair) -> tuple[str, ...]:
        try:
            if desk.role is Role.MAKER:
                quote_policy(manifest, desk.market)
                refusal = why_unaffordable(manifest.spec.timeout_seconds, tier)
                return () if refusal is None else (refusal,)
            hedger_policy(manifest, desk.market, same_master=False)
        except StartRefused as refused:
            return (refused.sentence,)
        return ()

    return judge


def _take_in_halts(desk: Desk) -> None:
    """Those of the state directory, before anything else. Raises StartRefused."""
    try:
        desk.halts.take_in_file()
    except (OSError, ValueError) as error:
        raise StartRefused(
            f"The halts in the state directory cannot be read ({error}): repair or remove the "
            f"file halts-{desk.role.label}.json there."
        ) from error


def _halt_file(role: Role, settings: RunnerSettings) -> HaltFile | None:
    if settings.state_dir is None:
        return None
    return HaltFile(settings.state_dir / f"halts-{role.label}.json")


async def _same_master(desk: Desk) -> bool:
    """Whether both legs share an L1 address: then the venue itself prevents the self-trade."""
    if desk.hedger_account is None:
        raise AssertionError("a hedger has an account")
    maker = await desk.venue.read_account(desk.maker_account)
    hedger = await desk.venue.read_account(desk.hedger_account)
    return bool(maker.l1_address) and maker.l1_address == hedger.l1_address


def _venue(
    role: Role, settings: RunnerSettings, clock: Clock, parts_hook: PartsHook | None
) -> LighterVenue:
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
    parts = VenueParts(
        transport=transport,
        clock=clock,
        rng=random.Random(f"{settings.holder}:{role.label}"),
        limiter=Limiter(STANDARD),
    )
    if parts_hook is not None:
        parts = parts_hook(parts)
    watched = () if role is Role.MAKER else (settings.manifest.spec.maker.account.account_index,)
    return LighterVenue(signer, parts, symbols=(settings.manifest.spec.market,), watched=watched)


def private_key_of(account: Account, settings: RunnerSettings) -> str:
    """The key in hex. Raises StartRefused without one; its text is a known secret from now on."""
    if settings.endpoints.paper_seed is not None and account.secret_ref is None:
        from hedgepair_runner.venues.paper import keys  # only paper needs it

        return keys.private_hex(
            keys.private_key(
                settings.endpoints.paper_seed, account.account_index, account.api_key_index
            )
        )
    if account.secret_ref is None:
        raise AssertionError("off paper a signing account has a secretRef, by the manifest's rules")
    try:
        resolved = resolve_key(
            account.secret_ref, secrets_dir=settings.secrets_dir, environ=settings.environ
        )
    except KeyUnavailable as unavailable:
        raise StartRefused(str(unavailable)) from unavailable
    secrets.register(resolved.key.reveal())
    if resolved.warning:
        logger.warning("key is not well kept", extra={"remedy": resolved.warning})
    return resolved.key.reveal()


def account_of(role: Role, manifest: HedgePair) -> Account:
    """The account that a role signs for. Raises StartRefused where there is none."""
    if role is Role.MAKER:
        return manifest.spec.maker.account
    if manifest.spec.hedger is None:
        raise StartRefused("spec.hedger.account is missing: a hedger needs an account of its own.")
    return manifest.spec.hedger.account


def _hedger_account(manifest: HedgePair) -> int | None:
    hedger = manifest.spec.hedger
    return None if hedger is None else hedger.account.account_index


def roles_of(manifest: HedgePair) -> tuple[Role, ...]:
    """The roles that the manifest's mode runs, in the order in which they start."""
    match manifest.spec.mode:
        case Mode.HEDGE:
            return (Role.HEDGER, Role.MAKER)
        case Mode.MAKER_ONLY:
            return (Role.MAKER,)
        case Mode.HEDGER_ONLY:
            return (Role.HEDGER,)


async def _patiently(ask: Callable[[], Awaitable[Answer]], stop: asyncio.Event) -> Answer | None:
    """Asks until the venue answers or `stop` is set (then None)."""
    while not stop.is_set():
        try:
            return await ask()
        except VenueUnavailable as gone:
            logger.warning("exchange does not answer yet", extra={"reason": str(gone)})
            await asyncio.sleep(OPEN_RETRY_S)
    return None


def _leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
