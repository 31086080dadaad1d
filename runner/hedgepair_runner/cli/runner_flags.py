"""The options of a runner process, and the settings that follow from them and the manifest."""

from __future__ import annotations

import argparse
import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hedgepair_runner import environment
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest
from hedgepair_runner.cli.parsing import host_and_port
from hedgepair_runner.cli.redis_flags import add_redis_flags, redis_url_of
from hedgepair_runner.cli.versions import own_version
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings, VenueEndpoints
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.logs import LEVELS, LogFormat
from hedgepair_runner.probe_files import refuse_unprobed
from hedgepair_runner.refusals import StartRefused

_STREAM_PATH: Final = "/stream"  # protocol §6.1


def add_runner_flags(parser: argparse.ArgumentParser) -> None:
    add_manifest_flags(parser)
    add_redis_flags(parser)
    add_endpoint_flags(parser)
    add_probes_flag(parser)
    parser.add_argument(
        "--desired",
        type=Path,
        metavar="FILE",
        help="follow the desired state in this file (or HEDGEPAIR_DESIRED) instead of edits of "
        "the manifest; the newer of it and Redis counts",
    )
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="keep halts here as well (or HEDGEPAIR_STATE_DIR): they outlive Redis",
    )
    parser.add_argument(
        "--http",
        type=host_and_port,
        metavar="HOST:PORT",
        help="serve /healthz, /readyz and /metrics here (port 0: any free one)",
    )
    add_log_flags(parser)


def add_endpoint_flags(parser: argparse.ArgumentParser) -> None:
    """Where the exchange is, and the keys."""
    parser.add_argument("--exchange-url", metavar="URL", help="where a Paper pair's exchange is")
    parser.add_argument(
        "--ws-url", metavar="URL", help="its WebSocket, if not the same with /stream"
    )
    parser.add_argument(
        "--paper-seed", metavar="TEXT", help="the paper exchange's seed: its keys follow from it"
    )
    parser.add_argument(
        "--secrets", type=Path, metavar="DIR", help="where Secrets are mounted: DIR/NAME/KEY"
    )


def add_probes_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--probes",
        type=Path,
        metavar="DIR",
        help=f"where records of `hedgepair probe` lie, which Mainnet needs "
        f"(default: {environment.PROBES}, or your state directory)",
    )


def add_log_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-format", type=LogFormat, choices=list(LogFormat), default=LogFormat.JSON
    )
    parser.add_argument("--log-level", choices=LEVELS, default="info")


def settings_of(
    options: argparse.Namespace, role: Role, environ: Mapping[str, str]
) -> RunnerSettings:
    """Raises StartRefused."""
    manifest = read_manifest(options.file)
    refuse_other_role(manifest, role)
    refuse_unprobed(
        manifest,
        (role,),
        probes_dir=options.probes,
        environ=environ,
        file=str(options.file),
        secrets_dir=options.secrets,
    )
    host, port = options.http or ("127.0.0.1", None)
    return RunnerSettings(
        manifest=manifest,
        namespace=pair_of(manifest, options.namespace).namespace,
        endpoints=endpoints_of(manifest, options, environ),
        redis_url=redis_url_of(options, environ),
        redis_url_file=options.redis_url_file,
        holder=new_holder(),
        secrets_dir=options.secrets,
        manifest_file=options.file,
        desired_file=path_of(options.desired, environ, environment.DESIRED),
        state_dir=made(path_of(options.state_dir, environ, environment.STATE_DIR)),
        environ=environ,
        http_host=host,
        http_port=port,
        version=own_version(),
        probes_dir=options.probes,
    )


def path_of(named: Path | None, environ: Mapping[str, str], variable: str) -> Path | None:
    if named is not None or not environ.get(variable):
        return named
    return Path(environ[variable])


def made(directory: Path | None) -> Path | None:
    """The directory, which is there now. Raises StartRefused."""
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartRefused(f"{directory} cannot be made: {error.strerror}") from error
    return directory


def refuse_other_role(manifest: HedgePair, role: Role) -> None:
    runs = manifest.spec.runs_maker if role is Role.MAKER else manifest.spec.runs_hedger
    if not runs:
        raise StartRefused(
            f"spec.mode {manifest.spec.mode.value} has no {role.label}; "
            "change spec.mode, or run the other command"
        )


def endpoints_of(
    manifest: HedgePair, options: argparse.Namespace, environ: Mapping[str, str]
) -> VenueEndpoints:
    """Raises StartRefused."""
    exchange = manifest.spec.exchange
    is_paper = exchange.network is Network.PAPER
    named = options.exchange_url or environ.get(environment.EXCHANGE_URL)
    if options.exchange_url and not is_paper:
        raise StartRefused(
            "--exchange-url is for Paper pairs; put another exchange into spec.exchange.url "
            "with its chainId"
        )
    rest_url = (named if is_paper else None) or exchange.effective_url
    if rest_url is None:
        raise StartRefused(
            "a Paper pair needs its exchange: start `hedgepair exchange` and give its address "
            f"with --exchange-url or {environment.EXCHANGE_URL}, or use `hedgepair run`, "
            "which embeds one"
        )
    _refuse_other_scheme(rest_url, ("http", "https"), "the exchange's URL")
    ws_url = options.ws_url or stream_url_of(rest_url)
    _refuse_other_scheme(ws_url, ("ws", "wss"), "--ws-url")
    seed = _paper_seed(options, environ)
    return VenueEndpoints(
        rest_url=rest_url.rstrip("/"),
        ws_url=ws_url,
        chain_id=exchange.effective_chain_id,
        paper_seed=seed if is_paper else None,
    )


def endpoints_or_embedded(
    manifest: HedgePair, options: argparse.Namespace, environ: Mapping[str, str]
) -> VenueEndpoints:
    """As `endpoints_of`, but without URLs for a Paper pair whose exchange nobody named."""
    exchange = manifest.spec.exchange
    named = options.exchange_url or environ.get(environment.EXCHANGE_URL) or exchange.effective_url
    if exchange.network is not Network.PAPER or named:
        return endpoints_of(manifest, options, environ)
    return VenueEndpoints(
        rest_url="",
        ws_url="",
        chain_id=exchange.effective_chain_id,
        paper_seed=_paper_seed(options, environ),
    )


def _paper_seed(options: argparse.Namespace, environ: Mapping[str, str]) -> str:
    return (
        options.paper_seed or environ.get(environment.PAPER_SEED) or environment.DEFAULT_PAPER_SEED
    )


def stream_url_of(rest_url: str) -> str:
    """`https://host` → `wss://host/stream`."""
    scheme, _, rest = rest_url.rstrip("/").partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{_STREAM_PATH}"


def new_holder() -> str:
    """Names this start of this process in leases; no two are ever the same."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:12]}"


def _refuse_other_scheme(url: str, schemes: tuple[str, ...], what: str) -> None:
    if urlsplit(url).scheme not in schemes or not urlsplit(url).netloc:
        raise StartRefused(f"{what} must begin with {schemes[0]}:// or {schemes[1]}://")
