"""Puts a role together: its keys, its venue, its bus, its lease; and runs it until told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from hedgepair_runner.affording import least_rest_s, why_unaffordable
from hedgepair_runner.clock import SystemClock
from hedgepair_runner.contract.desired import config_hash
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Mode, Network
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.desired_watcher import WishFiles
from hedgepair_runner.desk import Desk, Streams
from hedgepair_runner.equipment import (
    PartsHook,
    account_of,
    hedger_account_of,
    private_key_of,
    signer_of,
    venue_of,
)
from hedgepair_runner.halt_file import HaltFile
from hedgepair_runner.halt_keeper import HaltKeeper
from hedgepair_runner.hedger import Hedger
from hedgepair_runner.key_keeper import KeyKeeper
from hedgepair_runner.leaser import Leaser
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.policies import (
    hedger_policy,
    ladder_policy,
    needs_cover,
    quote_policy,
)
from hedgepair_runner.probe_files import refuse_unprobed
from hedgepair_runner.progress_keeper import ProgressKeeper
from hedgepair_runner.quoter import Quoter
from hedgepair_runner.redis_bus import (
    COMMAND_TIMEOUT_S,
    TAIL_TIMEOUT_S,
    RedisBus,
    RedisLeases,
    connect,
)
from hedgepair_runner.redis_receipts import RedisReceipts
from hedgepair_runner.redis_sharing import RedisSharing
from hedgepair_runner.redis_steering import RedisSteering
from hedgepair_runner.redis_tokens import RedisTokens
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.refusing import refusal_of
from hedgepair_runner.reporter import Reporter, tell_refusal
from hedgepair_runner.steerer import Steerer
from hedgepair_runner.steering import Judge
from hedgepair_runner.tenure import Officer, Tenure
from hedgepair_runner.upkeep import Upkeep
from hedgepair_runner.venues.lighter.client import LighterVenue
from hedgepair_runner.venues.tiers import Tier
from hedgepair_runner.venues.venue import VenueRefused, VenueUnavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who takes office, by role."""

    hedger: type[Hedger] = Hedger
    quoter: type[Quoter] = Quoter


CREW = Crew()
OPEN_RETRY_S = 1.0
NO_FILES = WishFiles()
Answer = TypeVar("Answer")
ReadyHook = Callable[[Reporter], None]


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
    clock = SystemClock()
    account = account_of(role, settings.manifest)
    url, url_file = settings.redis_url, settings.redis_url_file
    client = connect(url, timeout_s=COMMAND_TIMEOUT_S, url_file=url_file)
    bus = RedisBus(
        client,
        connect(url, timeout_s=TAIL_TIMEOUT_S, url_file=url_file),
        pair=settings.pair,
        role=role,
    )
    venue: LighterVenue | None = None
    leases = RedisLeases(
        client,
        venue=settings.endpoints.venue_id,
        account=account.account_index,
        key=account.api_key_index,
    )
    try:
        signer = signer_of(role, settings)
        venue = venue_of(role, settings, signer, clock=clock, parts_hook=parts_hook)
        key_keeper = KeyKeeper(
            signer,
            read=partial(private_key_of, account, settings),
            on_rekeyed=venue.forget_tokens,
        )
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
            hedger_account=hedger_account_of(settings.manifest),
            venue=venue,
            bus=bus,
            steering=RedisSteering(client, pair=settings.pair),
            halts=halts,
            tokens=RedisTokens(client, pair=settings.pair),
            leaser=Leaser(leases, holder=settings.holder, clock=clock),
            clock=clock,
            metrics=metrics,
            receipts=RedisReceipts(client, pair=settings.pair),
            arms_switch=settings.manifest.spec.exchange.network is not Network.PAPER,
            sharing=RedisSharing(
                client, venue=settings.endpoints.venue_id, namespace=settings.pair.namespace
            ),
            reread_key=key_keeper.reread,
        )
        _spare_the_collector()
        files = WishFiles(
            desired=settings.desired_file,
            # A mounted desired state brings its manifest along.
            manifest=settings.manifest_file if settings.desired_file is None else None,
            progress=settings.state_dir and settings.state_dir / "progress.json",
        )
        await serve(desk, settings.manifest, stop=stop, files=files, on_reporter=on_reporter)
        return 0
    except (StartRefused, VenueRefused) as error:
        refused = refusal_of(error)
        await tell_refusal(bus, _last_report(role, settings, refused, wall_ms=clock.wall_ms()))
        raise refused from error
    finally:
        if venue is not None:
            await venue.close()
        await bus.close()


