"""`hedgepair status`: what both runners of a pair report, from Redis."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import orjson

from hedgepair_runner import lifecycle
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.cli.looking import Looker, facts_of
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, redis_url_of
from hedgepair_runner.local.overview import Overview, as_json, plain_lines
from hedgepair_runner.local.pair_remote import PairRemote
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused

_EVERY_S: Final = 1.0
_PLAIN_WIDTH: Final = 100
_CLEAR: Final = "\x1b[H\x1b[2J"


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "status",
        does=(
            "Shows what both runners of a pair report, the halts that stand and the command that "
            "ends each. Exit code 1 when a runner does not report."
        ),
        example="hedgepair status -f pair.yaml --redis redis://127.0.0.1:6379/0 --output json",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    parser.add_argument("--output", "-o", choices=("table", "json"), default="table")
    parser.add_argument("--watch", "-w", action="store_true", help="again every second")
    options = parser.parse_args(arguments)
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="warning"):
        manifest = read_manifest(options.file)
        redis_url = redis_url_of(options, os.environ)
        facts = facts_of(manifest, options.file, options.namespace)

        async def show(stop: asyncio.Event) -> int:
            pair = pair_of(manifest, options.namespace)
            async with PairRemote(redis_url, pair) as remote:
                return await _show(Looker(remote, facts), options, stop)

        return lifecycle.run(show)


async def _show(looker: Looker, options: argparse.Namespace, stop: asyncio.Event) -> int:
    """Raises StartRefused when Redis does not answer at the first look."""
    code = 0
    while True:
        try:
            overview = await looker.look()
        except BusUnavailable as error:
            if not options.watch:
                sentence = f"Redis gave no answer ({error}); is it where you said?"
                raise StartRefused(sentence) from error
            sys.stdout.write(f"Redis gives no answer ({error}): all is unknown\n")
            code = 1
        else:
            _write(overview, options)
            code = int(overview.is_missing)
        if not options.watch or stop.is_set():
            return code
        try:
            async with asyncio.timeout(_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
        return code


def _write(overview: Overview, options: argparse.Namespace) -> None:
    if options.output == "json":
        reports = {
            role.label: None if report is None else asdict(report)
            for role, report in overview.reports.items()
        }
        sys.stdout.write(orjson.dumps(as_json(overview, reports)).decode() + "\n")
    else:
        is_screen = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if is_screen else _PLAIN_WIDTH
        if options.watch and is_screen:
            sys.stdout.write(_CLEAR)
        sys.stdout.write("\n".join(plain_lines(overview, width=width)) + "\n")
    sys.stdout.flush()
