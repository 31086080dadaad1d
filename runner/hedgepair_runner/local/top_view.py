"""Several pairs at a glance: one frame of `hedgepair top`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.local.overview import (
    UNKNOWN,
    Overview,
    base,
    halt_lines,
    hedged_words,
    leg_rows,
    pair_rows,
    state_words,
)

_WIDE: Final = 110
_TONES: Final = {
    RunnerState.RUNNING: "green",
    RunnerState.SUSPENDED: "cyan",
    RunnerState.FLAT: "cyan",
    RunnerState.COMPLETED: "cyan",
    RunnerState.HALTED: "bold red",
}
HINT: Final = "over Redis only, nothing is asked of the exchange · Ctrl-C leaves"


def frame(
    overviews: Sequence[Overview], *, silent: Mapping[str, str], clock: str, width: int
) -> RenderableType:
    """`silent` are the pairs whose Redis gave no answer, and why."""
    header = Table.grid(expand=True)
    header.add_column()
    header.add_column(justify="right")
    header.add_row(Text(" HedgePair top", style="bold"), Text(f"{clock} ", style="bright_black"))
    parts: list[RenderableType] = [header]
    if len(overviews) == 1 and not silent:
        parts += _one(overviews[0])
    else:
        parts.append(_table(overviews, silent=silent, is_wide=width >= _WIDE))
        parts += [_alarm(overview) for overview in overviews if _troubles(overview)]
    parts.append(Text(f" {HINT}", style="bright_black", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _table(overviews: Sequence[Overview], *, silent: Mapping[str, str], is_wide: bool) -> Table:
    table = Table(box=box.ROUNDED, expand=True, border_style="bright_black")
    for name in ("pair", "maker", "hedger"):
        table.add_column(name, overflow="fold")
    for name in ("net", "hedged"):
        table.add_column(name, justify="right", overflow="fold")
    if is_wide:
        for name in ("A", "B", "fills", "hedges", "today"):
            table.add_column(name, justify="right")
    for overview in overviews:
        table.add_row(*_row(overview, is_wide=is_wide))
    for pair, reason in silent.items():
        words = Text(f"unknown: Redis gives no answer ({reason})", style="yellow")
        table.add_row(pair, words)
    return table


def _row(overview: Overview, *, is_wide: bool) -> list[str | Text]:
    maker, hedger = overview.report(Role.MAKER), overview.report(Role.HEDGER)
    cells: list[str | Text] = [
        Text(overview.facts.pair, style="bold"),
        _state(overview, Role.MAKER),
        _state(overview, Role.HEDGER),
        base(maker or hedger, overview.net_lots),
        _hedged(overview),
    ]
    if not is_wide:
        return cells
    today = [each.daily_pnl for each in (hedger, maker) if each is not None]
    return [
        *cells,
        base(maker, None if maker is None else maker.position_lots),
        base(hedger, None if hedger is None else hedger.position_lots),
        "–" if maker is None else str(maker.fills),
        "–" if hedger is None else str(hedger.hedges),
        next((value for value in today if value is not None), "–"),
    ]


def _state(overview: Overview, role: Role) -> Text:
    if role not in overview.facts.roles:
        return Text("–", style="bright_black")
    report = overview.report(role)
    if report is None:
        return Text(state_words(overview, role), style="bold yellow")
    return Text(report.state.value, style=_TONES.get(report.state, "yellow"))


def _hedged(overview: Overview) -> Text:
    words = hedged_words(overview)
    if words == "yes":
        return Text(words, style="green")
    if words == UNKNOWN:
        return Text(words, style="yellow")
    is_open = overview.is_hedged is False
    return Text(words, style="bold red" if is_open else "bright_black")


def _troubles(overview: Overview) -> list[str]:
    """Why a role is not at its work, and what halts it."""
    lines = [
        f"{role.label}: {report.reason}"
        for role in overview.facts.roles
        if (report := overview.report(role)) is not None and report.reason
    ]
    return [*lines, *halt_lines(overview)]


def _alarm(overview: Overview) -> Panel:
    is_halted = bool(overview.halts)
    return Panel(
        Text("\n".join(_troubles(overview))),
        title=overview.facts.pair,
        border_style="bold red" if is_halted else "yellow",
    )


def _one(overview: Overview) -> list[RenderableType]:
    facts = overview.facts
    title = f"{facts.pair} · {facts.mode} · {facts.market} · {facts.network}"
    pair = Table.grid(expand=True, padding=(0, 1))
    pair.add_column(style="bright_black", width=16)
    pair.add_column(overflow="fold", ratio=1)
    for label, words in pair_rows(overview):
        pair.add_row(label, _hedged(overview) if label == "hedged" else words)
    legs = Table(box=None, expand=True, padding=(0, 1), header_style="bold")
    legs.add_column("", style="bright_black", width=16)
    legs.add_column("maker", ratio=1, overflow="fold")
    legs.add_column("hedger", ratio=1, overflow="fold")
    for label, maker, hedger in leg_rows(overview):
        if label == "state":
            legs.add_row(label, _state(overview, Role.MAKER), _state(overview, Role.HEDGER))
        else:
            legs.add_row(label, maker, hedger)
    parts: list[RenderableType] = [
        Panel(pair, title=title, border_style="bright_black"),
        Panel(legs, border_style="bright_black"),
    ]
    return [*parts, _alarm(overview)] if overview.halts else parts
