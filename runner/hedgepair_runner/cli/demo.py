"""`hedgepair demo`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from hedgepair_runner import lifecycle
from hedgepair_runner.cli.extras import local_only
from hedgepair_runner.cli.parsing import duration_s, parser_of
from hedgepair_runner.logs import LogFormat, logging_to


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "demo",
        does=(
            "Shows a whole pair at work: embedded Redis, the paper exchange, a maker and a hedger "
            "in processes of their own. Ctrl-C ends it with a summary."
        ),
        example="hedgepair demo --seconds 20 --json",
    )
    parser.add_argument(
        "--seconds", type=duration_s, metavar="N", help="end by itself after so long"
    )
    parser.add_argument(
        "--json", action="store_true", help="the last line of stdout is the summary as JSON"
    )
    options = parser.parse_args(arguments)

    async def demo(stop: asyncio.Event) -> int:
        with local_only("demo"):
            from hedgepair_runner.local.demo import DemoOptions, run_demo

        chosen = DemoOptions(for_s=options.seconds, as_json=options.json)
        return await run_demo(stop, chosen, stream=sys.stdout)

    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="warning"):
        return lifecycle.run(demo)
