"""`hedgepair receipts`: what each order of a pair did, why, when and at which cost; and alarms."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hedgepair_runner import lifecycle
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.periods import add_period_flags, period_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, redis_url_of
from hedgepair_runner.contract.alarms import Alarm
from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.contract.receipts import Receipt
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused

if TYPE_CHECKING:
    from hedgepair_runner.redis_alarms import RedisAlarms

_LOOK_EVERY_S = 0.5


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    if options.follow and not options.alarms:
        _parser().error("--follow is for --alarms")
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="warning"):
        manifest = read_manifest(options.file)
        pair = pair_of(manifest, options.namespace)
        from_us, to_us = period_of(options, now_us=time.time_ns() // 1_000)
        period_ms = (from_us // 1_000, -(-to_us // 1_000))
        if options.state is not None:
            return _show_history(options, period_ms)
        redis_url = redis_url_of(options, os.environ)

        async def run(stop: asyncio.Event) -> int:
            return await _show(options, redis_url, pair, period_ms, stop)

        return lifecycle.run(run)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "receipts",
        does=(
            "Shows one receipt for each order that a pair's hedger executed (and its maker, where "
            "that took): size, price, slippage against the fill that it covered, fees, and who "
            "sent it. --summary adds them up; --alarms shows what went wrong instead."
        ),
        example="hedgepair receipts -f pair.yaml --since 1h --summary",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    add_period_flags(parser, default="24h")
    parser.add_argument("--output", "-o", choices=("table", "csv", "json"), default="table")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--summary",
        action="store_true",
        help="volume, fees, slippage, funding, realised result, cost per million traded",
    )
    what.add_argument("--alarms", action="store_true", help="the journal of what went wrong")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="with --alarms: go on, one JSON a line as each is told (pipe it to your own notifier)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="read the history that `hedgepair run --state DIR` kept, without Redis",
    )
    return parser


def _show_history(options: argparse.Namespace, period_ms: tuple[int, int]) -> int:
    from hedgepair_runner.local.history import read_alarms, read_receipts

    directory: Path = options.state
    if not directory.is_dir():
        raise StartRefused(
            f"--state {directory} is no directory; give the one of `hedgepair run --state`"
        )
    begin_ms, end_ms = period_ms
    if options.alarms:
        _write_alarms(
            [each for each in read_alarms(directory) if begin_ms <= each.at_ms < end_ms], options
        )
        return 0
    receipts = [each for each in read_receipts(directory) if begin_ms <= each.executed_ms < end_ms]
    _write_receipts(sorted(receipts, key=lambda each: each.executed_ms), options)
    return 0


async def _show(
    options: argparse.Namespace,
    redis_url: str,
    pair: PairId,
    period_ms: tuple[int, int],
    stop: asyncio.Event,
) -> int:
    """Raises StartRefused when Redis does not answer."""
    from hedgepair_runner.bus import BusUnavailable
    from hedgepair_runner.redis_alarms import RedisAlarms
    from hedgepair_runner.redis_bus import COMMAND_TIMEOUT_S, connect
    from hedgepair_runner.redis_receipts import RedisReceipts

    client = connect(redis_url, timeout_s=COMMAND_TIMEOUT_S)
    begin_ms, end_ms = period_ms
    try:
        if options.follow:
            await _follow(RedisAlarms(client, pair=pair), begin_ms, stop)
        elif options.alarms:
            alarms = RedisAlarms(client, pair=pair)
            _write_alarms(await alarms.read(since_ms=begin_ms, until_ms=end_ms), options)
        else:
            store = RedisReceipts(client, pair=pair)
            _write_receipts(await store.read(since_ms=begin_ms, until_ms=end_ms), options)
    except BusUnavailable as error:
        raise StartRefused(f"Redis gave no answer ({error}); is it where you said?") from error
    finally:
        await client.aclose()
    return 0


async def _follow(alarms: RedisAlarms, begin_ms: int, stop: asyncio.Event) -> None:
    """Until Ctrl-C. A Redis that is away is waited for: this is what tells of it."""
    import orjson

    from hedgepair_runner.bus import BusUnavailable
    from hedgepair_runner.local.receipt_reports import alarm_json

    after = f"{begin_ms}-0"
    while not stop.is_set():
        try:
            found, after = await alarms.newer(after)
        except BusUnavailable as error:
            sys.stderr.write(f"hedgepair receipts: Redis gave no answer ({error}); trying again\n")
            found = ()
        for alarm in found:
            sys.stdout.write(orjson.dumps(alarm_json(alarm)).decode() + "\n")
        sys.stdout.flush()
        await asyncio.sleep(_LOOK_EVERY_S)


def _write_receipts(receipts: Sequence[Receipt], options: argparse.Namespace) -> None:
    import orjson

    from hedgepair_runner.local import receipt_reports as reports
    from hedgepair_runner.local.receipt_summaries import summarise_receipts

    summary = summarise_receipts(receipts)
    match options.output:
        case "json":
            told = reports.summary_json(summary) if options.summary else None
            whole = reports.receipts_json(receipts) if told is None else told
            sys.stdout.write(orjson.dumps(whole).decode() + "\n")
        case "csv":
            sys.stdout.write(
                reports.summary_csv(summary) if options.summary else reports.receipts_csv(receipts)
            )
        case _:
            sys.stdout.write(
                reports.summary_words(summary)
                if options.summary
                else reports.receipts_table(receipts)
            )


def _write_alarms(alarms: Sequence[Alarm], options: argparse.Namespace) -> None:
    import orjson

    from hedgepair_runner.local import receipt_reports as reports

    match options.output:
        case "json":
            whole = [reports.alarm_json(alarm) for alarm in alarms]
            sys.stdout.write(orjson.dumps(whole).decode() + "\n")
        case "csv":
            sys.stdout.write(reports.alarms_csv(alarms))
        case _:
            sys.stdout.write(reports.alarms_table(alarms))
