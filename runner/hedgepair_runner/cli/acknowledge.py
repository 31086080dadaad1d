"""`hedgepair acknowledge`: a person ends one very halt (law 11)."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from hedgepair_runner import lifecycle
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, redis_url_of
from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.local.pair_remote import PairRemote, Seen
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused

_NOTED_WITHIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.2


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "acknowledge",
        does=(
            "Ends one halt of a pair, by its id. Do it when you have dealt with what the halt "
            "says: the pair takes risk again as soon as no other halt stands. "
            "Without an id it lists the halts that stand."
        ),
        example="hedgepair acknowledge -f pair.yaml 3fa9c1d2",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    parser.add_argument("halt_id", nargs="?", metavar="HALT_ID", help="as `status` shows it")
    options = parser.parse_args(arguments)
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="warning"):
        manifest = read_manifest(options.file)
        redis_url = redis_url_of(options, os.environ)
        pair = pair_of(manifest, options.namespace)

        async def act(_: asyncio.Event) -> int:
            async with PairRemote(redis_url, pair) as remote:
                try:
                    return await _act(remote, options.halt_id)
                except BusUnavailable as error:
                    raise StartRefused(
                        f"Redis gave no answer ({error}); is it where you said? "
                        "Whether the halt was acknowledged is not known: run it again"
                    ) from error

        return lifecycle.run(act)


async def _act(remote: PairRemote, halt_id: str | None) -> int:
    seen = await remote.see()
    if halt_id is None:
        sys.stdout.write("\n".join(_listed(seen.halts)) + "\n")
        return 0
    if halt_id in seen.acknowledged:
        sys.stdout.write(f"{halt_id} was acknowledged before; nothing was changed\n")
        return 0
    if all(halt.id != halt_id for halt in seen.halts):
        raise StartRefused(
            f"no halt {halt_id} stands for this pair.\n" + "\n".join(_listed(seen.halts))
        )
    await remote.acknowledge(halt_id, now_ms=time.time_ns() // 1_000_000)
    after = await _noted(remote, halt_id)
    sys.stdout.write(f"{halt_id} is acknowledged; {_runners_words(after, halt_id)}\n")
    if after.halts:
        sys.stdout.write("\n".join(_listed(after.halts)) + "\n")
    return 0


async def _noted(remote: PairRemote, halt_id: str) -> Seen:
    """What is seen once every runner that is up has taken note, or after a while."""
    deadline_s = time.monotonic() + _NOTED_WITHIN_S
    while True:
        seen = await remote.see()
        if not _who_holds(seen, halt_id) or time.monotonic() > deadline_s:
            return seen
        await asyncio.sleep(_LOOK_EVERY_S)


def _who_holds(seen: Seen, halt_id: str) -> list[str]:
    return [
        role.label
        for role, report in seen.reports.items()
        if report is not None and any(halt.id == halt_id for halt in report.halts)
    ]


def _runners_words(seen: Seen, halt_id: str) -> str:
    up = [role.label for role, report in seen.reports.items() if report is not None]
    holding = _who_holds(seen, halt_id)
    if not up:
        return "no runner is up to take note, it counts from the next start"
    if holding:
        return f"the {' and '.join(holding)} did not take note yet, look with `hedgepair status`"
    return f"the {' and '.join(up)} took note"


def _listed(halts: Sequence[Halt]) -> list[str]:
    if not halts:
        return ["No halt stands."]
    return ["These halts stand:"] + [
        f"  {halt.id}  {halt.reason.value}, {halt.role}: {halt.message}" for halt in halts
    ]
