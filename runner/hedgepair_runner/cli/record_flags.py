"""The options of commands that read a venue's records, and what follows from them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of
from hedgepair_runner.cli.runner_flags import endpoints_of, new_holder
from hedgepair_runner.cli.versions import own_version
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Network

_REAL_PER_MINUTE: Final = 15.0
"""A Standard account has 60 requests a minute, and a live pair shares them (protocol §8)."""


def add_record_flags(parser: argparse.ArgumentParser) -> None:
    add_manifest_flags(parser)
    parser.add_argument("--exchange-url", metavar="URL", help="where a Paper pair's exchange is")
    parser.add_argument(
        "--paper-seed", metavar="TEXT", help="the paper exchange's seed: its keys follow from it"
    )
    parser.add_argument(
        "--secrets", type=Path, metavar="DIR", help="where Secrets lie as files: DIR/NAME/KEY"
    )
    parser.add_argument(
        "--requests-per-minute",
        type=_rate,
        metavar="N",
        help=f"ask the venue no faster (default: {_REAL_PER_MINUTE:g}; Paper: no limit)",
    )
    parser.set_defaults(ws_url=None)


def _rate(words: str) -> float:
    try:
        rate = float(words)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{words!r} is no rate; write a number above 0")
    return rate


def record_settings_of(
    options: argparse.Namespace, manifest: HedgePair, environ: Mapping[str, str]
) -> RunnerSettings:
    """Raises StartRefused."""
    return RunnerSettings(
        manifest=manifest,
        namespace=pair_of(manifest, options.namespace).namespace,
        endpoints=endpoints_of(manifest, options, environ),
        redis_url="",
        holder=new_holder(),
        secrets_dir=options.secrets,
        environ=environ,
        version=own_version(),
    )


def pace_s_of(options: argparse.Namespace, manifest: HedgePair) -> float:
    """Seconds between two requests."""
    if options.requests_per_minute is not None:
        return 60.0 / float(options.requests_per_minute)
    is_paper = manifest.spec.exchange.network is Network.PAPER
    return 0.0 if is_paper else 60.0 / _REAL_PER_MINUTE
