"""Recorded books, to be shown again: CSV lines of `timestamp_ms,price,size,is_ask`.

Lines of one time are one snapshot: all that rests on both sides.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

from hedgepair_runner.venues.paper.generating import Quote
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.tape import GAP_AT_THE_END_US, TRUTHS, TapeError

COLUMNS = ("timestamp_ms", "price", "size", "is_ask")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A whole book, `after_us` since the first one of the tape."""

    after_us: int
    quotes: tuple[Quote, ...]
    """Both sides, uncrossed, one quote to a price."""

    @property
    def fair_ticks(self) -> int:
        """Half way between the best prices."""
        ask, bid = _best(self.quotes)
        return (ask + bid) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTape:
    """At least one snapshot, in order of time. It is shown round and round."""

    snapshots: tuple[Snapshot, ...]

    @property
    def first_price_ticks(self) -> int:
        return self.snapshots[0].fair_ticks

    def due_us(self, position: int) -> int:
        """When the snapshot at this position comes, counted from the start of the first round."""
        rounds, index = divmod(position, len(self.snapshots))
        length_us = self.snapshots[-1].after_us + GAP_AT_THE_END_US
        return rounds * length_us + self.snapshots[index].after_us

    def at(self, position: int) -> Snapshot:
        return self.snapshots[position % len(self.snapshots)]


def read_book_tape(lines: Iterable[str], rules: MarketRules) -> BookTape:
    """Sizes are rounded down to lots, bids down and asks up to ticks; levels of one price add up.

    Raises TapeError for a missing column, an unreadable value, or a snapshot that is crossed or
    lacks a side.
    """
    reader = csv.DictReader(lines)
    missing = set(COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise TapeError(f"the recording lacks the column {', '.join(sorted(missing))}")
    books: dict[int, dict[tuple[bool, int], int]] = {}
    for number, row in enumerate(reader, start=2):
        at_us, quote = _row(row, number, rules)
        book = books.setdefault(at_us, {})
        place = (quote.is_ask, quote.price_ticks)
        book[place] = book.get(place, 0) + quote.size_lots
    if not books:
        raise TapeError("the recording holds no snapshot")
    first_us = min(books)
    return BookTape(
        snapshots=tuple(_snapshot(at_us - first_us, books[at_us]) for at_us in sorted(books))
    )


def _row(row: dict[str, str], number: int, rules: MarketRules) -> tuple[int, Quote]:
    try:
        is_ask = TRUTHS[row["is_ask"].strip().lower()]
        price = Decimal(row["price"]).scaleb(rules.price_decimals)
        ticks = int(price.to_integral_value(ROUND_CEILING if is_ask else ROUND_FLOOR))
        lots = int(Decimal(row["size"]).scaleb(rules.size_decimals))
        at_us = int(row["timestamp_ms"]) * 1_000
    except (ValueError, InvalidOperation, KeyError, TypeError, AttributeError, OverflowError) as e:
        raise TapeError(f"line {number} of the recording cannot be read: {row}") from e
    if min(ticks, lots) < 0:
        raise TapeError(f"line {number} of the recording has a negative number: {row}")
    return at_us, Quote(is_ask=is_ask, price_ticks=ticks, size_lots=lots)


def _snapshot(after_us: int, levels: dict[tuple[bool, int], int]) -> Snapshot:
    quotes = tuple(
        Quote(is_ask=is_ask, price_ticks=ticks, size_lots=lots)
        for (is_ask, ticks), lots in sorted(levels.items())
        if ticks and lots
    )
    if {quote.is_ask for quote in quotes} != {True, False}:
        raise TapeError(f"the snapshot {after_us // 1_000} ms after the first one lacks a side")
    ask, bid = _best(quotes)
    if bid >= ask:
        raise TapeError(f"the snapshot {after_us // 1_000} ms after the first one is crossed")
    return Snapshot(after_us=after_us, quotes=quotes)


def _best(quotes: Sequence[Quote]) -> tuple[int, int]:
    asks = [quote.price_ticks for quote in quotes if quote.is_ask]
    bids = [quote.price_ticks for quote in quotes if not quote.is_ask]
    return min(asks), max(bids)
