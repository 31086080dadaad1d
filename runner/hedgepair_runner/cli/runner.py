"""What `hedgepair maker` and `hedgepair hedger` share: one role in one process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from hedgepair_runner import lifecycle
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.runner_flags import add_runner_flags, settings_of
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.logs import logging_to

if TYPE_CHECKING:
    from hedgepair_runner.reporter import Reporter


def run_runner(role: Role, arguments: Sequence[str], *, does: str) -> int:
    parser = parser_of(
        role.label,
        does=does,
        example=(
            f"hedgepair {role.label} -f pair.yaml --redis redis://127.0.0.1:6379/0 "
            "--exchange-url http://127.0.0.1:8080"
        ),
    )
    add_runner_flags(parser)
    options = parser.parse_args(arguments)
    with logging_to(sys.stderr, log_format=options.log_format, level=options.log_level):
        settings = settings_of(options, role, os.environ)
        return lifecycle.run(lambda stop: _serve(role, settings, stop))


async def _serve(role: Role, settings: RunnerSettings, stop: asyncio.Event) -> int:
    # Imported here: `--help` and a refused manifest answer at once.
    from hedgepair_runner.health_server import HealthServer
    from hedgepair_runner.metrics import RunnerMetrics
    from hedgepair_runner.roles import run_role

    metrics = RunnerMetrics()
    reporters: list[Reporter] = []

    def readiness() -> tuple[bool, str]:
        return reporters[-1].readiness() if reporters else (False, "starting")

    async with AsyncExitStack() as stack:
        if settings.http_port is not None:
            server = HealthServer(
                host=settings.http_host,
                port=settings.http_port,
                metrics=metrics,
                readiness=readiness,
            )
            await stack.enter_async_context(server)
        return await run_role(
            role, settings, stop=stop, metrics=metrics, on_reporter=reporters.append
        )
