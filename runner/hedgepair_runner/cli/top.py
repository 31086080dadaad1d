"""`hedgepair top`: a live view of one or several pairs, over Redis only."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from hedgepair_runner import lifecycle
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.cli.extras import local_only
from hedgepair_runner.cli.looking import Looker, facts_of
from hedgepair_runner.cli.manifests import pair_of, read_manifest
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, redis_url_of
from hedgepair_runner.local.overview import Overview
from hedgepair_runner.local.pair_remote import PairRemote
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused

_EVERY_S: Final = 0.5


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "top",
        does="A live view of one or several pairs, from what their runners report to Redis.",
        example="hedgepair top -f eth.yaml -f btc.yaml --redis redis://127.0.0.1:6379/0",
    )
    parser.add_argument(
        "-f",
        "--file",
        required=True,
        action="append",
        type=Path,
        metavar="FILE",
        help="a HedgePair manifest; may be given several times",
    )
    parser.add_argument("--namespace", help="overrides the manifests' namespace")
    add_redis_flags(parser)
    options = parser.parse_args(arguments)
    if not sys.stdout.isatty():
        raise StartRefused(
            "top needs a terminal; for a script take `hedgepair status --output json`"
        )
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="error"):
        return lifecycle.run(lambda stop: _watch(options, stop))


async def _watch(options: argparse.Namespace, stop: asyncio.Event) -> int:
    with local_only("top"):
        from rich.console import Console
        from rich.live import Live

        from hedgepair_runner.local.top_view import frame
    url = redis_url_of(options, os.environ)
    async with AsyncExitStack() as stack:
        lookers = []
        for file in options.file:
            manifest = read_manifest(file)
            pair = pair_of(manifest, options.namespace)
            remote = await stack.enter_async_context(
                PairRemote(url, pair, url_file=options.redis_url_file)
            )
            lookers.append(Looker(remote, facts_of(manifest, file, options.namespace)))
        console = Console(file=sys.stdout)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while not stop.is_set():
                overviews, silent = await _look(lookers)
                clock = time.strftime("%H:%M:%S")
                view = frame(overviews, silent=silent, clock=clock, width=console.width)
                live.update(view, refresh=True)
                await _pause(stop)
    return 0


async def _look(lookers: Sequence[Looker]) -> tuple[list[Overview], dict[str, str]]:
    overviews: list[Overview] = []
    silent: dict[str, str] = {}
    for looker in lookers:
        try:
            overviews.append(await looker.look())
        except BusUnavailable as error:
            silent[looker.facts.pair] = str(error)
    return overviews, silent


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_EVERY_S):
            await stop.wait()
    except TimeoutError:
        return
