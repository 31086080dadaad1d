"""`hedgepair status`: what both runners of a pair report, from Redis."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hedgepair_runner import lifecycle
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, redis_url_of
from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "status",
        does="Shows what both runners of a pair report. Exit code 1 when one of them does not.",
        example="hedgepair status -f pair.yaml --redis redis://127.0.0.1:6379/0 --output json",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    parser.add_argument("--output", "-o", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="warning"):
        manifest = read_manifest(options.file)
        redis_url = redis_url_of(options, os.environ)
        wanted = (manifest.spec.runs_maker, manifest.spec.runs_hedger)
        pair = pair_of(manifest, options.namespace)

        async def show(_: asyncio.Event) -> int:
            reports = await _read(redis_url, pair)
            if options.output == "json":
                _write_json(reports)
            else:
                _write_table(reports)
            found = (reports["maker"] is not None, reports["hedger"] is not None)
            return int(any(w and not f for w, f in zip(wanted, found, strict=True)))

        return lifecycle.run(show)


async def _read(redis_url: str, pair: PairId) -> dict[str, dict[str, Any] | None]:
    """By role. Raises StartRefused when Redis does not answer."""
    from hedgepair_runner.bus import BusUnavailable
    from hedgepair_runner.local.reports import ReportReader

    async with ReportReader(redis_url, pair) as reader:
        try:
            reports = await reader.read()
        except BusUnavailable as error:
            raise StartRefused(f"Redis gave no answer ({error}); is it where you said?") from error
    return {
        role.label: None if report is None else asdict(report) for role, report in reports.items()
    }


def _write_json(reports: dict[str, dict[str, Any] | None]) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(reports).decode() + "\n")


def _write_table(reports: dict[str, dict[str, Any] | None]) -> None:
    for role, report in reports.items():
        if report is None:
            sys.stdout.write(f"{role:<8} no report\n")
            continue
        reason = f": {report['reason']}" if report["reason"] else ""
        sys.stdout.write(f"{role:<8} {report['state']}{reason}\n")
        for name, value in report.items():
            if name not in ("role", "state", "reason") and value not in (None, "", (), {}):
                sys.stdout.write(f"  {name:<24} {_shown(value)}\n")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    if isinstance(value, tuple):
        return "; ".join(_shown(inner) for inner in value)
    return "unknown" if value is None else str(value)
