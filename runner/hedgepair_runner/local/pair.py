"""`hedgepair run`: a pair in one process, by the same code as in pods.

What the pair needs and nobody named is embedded: a Redis, and for Paper the exchange.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TextIO

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.local import redis_server
from hedgepair_runner.local.displays import display_for, print_result
from hedgepair_runner.local.embedded_exchange import embedded_exchange
from hedgepair_runner.local.ending import wind_down
from hedgepair_runner.local.history import Historian
from hedgepair_runner.local.records import PairAccounts, RecordsReader, RecordsUnavailable
from hedgepair_runner.local.reports import ReportReader
from hedgepair_runner.local.tokens import tokens_of
from hedgepair_runner.local.watcher import Watched, Watcher
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.redis_alarms import RedisAlarms
from hedgepair_runner.redis_bus import COMMAND_TIMEOUT_S, connect
from hedgepair_runner.redis_receipts import RedisReceipts
from hedgepair_runner.roles import roles_of, run_role

_ASK_EVERY_S: Final = 1.0


SPARING_S: Final = 60.0
"""Seven of the sixty requests a minute of a Standard account (protocol §8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """`settings` without Redis or exchange, where those are to be embedded."""

    settings: RunnerSettings
    has_exchange: bool
    for_s: float | None
    as_json: bool
    profile: str
    state_dir: Path | None


class _TaskPlayer:
    """A role as a task, as `wind_down` sees it."""

    def __init__(self, role: Role, settings: RunnerSettings, tasks: asyncio.TaskGroup) -> None:
        self.name = role.label
        self._stop = asyncio.Event()
        # Both roles live in one process, and each holds its own lease.
        own = replace(settings, holder=f"{settings.holder}/{role.label}")
        running = run_role(role, own, stop=self._stop, metrics=RunnerMetrics())
        self.task: asyncio.Task[int] = tasks.create_task(running, name=role.label)

    @property
    def is_done(self) -> bool:
        return self.task.done()

    def ask_to_stop(self) -> None:
        self._stop.set()


async def run_pair(stop: asyncio.Event, options: RunOptions, *, stream: TextIO) -> int:
    """0 when it ended in order; 1 when something was left undone, which is said.

    Raises StartRefused.
    """
    async with AsyncExitStack() as stack:
        settings = options.settings
        manifest = settings.manifest
        accounts, token_of = PairAccounts.of(manifest.spec), tokens_of(settings)
        for index in accounts.indexes:
            token_of(index)  # a missing key is refused before anything runs
        if not settings.redis_url:
            home = None if options.state_dir is None else options.state_dir / "redis"
            server = stack.enter_context(redis_server.start(directory=home))
            settings = replace(settings, redis_url=server.url)
        if not options.has_exchange:
            exchange = embedded_exchange(manifest, settings.endpoints, profile=options.profile)
            settings = replace(settings, endpoints=await stack.enter_async_context(exchange))
        rest_url = settings.endpoints.rest_url
        records = await stack.enter_async_context(
            RecordsReader(rest_url=rest_url, accounts=accounts, token_of=token_of)
        )
        reports = await stack.enter_async_context(
            ReportReader(settings.redis_url, settings.pair, url_file=settings.redis_url_file)
        )
        if options.has_exchange and not await _skip_history(records, stop, stream=stream):
            return 0
        with display_for(stream) as display:
            watched = Watched(
                title=_title(manifest),
                timeout_s=manifest.spec.timeout_seconds,
                for_s=options.for_s,
                # An exchange that is not ours counts requests, and the pair needs them itself.
                records_every_s=SPARING_S if options.has_exchange else 0.0,
            )
            watcher = Watcher(watched, records=records, reports=reports, display=display)
            wrong = await _play(stop, options, settings=settings, watcher=watcher)
        return await _conclude(options, watcher, wrong, stream=stream)


async def _conclude(
    options: RunOptions, watcher: Watcher, wrong: tuple[str, ...], *, stream: TextIO
) -> int:
    """Says how it went; the exit code."""
    for sentence in wrong:
        stream.write(f"{sentence}\n")
    try:
        summary = await watcher.summary()
    except RecordsUnavailable as error:
        stream.write(f"there is no summary: {error}\n")
        return 1
    symbol = options.settings.manifest.spec.market
    print_result(summary, symbol=symbol, stream=stream, as_json=options.as_json)
    return 1 if wrong else 0


async def _play(
    stop: asyncio.Event, options: RunOptions, *, settings: RunnerSettings, watcher: Watcher
) -> tuple[str, ...]:
    """Returns what did not go in order."""
    async with _historian(options, settings) as historian, asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(historian.keep(), name="history") if historian else None
        players = {role: _TaskPlayer(role, settings, tasks) for role in roles_of(settings.manifest)}
        await watcher.trade_for(
            options.for_s,
            roles=players,
            done=lambda: stop.is_set() or any(player.is_done for player in players.values()),
        )
        wrong = await wind_down(
            watcher, maker=players.get(Role.MAKER), hedger=players.get(Role.HEDGER)
        )
        for player in players.values():
            player.task.cancel()
        if historian is not None and keeping is not None:
            keeping.cancel()
            await historian.copy()
    codes: Mapping[str, int] = {
        player.name: player.task.result()
        for player in players.values()
        if not player.task.cancelled()
    }
    return (*wrong, *(f"the {name} ended with {code}" for name, code in codes.items() if code))


@asynccontextmanager
async def _historian(
    options: RunOptions, settings: RunnerSettings
) -> AsyncIterator[Historian | None]:
    """None without a directory to keep a history in."""
    if options.state_dir is None:
        yield None
        return
    client = connect(
        settings.redis_url, timeout_s=COMMAND_TIMEOUT_S, url_file=settings.redis_url_file
    )
    try:
        yield Historian(
            options.state_dir,
            receipts=RedisReceipts(client, pair=settings.pair),
            alarms=RedisAlarms(client, pair=settings.pair),
        )
    finally:
        await client.aclose()


async def _skip_history(records: RecordsReader, stop: asyncio.Event, *, stream: TextIO) -> bool:
    """Trades of earlier runs are none of this one's. False when `stop` came first."""
    told = ""
    while not stop.is_set():
        try:
            await records.skip_history()
        except RecordsUnavailable as error:
            if str(error) != told:
                told = str(error)
                stream.write(f"waiting for the exchange: {told}\n")
                stream.flush()
            await asyncio.sleep(_ASK_EVERY_S)
        else:
            return True
    return False


def _title(manifest: HedgePair) -> str:
    spec = manifest.spec
    where = {
        Network.PAPER: "paper exchange",
        Network.TESTNET: "testnet",
        Network.MAINNET: "mainnet",
    }[spec.exchange.network]
    return f"{manifest.name} · {spec.mode.value} · {spec.market} · {where}"
