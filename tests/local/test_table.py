"""The live view: fits its terminal, marks the own order, tells unknown from zero."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rich.console import Console

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.local.narrating import Line
from hedgepair_runner.local.observations import BookRow, LegOrder, LegRecords, PairRecords
from hedgepair_runner.local.summarising import Summary
from hedgepair_runner.local.table import View, frame, summary_table
from hedgepair_runner.units import Market

MARKET = Market(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_units=10_000_000,
    order_quote_limit_units=10**15,
)
ORDER = LegOrder(
    order_index=5,
    is_ask=False,
    price_ticks=235_010,
    initial_lots=500,
    remaining_lots=188,
    placed_ms=1_000,
)
RECORDS = PairRecords(
    market=MARKET,
    at_ms=13_500,
    maker=LegRecords(account_index=1, position_lots=312, orders=(ORDER,)),
    hedger=LegRecords(account_index=2, position_lots=-312),
    asks=tuple(BookRow(price_ticks=235_020 + n, size_lots=30_000) for n in range(9)),
    bids=tuple(
        BookRow(price_ticks=235_010 - n, size_lots=20_000, own_lots=0 if n else 188)
        for n in range(9)
    ),
)
REPORT = RunnerReport(role="maker", holder="h", version="0", state=RunnerState.RUNNING)
LINES = [Line(at_ms=n, words=f"thing {n} happened", tone="fill") for n in range(100)]


def drawn(view: View, *, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(frame(view), height=height)
    return capture.get().rstrip("\n").split("\n")


def view_of(records: PairRecords | None) -> View:
    return View(
        title="HedgePair demo",
        elapsed_s=12,
        for_s=20,
        records=records,
        reports={Role.MAKER: REPORT, Role.HEDGER: None},
        lines=LINES,
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_fits_the_terminal_and_ends_with_the_newest(width: int, height: int) -> None:
    lines = drawn(view_of(RECORDS), width=width, height=height)

    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    assert "thing 99 happened" in lines[-3]


def test_marks_the_own_order_in_the_book_and_says_its_age() -> None:
    screen = drawn(view_of(RECORDS), width=80, height=24)

    marked = [line for line in screen if "▶" in line]
    assert len(marked) == 1
    assert "2350.10" in marked[0]
    assert "own 0.0188" in marked[0]
    assert any("buy 0.0188 at 2350.10" in line for line in screen)
    assert any("since" in line and "12 s" in line for line in screen)


def test_shows_five_levels_a_side() -> None:
    screen = "\n".join(drawn(view_of(RECORDS), width=80, height=24))

    assert sum(screen.count(f"2350.{cents:02d}") for cents in range(20, 29)) == 5
    assert "2350.24" in screen
    assert "2350.25" not in screen


def test_shows_what_is_unknown_as_unknown() -> None:
    screen = "\n".join(drawn(view_of(None), width=80, height=24))

    assert "waiting for the exchange" in screen
    assert "no report" in screen
    assert "0.0000" not in screen


def test_the_summary_shows_signs_and_unknown_times() -> None:
    summary = Summary(
        fills=3,
        hedged_fills=2,
        maker_position_base=Decimal("0.0500"),
        hedger_position_base=None,
        net_base=Decimal("0.0500"),
        resting_orders=0,
        fill_to_hedge_p50_ms=None,
        fill_to_hedge_p99_ms=1.25,
        pnl_quote=Decimal("-0.12345"),
    )
    console = Console(width=80)
    with console.capture() as capture:
        console.print(summary_table(summary, symbol="ETH"))

    rows = [line.strip("│ ") for line in capture.get().splitlines() if "│" in line]
    facts = {row.split("│")[0].strip(): row.split("│")[1].strip() for row in rows}
    assert facts["maker's position"] == "+0.0500"
    assert facts["hedger's position"] == "–"
    assert facts["fill → hedge, p50"] == "–"
    assert facts["fill → hedge, p99"] == "1.2 ms"
    assert facts["realised, after fees"] == "-0.1234 USDC"
