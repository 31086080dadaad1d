"""The live view of a pair in a terminal: book, legs, and below them what happens, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from rich import box
from rich.align import Align
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport
from hedgepair_runner.local.narrating import Line
from hedgepair_runner.local.observations import BookRow, LegRecords, PairRecords
from hedgepair_runner.local.summarising import Summary, summarise

BOOK_LEVELS: Final = 5
_TOP_ROWS: Final = 2 * BOOK_LEVELS + 3
_UNKNOWN: Final = "–"

_TONES: Final = {
    "fill": "bold cyan",
    "hedge": "bold green",
    "order": "default",
    "state": "bright_black",
    "alarm": "bold yellow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that one frame shows. `records` is None until the exchange first answered."""

    title: str
    elapsed_s: float
    for_s: float | None
    records: PairRecords | None
    reports: Mapping[Role, RunnerReport | None] = field(default_factory=dict)
    lines: Sequence[Line] = ()
    hint: str = "Ctrl-C ends it in order"


def frame(view: View) -> RenderableType:
    """One frame; it fills whatever height it is given."""
    layout = Layout()
    layout.split_column(
        Layout(_header(view), size=1),
        Layout(name="pair", size=_TOP_ROWS),
        Layout(_Story(view.lines), name="story", minimum_size=3),
        Layout(Text(f" {view.hint}", style="bright_black"), size=1),
    )
    layout["pair"].split_row(
        Layout(_book_panel(view.records), ratio=3, minimum_size=34),
        Layout(_pair_panel(view), ratio=4, minimum_size=44),
    )
    return layout


def summary_table(summary: Summary, *, symbol: str) -> Table:
    """The result, for the end of a run."""
    table = Table(box=box.ROUNDED, show_header=False, title=f"{symbol} pair", title_style="bold")
    table.add_column(style="bright_black")
    table.add_column(justify="right")
    table.add_row("maker's position", _base(summary.maker_position_base))
    table.add_row("hedger's position", _base(summary.hedger_position_base))
    table.add_row("net", Text(_base(summary.net_base), style=_net_style(summary)))
    table.add_row("fills", str(summary.fills))
    table.add_row("hedged fills", str(summary.hedged_fills))
    table.add_row("resting orders", str(summary.resting_orders))
    table.add_row("fill → hedge, p50", _ms(summary.fill_to_hedge_p50_ms))
    table.add_row("fill → hedge, p99", _ms(summary.fill_to_hedge_p99_ms))
    table.add_row("realised, after fees", f"{summary.pnl_quote:.4f} USDC")
    return table


def _header(view: View) -> RenderableType:
    clock = _clock(view.elapsed_s)
    if view.for_s is not None:
        clock += f" / {_clock(view.for_s)}"
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_row(Text(f" {view.title}", style="bold"), Text(f"{clock} ", style="bright_black"))
    return grid


def _book_panel(records: PairRecords | None) -> Panel:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(width=1)
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column(justify="right")
    if records is None:
        return Panel(
            Align.center(Text("waiting for the exchange", style="bright_black")), title="book"
        )
    asks, bids = records.asks[:BOOK_LEVELS], records.bids[:BOOK_LEVELS]
    for _ in range(BOOK_LEVELS - len(asks)):
        table.add_row()
    for row in reversed(asks):
        table.add_row(*_level(row, records, style="red"))
    table.add_row("", _spread(records), "", "")
    for row in bids:
        table.add_row(*_level(row, records, style="green"))
    return Panel(table, title=f"{records.market.symbol} book", border_style="bright_black")


def _level(row: BookRow, records: PairRecords, *, style: str) -> tuple[Text, ...]:
    market = records.market
    own = f"own {market.base(row.own_lots)}" if row.own_lots else ""
    return (
        Text("▶" if row.own_lots else "", style="bold yellow"),
        Text(str(market.price(row.price_ticks)), style=f"bold {style}" if row.own_lots else style),
        Text(str(market.base(row.size_lots))),
        Text(own, style="bold yellow"),
    )