def _last_report(
    role: Role, settings: RunnerSettings, refused: StartRefused, *, wall_ms: int
) -> RunnerReport:
    return RunnerReport(
        role=role.label,
        holder=settings.holder,
        version=settings.version,
        state=RunnerState.STOPPED,
        reason=refused.sentence,
        reason_code=refused.reason_code,
        reported_ms=wall_ms,
        market=settings.manifest.spec.market,
        config_hash=config_hash(settings.manifest),
    )


async def serve(
    desk: Desk,
    manifest: HedgePair,
    *,
    stop: asyncio.Event,
    files: WishFiles = NO_FILES,
    on_reporter: ReadyHook | None = None,
    crew: Crew = CREW,
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
    upkeep.watch(tier, reporter, manifest=lambda: steerer.course.manifest)
    progress = ProgressKeeper(desk, file=files.progress)
    appoint = await _appointment(desk, steerer, streams, upkeep, tier, progress, stop, crew)
    if appoint is None:
        return
    tenure = Tenure(desk, streams=streams, appoint=appoint, steerer=steerer, reporter=reporter)
    try:
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(_keep_streams(desk, tenure), name="venue"),
                tasks.create_task(desk.bus.run(), name="bus"),
                tasks.create_task(reporter.run(), name="reporter"),
                tasks.create_task(steerer.run(), name="steerer"),
                *(tasks.create_task(work, name=name) for name, work in upkeep.tasks().items()),
            ]
            await tenure.serve(stop)
            await reporter.write()
            for task in beside:
                task.cancel()
    except* (StartRefused, VenueRefused) as group:
        refused = refusal_of(_leaf(group))
    else:
        return
    raise refused


async def _keep_streams(desk: Desk, tenure: Tenure) -> None:
    """Raises VenueRefused at a first start: later, a refused stream waits for a rotated key."""
    while True:
        try:
            await desk.venue.run()
        except VenueRefused as refused:
            tenure.note_refusal(refused)
            await asyncio.sleep(OPEN_RETRY_S)


def _spare_the_collector() -> None:
    """What is loaded by now stays to the end: to search it for garbage again and again would cost
    the hot path pauses of many milliseconds (design §4.7)."""
    gc.collect()
    gc.freeze()


async def _appointment(
    desk: Desk,
    steerer: Steerer,
    streams: Streams,
    upkeep: Upkeep,
    tier: Tier,
    progress: ProgressKeeper,
    stop: asyncio.Event,
    crew: Crew,
) -> Callable[[asyncio.TaskGroup], Officer] | None:
    """Makes the officer of each term by the configuration that is in force then.

    Raises StartRefused for one that the market cannot trade.
    """
    if desk.role is Role.MAKER:
        quote_policy(steerer.course.manifest, desk.market)
        risk = upkeep.risk
        if risk is None:
            raise AssertionError("a maker's limits are looked after before its first term")

        def appoint_quoter(tasks: asyncio.TaskGroup) -> Officer:
            manifest = steerer.course.manifest
            policy, cover = quote_policy(manifest, desk.market), needs_cover(manifest)
            rest_s = least_rest_s(tier, at_least_s=policy.least_rest_s)
            policy = replace(policy, least_rest_s=rest_s)
            quoter = crew.quoter(
                desk,
                policy,
                needs_cover=cover,
                streams=streams,
                progress=progress,
                tasks=tasks,
                legs=risk.legs,
            )
            risk.maker = quoter
            return quoter

        return appoint_quoter
    same_master = await _patiently(lambda: upkeep.shares_master_with(desk.maker_account), stop)
    if same_master is None:
        return None
    hedger_policy(steerer.course.manifest, desk.market, same_master=same_master)

    def appoint_hedger(tasks: asyncio.TaskGroup) -> Officer:
        manifest = steerer.course.manifest
        policy = hedger_policy(manifest, desk.market, same_master=same_master)
        ladder = ladder_policy(manifest)
        return crew.hedger(desk, policy, ladder=ladder, streams=streams, tasks=tasks)

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


def _leaf(
    group: BaseExceptionGroup[StartRefused | VenueRefused],
) -> StartRefused | VenueRefused:
    first = group.exceptions[0]
    return _leaf(first) if isinstance(first, BaseExceptionGroup) else first
