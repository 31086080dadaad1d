"""A worker: a maker or a hedger as in production, that stamps frames and hand-overs.

Options: {"role", "manifest", "redis_url", "rest_url", "ws_url", "seed", "hold_back_s": 0}. After
SIGTERM it says what it stamped: `trades` [[trade id, ns]], `orders` [[ns, lots, signed ahead]],
and one recorded `frame`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hedgepair_runner import lifecycle
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import load_manifest
from hedgepair_runner.contract.settings import RunnerSettings, VenueEndpoints
from hedgepair_runner.logs import logging_to
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.roles import run_role
from hedgepair_runner.venues.lighter.client import VenueParts
from tests.bench.stamping import HandOvers, StampingTransport
from tests.bench.workers import listen, say


def main(options: dict[str, Any]) -> int:
    role = Role[options["role"]]
    handed = HandOvers()
    stamped: list[StampingTransport] = []

    def hook(parts: VenueParts) -> VenueParts:
        hold_back_s = options.get("hold_back_s", 0.0)
        transport = StampingTransport(parts.transport, hold_back_s=hold_back_s)
        stamped.append(transport)
        return replace(parts, transport=transport, on_handed=handed)

    async def run(stop: asyncio.Event) -> int:
        return await run_role(
            role, _settings(options), stop=stop, metrics=RunnerMetrics(), parts_hook=hook
        )

    # Commands there are none; the end of the benchmark is the end of this process.
    listen(lambda _: None, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with logging_to(sys.stderr):
        code = lifecycle.run(run)
    transport = stamped[-1]
    say(
        code=code,
        trades=transport.trades(),
        orders=handed.orders(),
        frame=transport.recorded(),
    )
    return code


def _settings(options: dict[str, Any]) -> RunnerSettings:
    return RunnerSettings(
        manifest=load_manifest(Path(options["manifest"]).read_text()),
        namespace="bench",
        endpoints=VenueEndpoints(
            rest_url=options["rest_url"],
            ws_url=options["ws_url"],
            chain_id=300,
            paper_seed=options["seed"],
        ),
        redis_url=options["redis_url"],
        holder=f"bench-{os.getpid()}",
    )


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
