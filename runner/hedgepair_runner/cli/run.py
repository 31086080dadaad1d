"""`hedgepair run`."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hedgepair_runner import environment, lifecycle
from hedgepair_runner.cli.extras import local_only
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest, roles_in
from hedgepair_runner.cli.parsing import duration_s, parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, named_redis_url
from hedgepair_runner.cli.runner_flags import add_probes_flag, new_holder, stream_url_of
from hedgepair_runner.cli.versions import own_version
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings, VenueEndpoints
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.logs import LEVELS, LogFormat, logging_to
from hedgepair_runner.probe_files import refuse_unprobed
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.venues.paper.generating import PROFILES

if TYPE_CHECKING:
    from hedgepair_runner.local.pair import RunOptions

_FAILED: Final = 1


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    manifest = read_manifest(options.file)
    refuse_unprobed(
        manifest,
        roles_in(manifest),
        probes_dir=options.probes,
        environ=os.environ,
        file=str(options.file),
        secrets_dir=options.secrets,
    )
    settings = _settings_of(options, manifest, os.environ)
    log = _log_file(options.state)

    async def run(stop: asyncio.Event) -> int:
        with local_only("run"):
            from hedgepair_runner.local.pair import run_pair

        return await run_pair(stop, _run_options(options, settings), stream=sys.stdout)

    with (
        log.open("a", encoding="utf-8") as stream,
        logging_to(stream, log_format=LogFormat.JSON, level=options.log_level),
    ):
        code = lifecycle.run(run)
    if code == _FAILED:
        sys.stderr.write(f"hedgepair run: it did not end in order; the log is {log}\n")
    elif options.state is None:
        shutil.rmtree(log.parent, ignore_errors=True)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "run",
        does=(
            "Runs a pair in this process, by the same code as in a cluster. Redis is embedded "
            "unless one is named; so is the exchange of a Paper pair without a URL. "
            "Ctrl-C withdraws the orders, hedges what is open and ends it."
        ),
        example="hedgepair run -f examples/paper.yaml --for 20s --summary json",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    parser.add_argument(
        "--for",
        dest="for_s",
        type=duration_s,
        metavar="TIME",
        help="end by itself after so long, such as 20s or 5m",
    )
    parser.add_argument(
        "--summary", choices=("table", "json"), default="table", help="json: as the last line"
    )
    parser.add_argument(
        "--secrets", type=Path, metavar="DIR", help="where Secrets lie as files: DIR/NAME/KEY"
    )
    add_probes_flag(parser)
    parser.add_argument("--seed", metavar="TEXT", help="of the embedded exchange and its keys")
    parser.add_argument(
        "--profile",
        choices=[*PROFILES, "none"],
        default="demo",
        help="the market of the embedded exchange (default: %(default)s)",
    )
    parser.add_argument(
        "--state",
        "--state-dir",
        dest="state",
        type=Path,
        metavar="DIR",
        help="keep Redis's data, the log and halts here",
    )
    parser.add_argument("--log-level", choices=LEVELS, default="info")
    return parser


def _settings_of(
    options: argparse.Namespace, manifest: HedgePair, environ: Mapping[str, str]
) -> RunnerSettings:
    exchange = manifest.spec.exchange
    is_paper = exchange.network is Network.PAPER
    url = exchange.effective_url or ""
    seed = options.seed or environ.get(environment.PAPER_SEED) or environment.DEFAULT_PAPER_SEED
    return RunnerSettings(
        manifest=manifest,
        namespace=pair_of(manifest, options.namespace).namespace,
        endpoints=VenueEndpoints(
            rest_url=url.rstrip("/"),
            ws_url=stream_url_of(url) if url else "",
            chain_id=exchange.effective_chain_id,
            paper_seed=seed if is_paper else None,
        ),
        redis_url=named_redis_url(options, environ) or "",
        redis_url_file=options.redis_url_file,
        holder=new_holder(),
        secrets_dir=options.secrets,
        manifest_file=options.file,
        state_dir=options.state,
        environ=environ,
        version=own_version(),
        probes_dir=options.probes,
    )


def _run_options(options: argparse.Namespace, settings: RunnerSettings) -> RunOptions:
    from hedgepair_runner.local.pair import RunOptions

    return RunOptions(
        settings=settings,
        has_exchange=bool(settings.endpoints.rest_url),
        for_s=options.for_s,
        as_json=options.summary == "json",
        profile=options.profile,
        state_dir=options.state,
    )


def _log_file(state_dir: Path | None) -> Path:
    """The screen belongs to the pair's story. Raises StartRefused."""
    if state_dir is None:
        return Path(tempfile.mkdtemp(prefix="hedgepair-run-")) / "hedgepair.log"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"--state {state_dir} cannot be made: {error.strerror}") from error
    return state_dir / "hedgepair.log"
