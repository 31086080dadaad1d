"""A recording in CSV, whichever kind it is: trades or books, told by its columns."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.venues.paper.book_tape import BookTape, read_book_tape
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.tape import Tape, read_tape

Recording = Tape | BookTape


def read_recording(lines: Sequence[str], rules: MarketRules) -> Recording:
    """A book has the column `is_ask`, a trade `is_buy`. Raises TapeError."""
    columns = lines[0].strip().split(",") if lines else []
    if "is_ask" in columns:
        return read_book_tape(lines, rules)
    return read_tape(lines, rules)
