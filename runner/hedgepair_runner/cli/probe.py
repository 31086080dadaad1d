"""`hedgepair probe`: checks on the user's own accounts what the hedge protocol rests on."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from hedgepair_runner import lifecycle
from hedgepair_runner.cli.confirming import confirm
from hedgepair_runner.cli.extras import local_only
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest, roles_in
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, named_redis_url
from hedgepair_runner.cli.runner_flags import (
    add_endpoint_flags,
    add_probes_flag,
    endpoints_or_embedded,
    new_holder,
)
from hedgepair_runner.cli.versions import own_version
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.probe_files import probes_dir_of, save_record
from hedgepair_runner.probe_records import ProbeRecord, write_record
from hedgepair_runner.refusals import StartRefused

_FAILED = 1
_PLAIN_WIDTH = 100


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    manifest = read_manifest(options.file)
    roles = _roles(manifest, options.role)
    _confirm(manifest, roles, is_sure=options.yes)
    settings = RunnerSettings(
        manifest=manifest,
        namespace=pair_of(manifest, options.namespace).namespace,
        endpoints=endpoints_or_embedded(manifest, options, os.environ),
        redis_url=named_redis_url(options, os.environ) or "",
        redis_url_file=options.redis_url_file,
        holder=new_holder(),
        secrets_dir=options.secrets,
        environ=os.environ,
        version=own_version(),
    )

    async def run(stop: asyncio.Event) -> int:
        return await _run(settings, roles, options, stop)

    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="error"):
        return lifecycle.run(run)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "probe",
        does=(
            "Checks on your own accounts, with the smallest sizes and one step at a time, that the "
            "exchange behaves as HedgePair counts on: fencing, nonces, cancel-all, dead man's "
            "switch, self-trade mode, small IOC orders, trade records. It ends with no order and "
            "the position as it was, and writes a record for each account, without which Mainnet "
            "does not quote. Nothing else may trade on these accounts meanwhile. "
            "Exit code 1 when something is not as counted on."
        ),
        example="hedgepair probe -f examples/paper.yaml",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    add_endpoint_flags(parser)
    add_probes_flag(parser)
    parser.add_argument("--role", choices=("maker", "hedger"), help="only this leg's account")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write the record here (needs --role)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before real money is used")
    parser.add_argument("--output", "-o", choices=("text", "json"), default="text")
    return parser


def _roles(manifest: HedgePair, named: str | None) -> tuple[Role, ...]:
    roles = roles_in(manifest)
    if named is None:
        return roles
    role = Role[named.upper()]
    if role not in roles:
        raise StartRefused(f"spec.mode {manifest.spec.mode.value} has no {named}; drop --role")
    return (role,)


def _confirm(manifest: HedgePair, roles: Sequence[Role], *, is_sure: bool) -> None:
    if manifest.spec.exchange.network is not Network.MAINNET:
        return
    legs = {Role.MAKER: manifest.spec.maker, Role.HEDGER: manifest.spec.hedger}
    accounts = [leg.account.account_index for role in roles if (leg := legs[role]) is not None]
    confirm(
        f"This trades real money on Mainnet: account {' and '.join(map(str, accounts))}, "
        f"{manifest.spec.market}, a few orders of the smallest size, each traded back at once. "
        "It costs fees and spread of about 0.1 % of some 20 USDC for each account.",
        is_sure=is_sure,
    )


async def _run(
    settings: RunnerSettings,
    roles: Sequence[Role],
    options: argparse.Namespace,
    stop: asyncio.Event,
) -> int:
    with local_only("probe"):
        from hedgepair_runner.probe.setting import probe_accounts

    if options.record is not None and len(roles) != 1:
        raise StartRefused("--record names one file: say whose with --role maker or --role hedger")
    stream = sys.stderr if options.output == "json" else sys.stdout

    def tell(words: str) -> None:
        indent = " " * (len(words) - len(words.lstrip()) + 2)
        width = shutil.get_terminal_size().columns if stream.isatty() else _PLAIN_WIDTH
        stream.write(textwrap.fill(words, width, subsequent_indent=indent) + "\n")
        stream.flush()

    async with AsyncExitStack() as stack:
        records = await probe_accounts(settings, roles, tell=tell, stop=stop, stack=stack)
    for role in roles:
        record = records[role]
        tell(_verdict(record))
        if not record.is_whole:
            tell("  no record is written; an earlier one stays as it is")
            continue
        try:
            path = _save(record, settings, options)
        except OSError as error:
            tell(f"the record could not be written: {error.strerror}")
            return _FAILED
        tell(f"  the record is {path}")
    if settings.manifest.spec.exchange.network is Network.MAINNET:
        directory = probes_dir_of(options.probes, settings.environ)
        tell(
            "For a pair in a cluster: kubectl create configmap hedgepair-probes "
            f"-n {settings.namespace} --from-file {directory}"
        )
    if options.output == "json":
        sys.stdout.write("[" + ",".join(write_record(records[role]) for role in roles) + "]\n")
    return int(not all(records[role].all_hold for role in roles))


def _save(record: ProbeRecord, settings: RunnerSettings, options: argparse.Namespace) -> Path:
    if options.record is not None:
        path: Path = options.record
        path.write_text(write_record(record) + "\n", encoding="utf-8")
        return path
    return save_record(probes_dir_of(options.probes, settings.environ), record)


def _verdict(record: ProbeRecord) -> str:
    account = f"account {record.account_index}"
    cost = f"it cost {record.cost_quote} USDC"
    blocking = [finding.check.value for finding in record.findings if finding.blocks]
    if record.left:
        return f"{account}: {record.left}. Look after it by hand. {cost}"
    if not record.is_whole:
        return f"{account}: the probe broke off; {cost}"
    if blocking:
        return f"{account}: not as counted on: {', '.join(blocking)}; {cost}"
    if not record.all_hold:
        return f"{account}: as counted on, but for what a pair copes with; {cost}"
    return f"{account}: all as counted on; {cost}"