def _spread(records: PairRecords) -> Text:
    if not records.asks or not records.bids:
        return Text("one-sided", style="bright_black")
    ticks = records.asks[0].price_ticks - records.bids[0].price_ticks
    return Text(f"↕ {records.market.price(ticks)}", style="bright_black")


def _pair_panel(view: View) -> Panel:
    records = view.records
    legs = Table.grid(expand=True, padding=(0, 1))
    legs.add_column(style="bright_black")
    legs.add_column(justify="right")
    legs.add_column(justify="right", no_wrap=True, overflow="ellipsis")
    legs.add_row(*_leg_row("maker", records, view.reports.get(Role.MAKER)))
    legs.add_row(*_leg_row("hedger", records, view.reports.get(Role.HEDGER)))
    if records is None:
        return Panel(legs, title="pair", border_style="bright_black")
    summary = summarise(records)
    legs.add_row("net", Text(_base(summary.net_base), style=_net_style(summary)), "")
    facts = Table.grid(expand=True, padding=(0, 1))
    facts.add_column(style="bright_black")
    facts.add_column(justify="right")
    for name, words in _resting(records):
        facts.add_row(name, words)
    facts.add_row("fills / hedged", f"{summary.fills} / {summary.hedged_fills}")
    facts.add_row("fill → hedge p50", _ms(summary.fill_to_hedge_p50_ms))
    facts.add_row("fill → hedge p99", _ms(summary.fill_to_hedge_p99_ms))
    facts.add_row("realised, after fees", f"{summary.pnl_quote:.4f} USDC")
    return Panel(Group(legs, Text(), facts), title="pair", border_style="bright_black")


def _leg_row(
    name: str, records: PairRecords | None, report: RunnerReport | None
) -> tuple[str, str, Text]:
    leg: LegRecords | None = None
    if records is not None:
        leg = records.maker if name == "maker" else records.hedger
    position = _UNKNOWN
    if leg is not None and records is not None:
        position = _base(records.market.base(leg.position_lots))
    if report is None:
        return name, position, Text("no report", style="bright_black")
    style = "green" if report.state.value == "Running" else "yellow"
    return name, position, Text(report.state.value, style=style)


def _resting(records: PairRecords) -> tuple[tuple[str, str], ...]:
    if records.maker is None or not records.maker.orders:
        return ("resting", "none"), ("since", _UNKNOWN)
    order = records.maker.orders[0]
    side = "sell" if order.is_ask else "buy"
    age_s = max(0, records.at_ms - order.placed_ms) // 1000
    size, price = records.market.base(order.remaining_lots), order.price_ticks
    return ("resting", f"{side} {size} at {records.market.price(price)}"), ("since", f"{age_s} s")


class _Story:
    """The newest lines at the bottom, as many as there is room for."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        rows = max(1, (options.height or options.max_height) - 2)
        words = Text(no_wrap=True, overflow="ellipsis")
        for line in self._lines[-rows:]:
            words.append(f"{clock_of(line)}  ", style="bright_black")
            words.append(f"{line.words}\n", style=_TONES[line.tone])
        words.rstrip()
        yield Panel(words, title="what happens", border_style="bright_black")


def clock_of(line: Line) -> str:
    """The local time of day, to the millisecond."""
    at = datetime.fromtimestamp(line.at_ms // 1000, tz=UTC).astimezone()
    return f"{at:%H:%M:%S}.{line.at_ms % 1000:03d}"


def _base(amount: Decimal | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:+f}" if amount else f"{amount:f}"


def _net_style(summary: Summary) -> str:
    return "bold green" if summary.net_base == 0 else "bold red"


def _ms(wait_ms: float | None) -> str:
    return _UNKNOWN if wait_ms is None else f"{wait_ms:.1f} ms"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
