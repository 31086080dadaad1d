"""Runs the rows and tells of them. Slow is no failure; only what did not work is."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from hedgepair_runner.refusals import StartRefused
from tests.bench import fill_to_hedge, floor, memory, starting, sustained
from tests.bench.rows import Broken, Row, table
from tests.bench.settings import FULL, QUICK, Effort
from tests.bench.workers import ROOT, environment

GROUPS: Final = ("hedge", "sustained", "memory", "starting")


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 measured, fast or slow; 1 something did not work."""
    options = _parser().parse_args(arguments)
    effort = QUICK if options.quick else FULL
    rows: list[Row] = []
    failures: list[str] = []
    with TemporaryDirectory(prefix="hedgepair-bench-") as home:
        _compile(Path(home))
        for group in options.only or GROUPS:
            try:
                rows += _measured(group, effort, Path(home))
            except (Broken, StartRefused, OSError, subprocess.SubprocessError) as broken:
                failures.append(f"{group}: {broken}")
    _tell(rows, failures, options, effort)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few samples: does it work?")
    parser.add_argument("--json", metavar="FILE", help="write the figures here; - for stdout")
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, metavar="GROUP", help="some of: %(choices)s"
    )
    return parser


def _compile(home: Path) -> None:
    """Byte code of all that will be measured, so that nothing is compiled while it is."""
    imports = (
        "hedgepair_runner.cli.maker, hedgepair_runner.cli.hedger, hedgepair_runner.roles, "
        "hedgepair_runner.health_server, tests.bench.exchange_process, "
        "tests.bench.runner_process, tests.bench.floor_process"
    )
    subprocess.run(
        [sys.executable, "-c", f"import {imports}"],
        cwd=ROOT,
        env=environment(home),
        timeout=120,
        check=True,
    )


def _measured(group: str, effort: Effort, home: Path) -> list[Row]:
    match group:
        case "hedge":
            return _hedge_rows(effort, home)
        case "sustained":
            _progress("fills covered per second")
            return [sustained.measure(effort, home=home)]
        case "memory":
            _progress(f"memory after {effort.trading_s:.0f} s of trading")
            return [memory.measure(effort, home=home)]
        case "starting":
            _progress("starts")
            return [starting.measure(effort, home=home)]
        case _:
            raise AssertionError(f"the parser lets no group {group} through")


def _hedge_rows(effort: Effort, home: Path) -> list[Row]:
    measured = []
    for case in fill_to_hedge.CASES:
        if effort is QUICK and not case.is_quick:
            continue
        measured.append(
            fill_to_hedge.measure(
                case, effort, home=home, on_progress=_counting(case.title, effort)
            )
        )
    _progress("the floor, part by part")
    found = floor.measure(effort, frame=measured[0].frame, home=home)
    return [
        fill_to_hedge.row(measured, floors_ms=found.sums_ms),
        floor.row(measured, found),
    ]


def _counting(title: str, effort: Effort) -> Callable[[int], None]:
    count = effort.warm_up + effort.samples

    def on_progress(done: int) -> None:
        _progress(f"{title}: {done} of {count} fills")

    return on_progress


def _progress(words: str) -> None:
    is_live = sys.stderr.isatty()
    sys.stderr.write(f"\r\x1b[K{words}" if is_live else f"{words}\n")
    sys.stderr.flush()


def _tell(
    rows: list[Row], failures: list[str], options: argparse.Namespace, effort: Effort
) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    story = {
        "quick": effort is QUICK,
        "machine": _machine(),
        "rows": [row.as_json() for row in rows],
        "failures": failures,
    }
    text = orjson.dumps(story, option=orjson.OPT_INDENT_2).decode() + "\n"
    if options.json == "-":
        sys.stdout.write(text)
    else:
        sys.stdout.write(table(rows) + f"\n{_machine_line()}\n")
        if options.json is not None:
            Path(options.json).write_text(text)
    for failure in failures:
        sys.stderr.write(f"did not work: {failure}\n")


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "cpu": _cpu_name(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1m": os.getloadavg()[0],
    }


def _machine_line() -> str:
    machine = _machine()
    return (
        f"{machine['cpus']} CPUs ({machine['cpu']}), {machine['system']}, "
        f"Python {machine['python']}, load {machine['load_1m']:.1f}"
    )


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
