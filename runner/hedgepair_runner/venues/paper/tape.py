"""Recorded trades, to be played again: CSV lines of `timestamp_ms,price,size,is_buy`."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from hedgepair_runner.venues.paper.records import MarketRules

COLUMNS = ("timestamp_ms", "price", "size", "is_buy")
TRUTHS = {"true": True, "1": True, "false": False, "0": False}
GAP_AT_THE_END_US = 1_000_000


class TapeError(ValueError):
    """The recording cannot be read; the text names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeTrade:
    """A trade, `after_us` since the first one of the tape."""

    after_us: int
    price_ticks: int
    size_lots: int
    is_buy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """At least one trade, in order of time. It is played round and round."""

    trades: tuple[TapeTrade, ...]

    @property
    def first_price_ticks(self) -> int:
        return self.trades[0].price_ticks

    def due_us(self, position: int) -> int:
        """When the trade at this position comes, counted from the start of the first round."""
        rounds, index = divmod(position, len(self.trades))
        length_us = self.trades[-1].after_us + GAP_AT_THE_END_US
        return rounds * length_us + self.trades[index].after_us

    def at(self, position: int) -> TapeTrade:
        return self.trades[position % len(self.trades)]


def read_tape(lines: Iterable[str], rules: MarketRules) -> Tape:
    """Rounds prices and sizes down to whole ticks and lots; what comes to nothing is left out.

    Raises TapeError for a missing column, an unreadable value, or a tape without a trade.
    """
    reader = csv.DictReader(lines)
    missing = set(COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise TapeError(f"the recording lacks the column {', '.join(sorted(missing))}")
    rows = [_row(row, number, rules) for number, row in enumerate(reader, start=2)]
    rows = sorted((row for row in rows if row.price_ticks and row.size_lots), key=_time)
    if not rows:
        raise TapeError("the recording holds no trade")
    first_us = rows[0].after_us
    return Tape(
        trades=tuple(
            TapeTrade(
                after_us=row.after_us - first_us,
                price_ticks=row.price_ticks,
                size_lots=row.size_lots,
                is_buy=row.is_buy,
            )
            for row in rows
        )
    )


def _row(row: dict[str, str], number: int, rules: MarketRules) -> TapeTrade:
    try:
        return TapeTrade(
            after_us=int(row["timestamp_ms"]) * 1_000,
            price_ticks=int(Decimal(row["price"]).scaleb(rules.price_decimals)),
            size_lots=int(Decimal(row["size"]).scaleb(rules.size_decimals)),
            is_buy=TRUTHS[row["is_buy"].strip().lower()],
        )
    except (ValueError, InvalidOperation, KeyError, TypeError, AttributeError, OverflowError) as e:
        raise TapeError(f"line {number} of the recording cannot be read: {row}") from e


def _time(trade: TapeTrade) -> int:
    return trade.after_us
