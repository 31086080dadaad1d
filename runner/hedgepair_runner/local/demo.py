"""The demo: a whole pair in processes of its own, as in a cluster, on the paper exchange."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from hedgepair_runner import environment
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.manifest import HedgePair, load_manifest
from hedgepair_runner.local import redis_server
from hedgepair_runner.local.cast import Cast, DemoFailed, demo_manifest
from hedgepair_runner.local.displays import display_for, print_result
from hedgepair_runner.local.ending import wind_down
from hedgepair_runner.local.records import PairAccounts, RecordsReader, RecordsUnavailable
from hedgepair_runner.local.reports import ReportReader
from hedgepair_runner.local.summarising import Summary
from hedgepair_runner.local.tokens import paper_tokens
from hedgepair_runner.local.watcher import Watched, Watcher


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """`for_s` None: until Ctrl-C."""

    for_s: float | None
    as_json: bool


async def run_demo(stop: asyncio.Event, options: DemoOptions, *, stream: TextIO) -> int:
    """Exit code 0 when it ended in order and hedged, else 1, with the logs kept and named."""
    folder = Path(tempfile.mkdtemp(prefix="hedgepair-demo-"))
    manifest = load_manifest(demo_manifest())
    try:
        summary = await _play(stop, options, manifest=manifest, folder=folder, stream=stream)
    except DemoFailed as failure:
        sys.stderr.write(f"hedgepair demo: {failure}\nhedgepair demo: all logs are in {folder}\n")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    if summary is not None:
        print_result(summary, symbol=manifest.spec.market, stream=stream, as_json=options.as_json)
    return 0


async def _play(
    stop: asyncio.Event,
    options: DemoOptions,
    *,
    manifest: HedgePair,
    folder: Path,
    stream: TextIO,
) -> Summary | None:
    """The summary, or None when it was stopped before anything ran. Raises DemoFailed."""
    pair = PairId(namespace=manifest.namespace, pairing=manifest.pairing)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(redis_server.start(directory=folder / "redis"))
        cast = stack.enter_context(Cast(folder, redis_url=server.url))
        display = stack.enter_context(display_for(stream))
        display.say("starting Redis, the paper exchange, a maker and a hedger")
        if not await cast.start_exchange(stop):
            return None
        records = await stack.enter_async_context(_records_of(manifest, cast.exchange_url))
        reports = await stack.enter_async_context(ReportReader(server.url, pair))
        watched = Watched(
            title=f"HedgePair demo · {manifest.spec.market} · paper exchange",
            timeout_s=manifest.spec.timeout_seconds,
            for_s=options.for_s,
        )
        watcher = Watcher(watched, records=records, reports=reports, display=display)
        hedger, maker = cast.start_runner(Role.HEDGER), cast.start_runner(Role.MAKER)
        await watcher.trade_for(
            options.for_s,
            roles=(Role.HEDGER, Role.MAKER),
            done=lambda: stop.is_set() or cast.lost is not None,
        )
        cast.refuse_losses()
        wrong = await wind_down(watcher, maker=maker, hedger=hedger)
        codes = [f"the {child.name} ended with {child.exit_code}" for child in cast.failed]
        if wrong or codes:
            raise DemoFailed("; ".join([*wrong, *codes]))
        try:
            return await watcher.summary()
        except RecordsUnavailable as error:
            raise DemoFailed(f"there is no summary: {error}") from error


def _records_of(manifest: HedgePair, exchange_url: str) -> RecordsReader:
    return RecordsReader(
        rest_url=exchange_url,
        accounts=PairAccounts.of(manifest.spec),
        token_of=paper_tokens(environment.DEFAULT_PAPER_SEED, manifest.spec),
    )
