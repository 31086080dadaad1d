"""How the drills went, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgepair_runner.local.drilling import Verdict
from hedgepair_runner.local.drills import DRILLS, Drill

_PLAIN_WIDTH: Final = 110
_UNKNOWN: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    drill: Drill
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        return {"name": self.drill.name, "does": self.drill.does, **self.verdict.as_json()}


def progress_line(drilled: Drilled) -> str:
    """One drill's result, in words."""
    verdict = drilled.verdict
    facts = (
        f"{verdict.fills} fills, {verdict.hedges} hedges, "
        f"unhedged for {_ms(verdict.longest_unhedged_us)} at most, "
        f"flat {_ms(verdict.back_to_flat_us)} after the fault"
    )
    if verdict.is_clean:
        return f"clean: {facts}"
    problems = "".join(f"\n    - {problem}" for problem in verdict.problems)
    return f"NOT CLEAN: {facts}{problems}"


def print_table(drilled: Sequence[Drilled], *, stream: TextIO) -> None:
    table = Table(box=box.ROUNDED)
    table.add_column("drill")
    for name in ("fills", "hedges", "longest unhedged", "flat again after"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for each in drilled:
        verdict = each.verdict
        word = Text("clean", "green") if verdict.is_clean else Text("NOT CLEAN", "bold red")
        table.add_row(
            each.drill.name,
            str(verdict.fills),
            str(verdict.hedges),
            _ms(verdict.longest_unhedged_us),
            _ms(verdict.back_to_flat_us),
            word,
        )
    width = None if stream.isatty() else _PLAIN_WIDTH
    Console(file=stream, width=width).print(table)
    stream.write(f"{_conclusion(drilled)}\n")
    stream.flush()


def print_json(drilled: Sequence[Drilled], *, stream: TextIO) -> None:
    """`{"clean": true, "drills": [{"name": …, "fills": …, "problems": []}]}` on one line."""
    clean = all(each.verdict.is_clean for each in drilled)
    content = {"clean": clean, "drills": [each.as_json() for each in drilled]}
    stream.write(orjson.dumps(content).decode() + "\n")
    stream.flush()


def print_catalogue(*, stream: TextIO) -> None:
    """What `--list` shows."""
    width = max(len(drill.name) for drill in DRILLS)
    for drill in DRILLS:
        when = " (only when named: it takes a minute)" if drill.is_long else ""
        stream.write(f"{drill.name:<{width}}  {drill.does}{when}\n")


def _conclusion(drilled: Sequence[Drilled]) -> str:
    failed = [each.drill.name for each in drilled if not each.verdict.is_clean]
    if failed:
        return f"{len(failed)} of {len(drilled)} drills were not clean: {', '.join(failed)}"
    fills = sum(each.verdict.fills for each in drilled)
    return f"{len(drilled)} drills, {fills} fills: every fill was hedged once, and nothing was left"


def _ms(us: int | None) -> str:
    if us is None:
        return _UNKNOWN
    return f"{us / 1e6:.2f} s" if us >= 1_000_000 else f"{us / 1e3:.1f} ms" if us else "0 ms"
