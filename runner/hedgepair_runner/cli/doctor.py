"""`hedgepair doctor`: is everything that a pair stands on well, and what to do where it is not."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from hedgepair_runner import lifecycle
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest, roles_in
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, named_redis_url
from hedgepair_runner.cli.runner_flags import (
    add_endpoint_flags,
    add_probes_flag,
    endpoints_or_embedded,
)
from hedgepair_runner.cli.versions import own_version
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.local.diagnoses import Diagnosis, Health, is_well
from hedgepair_runner.local.doctoring import judge_probe, judge_redis, judge_venue
from hedgepair_runner.local.doctoring_pair import (
    judge_account,
    judge_halts,
    judge_positions,
    judge_runner,
)
from hedgepair_runner.local.pair_remote import Seen
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.probe_files import refuse_unprobed
from hedgepair_runner.refusals import StartRefused

if TYPE_CHECKING:
    from hedgepair_runner.local.examiner import Examined

_MARKS: Final = {
    Health.GOOD: ("✓", "32"),
    Health.BAD: ("✗", "31"),
    Health.UNKNOWN: ("?", "33"),
    Health.SKIPPED: ("–", "90"),
}
_PLAIN_WIDTH: Final = 100
_AGAIN_AFTER_S: Final = 1.5
_DIM: Final = "90"


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "doctor",
        does=(
            "Looks at Redis, the exchange, both accounts, resting orders, positions, runners and "
            "halts, and says what to do where something is wrong. It changes nothing. Exit code "
            "0: all is well, 1: something is red or unknown, 2: it could not look."
        ),
        example="hedgepair doctor -f pair.yaml --redis redis://127.0.0.1:6379/0 --secrets secrets",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    add_endpoint_flags(parser)
    add_probes_flag(parser)
    parser.add_argument("--output", "-o", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="critical"):
        manifest = read_manifest(options.file)
        settings = RunnerSettings(
            manifest=manifest,
            namespace=pair_of(manifest, options.namespace).namespace,
            endpoints=endpoints_or_embedded(manifest, options, os.environ),
            redis_url=named_redis_url(options, os.environ) or "",
            holder="doctor",
            secrets_dir=options.secrets,
            environ=os.environ,
            version=own_version(),
            probes_dir=options.probes,
        )
        if not settings.redis_url and not settings.endpoints.rest_url:
            raise StartRefused(
                "there is nothing to look at: name Redis with --redis URL, and for a Paper pair "
                "its exchange with --exchange-url URL"
            )

        async def examine(_: asyncio.Event) -> int:
            diagnoses = await _examine(settings, options)
            _write(diagnoses, options)
            return int(not is_well(diagnoses))

        return lifecycle.run(examine)


async def _examine(settings: RunnerSettings, options: argparse.Namespace) -> list[Diagnosis]:
    # Imported here: `--help` and a refused manifest answer at once.
    from hedgepair_runner.local.examiner import VenueExaminer, examine_pair, examine_redis

    async def examine_accounts() -> dict[Role, Examined]:
        if not settings.endpoints.rest_url:
            return {}
        examiners = {role: VenueExaminer(settings, role) for role in _legs(settings.manifest)}
        async with asyncio.TaskGroup() as tasks:
            asked = {
                role: tasks.create_task(examiner.examine(), name=f"examine {role.label}")
                for role, examiner in examiners.items()
            }
        return {role: task.result() for role, task in asked.items()}

    async with asyncio.TaskGroup() as tasks:
        has_redis = bool(settings.redis_url)
        redis_task = (
            tasks.create_task(examine_redis(settings.redis_url, settings.pair))
            if has_redis
            else None
        )
        pair_task = (
            tasks.create_task(examine_pair(settings.redis_url, settings.pair))
            if has_redis
            else None
        )
        accounts_task = tasks.create_task(examine_accounts())
    accounts = accounts_task.result()
    seen = None if pair_task is None else pair_task.result()
    diagnoses = judge_redis(None if redis_task is None else redis_task.result())
    first = next(iter(accounts.values()), None)
    diagnoses += judge_venue(None if first is None else first.venue)
    positions = _positions(settings.manifest, accounts, seen)
    if positions is not None and positions.health is Health.BAD:
        # A fill that is being hedged right now is no finding.
        await asyncio.sleep(_AGAIN_AFTER_S)
        accounts = await examine_accounts()
        positions = _positions(settings.manifest, accounts, seen)
    for role, examined in accounts.items():
        report = None if seen is None else seen.reports.get(role)
        diagnoses += judge_account(examined.account, pair=settings.pair, report=report)
    diagnoses += [positions] if positions is not None else []
    if has_redis:
        diagnoses += _runners(settings.manifest, seen, file=str(options.file))
    return [*diagnoses, _probe(settings, options)]


def _legs(manifest: HedgePair) -> tuple[Role, ...]:
    """Both where both are named: positions are public, also of a leg that runs elsewhere."""
    return (Role.MAKER,) if manifest.spec.hedger is None else (Role.MAKER, Role.HEDGER)


def _positions(
    manifest: HedgePair, accounts: Mapping[Role, Examined], seen: Seen | None
) -> Diagnosis | None:
    if not accounts:
        return None
    hedger = None if seen is None else seen.reports.get(Role.HEDGER)
    return judge_positions(
        {role: examined.account for role, examined in accounts.items()},
        market=next(iter(accounts.values())).venue.market,
        accepted_net_base=manifest.spec.risk.accepted_net,
        carried_lots=0 if hedger is None else hedger.carried_lots,
        hedges=manifest.spec.hedger is not None,
    )


def _runners(manifest: HedgePair, seen: Seen | None, *, file: str) -> list[Diagnosis]:
    now_ms = time.time_ns() // 1_000_000
    found: list[Diagnosis] = []
    for role in roles_in(manifest):
        report = None if seen is None else seen.reports.get(role)
        found += judge_runner(role, report, now_ms=now_ms, is_redis_up=seen is not None)
    halts = () if seen is None else seen.halts
    return [*found, *judge_halts(halts, file=file, is_redis_up=seen is not None)]


def _probe(settings: RunnerSettings, options: argparse.Namespace) -> Diagnosis:
    against, remedy = None, ""
    try:
        refuse_unprobed(
            settings.manifest,
            roles_in(settings.manifest),
            probes_dir=settings.probes_dir,
            environ=settings.environ,
            file=str(options.file),
            secrets_dir=options.secrets,
        )
    except StartRefused as refused:
        against, _, remedy = refused.sentence.partition(". ")
    is_needed = settings.manifest.spec.exchange.network is Network.MAINNET
    return judge_probe(against, is_needed=is_needed, remedy=remedy)


def _write(diagnoses: Sequence[Diagnosis], options: argparse.Namespace) -> None:
    if options.output == "json":
        checks = [asdict(each) for each in diagnoses]
        sys.stdout.write(json.dumps({"well": is_well(diagnoses), "checks": checks}) + "\n")
        return
    is_screen = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_screen else _PLAIN_WIDTH
    areas = max(len(each.area) for each in diagnoses)
    names = max(len(each.name) for each in diagnoses)
    indent = " " * (areas + names + 6)
    for each in diagnoses:
        mark, colour = _MARKS[each.health]
        head = f"{mark} {each.area:<{areas}}  {each.name:<{names}}  "
        told = textwrap.fill(head + each.saw, width, subsequent_indent=indent)
        sys.stdout.write(_painted(told, mark, colour, is_screen=is_screen) + "\n")
        if each.remedy:
            remedy = textwrap.fill(
                f"{indent}→ {each.remedy}", width, subsequent_indent=f"{indent}  "
            )
            sys.stdout.write(remedy + "\n")


def _painted(words: str, mark: str, colour: str, *, is_screen: bool) -> str:
    return words.replace(mark, f"\x1b[{colour}m{mark}\x1b[0m", 1) if is_screen else words
