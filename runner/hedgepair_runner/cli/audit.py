"""`hedgepair audit`: checks a pair by the venue's records alone."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from hedgepair_runner import lifecycle
from hedgepair_runner.audit_verdicts import Audit, AuditQuestion
from hedgepair_runner.cli.manifests import pair_of, read_manifest
from hedgepair_runner.cli.parsing import duration_s, parser_of
from hedgepair_runner.cli.periods import add_period_flags, period_of
from hedgepair_runner.cli.record_flags import add_record_flags, pace_s_of, record_settings_of
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.units import Market

if TYPE_CHECKING:
    from hedgepair_runner.contract.settings import RunnerSettings

_MICROS = 1_000_000


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="warning"):
        manifest = read_manifest(options.file)
        settings = record_settings_of(options, manifest, os.environ)
        period = period_of(options, now_us=time.time_ns() // 1_000)

        async def run(_: asyncio.Event) -> int:
            verdict = await _audit(options, settings, period)
            _write(verdict, options, manifest)
            return 0 if verdict.is_clean else 1

        return lifecycle.run(run)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "audit",
        does=(
            "Checks a pair by the venue's records alone, without its Redis and its runners: was "
            "every fill hedged once, never too much, by one writer for each key; does anything "
            "rest that should not. Exit code 0: clean, 1: violations, 2: bad input or no answer."
        ),
        example="hedgepair audit -f pair.yaml --since 1h --output json",
    )
    add_record_flags(parser)
    add_period_flags(parser, default="24h")
    parser.add_argument(
        "--stopped",
        action="store_true",
        help="the pair no longer runs: nothing may rest, nothing be open",
    )
    parser.add_argument(
        "--max-unhedged",
        type=duration_s,
        metavar="TIME",
        help="a violation if something was uncovered for longer; else it is reported only",
    )
    parser.add_argument(
        "--grace",
        type=duration_s,
        metavar="TIME",
        default=8.0,
        help="what is open at the end may be so young (default: 8s; 0 with --stopped)",
    )
    parser.add_argument(
        "--carried",
        type=_amount,
        metavar="BASE",
        default=Decimal(0),
        help="what the network refuses to hedge as too small, in base units (default: 0)",
    )
    parser.add_argument("--output", "-o", choices=("text", "json"), default="text")
    return parser


def _amount(words: str) -> Decimal:
    try:
        amount = Decimal(words)
    except ArithmeticError:
        amount = Decimal(-1)
    if not (amount.is_finite() and amount >= 0):
        raise argparse.ArgumentTypeError(f"{words!r} is no amount; write a number such as 0.001")
    return amount


async def _audit(
    options: argparse.Namespace, settings: RunnerSettings, period: tuple[int, int]
) -> Audit:
    """Raises StartRefused."""
    from hedgepair_runner.auditing import audit
    from hedgepair_runner.cli.extras import local_only

    with local_only("audit"):
        from hedgepair_runner.local.audit_reader import AuditReader
        from hedgepair_runner.local.patient_reader import PatientReader
        from hedgepair_runner.local.records import PairAccounts, RecordsUnavailable
        from hedgepair_runner.local.tokens import tokens_of

    spec = settings.manifest.spec
    pace_s = pace_s_of(options, settings.manifest)
    legs = [spec.maker.account] + ([spec.hedger.account] if spec.hedger is not None else [])
    keys = {leg.account_index: leg.api_key_index for leg in legs}
    patient = PatientReader(
        settings.endpoints.rest_url, token_of=tokens_of(settings), pace_s=pace_s
    )
    async with patient as reader:
        audits = AuditReader(reader, PairAccounts.of(spec), keys=keys, progress=_progress(pace_s))
        try:
            facts = await audits.read(from_us=period[0], to_us=period[1])
        except RecordsUnavailable as error:
            raise StartRefused(
                f"the exchange gave no complete answer ({error}); is it where you said, and is "
                "the key the account's? `hedgepair doctor` looks closer"
            ) from error
    return audit(facts, _question(options, settings, facts.market))


def _question(
    options: argparse.Namespace, settings: RunnerSettings, market: Market
) -> AuditQuestion:
    most_s = options.max_unhedged
    return AuditQuestion(
        pair=settings.pair,
        accepted_net_lots=market.lots(settings.manifest.spec.risk.accepted_net),
        carried_lots=market.lots_down(options.carried),
        has_ended=options.stopped,
        grace_us=0 if options.stopped else int(options.grace * _MICROS),
        most_unhedged_us=None if most_s is None else int(most_s * _MICROS),
    )


def _progress(pace_s: float) -> Callable[[str], None]:
    """Says on stderr what is being read, where that takes its time."""

    def say(what: str) -> None:
        if pace_s:
            sys.stderr.write(f"hedgepair audit: reading {what}, {pace_s:g} s a request\n")

    return say


def _write(audit: Audit, options: argparse.Namespace, manifest: HedgePair) -> None:
    from hedgepair_runner.local.audit_reports import audit_json, audit_words

    if options.output == "json":
        import orjson

        sys.stdout.write(orjson.dumps(audit_json(audit)).decode() + "\n")
    else:
        title = f"audit of {pair_of(manifest, options.namespace)}"
        sys.stdout.write(audit_words(audit, title=title))
