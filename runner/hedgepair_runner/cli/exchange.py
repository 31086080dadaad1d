"""`hedgepair exchange`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.venues.paper import command


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "exchange",
        does=(
            "Runs the paper exchange: an exchange on this machine that speaks Lighter's REST and "
            "WebSocket protocol, with a generated market. Ctrl-C ends it."
        ),
        example="hedgepair exchange --port 8080 --market ETH --profile demo",
    )
    command.add_arguments(parser)
    options = parser.parse_args(arguments)
    with logging_to(sys.stderr, log_format=LogFormat.JSON):
        return command.run(options)
