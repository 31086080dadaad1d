"""`hedgepair drill`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hedgepair_runner import environment, lifecycle
from hedgepair_runner.cli.extras import local_only
from hedgepair_runner.cli.manifests import pair_of, read_manifest
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.spec import Mode, Network
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused

if TYPE_CHECKING:
    from hedgepair_runner.local.drills import Drill


def main(arguments: Sequence[str]) -> int:
    parser = parser_of_drill()
    options = parser.parse_args(arguments)
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="warning"):
        if options.list:
            return _list()
        if options.file is None:
            parser.error("the following arguments are required: -f/--file")
        return _drill(options)


def parser_of_drill() -> argparse.ArgumentParser:
    parser = parser_of(
        "drill",
        does=(
            "Lets things go wrong for a Paper pair, one after the other: lost answers, cut "
            "sockets, killed runners, a Redis that forgets. Each on an exchange and a Redis of "
            "its own. Then judges by the exchange's records alone whether every fill was hedged "
            "once. Exit code 0 only if every drill was clean, else 1."
        ),
        example="hedgepair drill -f examples/paper.yaml --only answer-lost --only hedger-killed",
    )
    parser.add_argument("-f", "--file", type=Path, metavar="FILE", help="the HedgePair manifest")
    parser.add_argument("--namespace", help="overrides the manifest's namespace")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this drill; may be repeated"
    )
    parser.add_argument("--list", action="store_true", help="name the drills, and what each does")
    parser.add_argument(
        "--output",
        "-o",
        choices=("table", "json"),
        default="table",
        help="of the results, on stdout; progress goes to stderr",
    )
    parser.add_argument("--seed", metavar="TEXT", help="of the exchange's market and keys")
    return parser


def _list() -> int:
    with local_only("drill"):
        from hedgepair_runner.local.drill_reports import print_catalogue

    print_catalogue(stream=sys.stdout)
    return 0


def _drill(options: argparse.Namespace) -> int:
    manifest = read_manifest(options.file)
    _refuse_undrillable(manifest)
    namespace = pair_of(manifest, options.namespace).namespace
    seed = options.seed or os.environ.get(environment.PAPER_SEED) or environment.DEFAULT_PAPER_SEED

    async def drill(stop: asyncio.Event) -> int:
        with local_only("drill"):
            from hedgepair_runner.local.drill_stage import Play
            from hedgepair_runner.local.driller import DrillOptions, run_drills

        play = Play(manifest=manifest, manifest_path=options.file, namespace=namespace, seed=seed)
        chosen = DrillOptions(
            play=play, drills=_chosen(options.only), as_json=options.output == "json"
        )
        return await run_drills(stop, chosen, results=sys.stdout, progress=sys.stderr)

    return lifecycle.run(drill)


def _chosen(names: Sequence[str]) -> tuple[Drill, ...]:
    """Raises StartRefused."""
    from hedgepair_runner.local.drills import UnknownDrill, choose

    try:
        return choose(names)
    except UnknownDrill as unknown:
        raise StartRefused(f"--only: {unknown}") from unknown


def _refuse_undrillable(manifest: HedgePair) -> None:
    spec = manifest.spec
    if spec.exchange.network is not Network.PAPER:
        raise StartRefused(
            f"spec.exchange.network {spec.exchange.network.value}: things go wrong on purpose only "
            "on the paper exchange; drill a copy of the manifest with network Paper"
        )
    if spec.mode is not Mode.HEDGE:
        raise StartRefused(
            f"spec.mode {spec.mode.value}: a drill needs both legs; set spec.mode to Hedge"
        )
    if spec.suspend:
        raise StartRefused("spec.suspend is true: nothing would trade; set it to false")
