"""A live book is what its chain of updates says, or unknown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.orders import Level, Side
from hedgepair_runner.venues.lighter.books import LiveBook
from hedgepair_runner.venues.lighter.market_parsing import BookFrame, Levels


def _frame(
    begin: int, nonce: int, *, bids: Levels = (), asks: Levels = (), is_snapshot: bool = False
) -> BookFrame:
    return BookFrame(
        market_id=0,
        bids=bids,
        asks=asks,
        begin_nonce=begin,
        nonce=nonce,
        is_snapshot=is_snapshot,
    )


def _snapshot(nonce: int = 10) -> BookFrame:
    return _frame(0, nonce, bids=[(100, 5), (99, 7)], asks=[(101, 3)], is_snapshot=True)


def test_before_the_snapshot_the_book_is_unknown() -> None:
    book = LiveBook(0)

    assert book.apply(_frame(3, 4, asks=[(101, 1)]))
    assert book.top(5) is None


def test_an_update_replaces_adds_and_deletes_levels() -> None:
    book = LiveBook(0)
    book.apply(_snapshot())

    assert book.apply(_frame(10, 14, bids=[(100, 0), (98, 2)], asks=[(101, 9), (100, 1)]))

    top = book.top(5)
    assert top is not None
    assert top.bids == (Level(99, 7), Level(98, 2))
    assert top.asks == (Level(100, 1), Level(101, 9))
    assert top.nonce == 14
    assert top.side(Side.BUY) == top.bids


def test_a_gap_makes_the_book_unknown_until_a_fresh_snapshot() -> None:
    book = LiveBook(0)
    book.apply(_snapshot())

    assert not book.apply(_frame(11, 12))
    assert book.top(1) is None
    assert book.apply(_frame(12, 13, asks=[(101, 1)]))  # still of the broken chain
    assert book.top(1) is None
    assert book.apply(_snapshot(nonce=20))
    assert book.top(1) is not None
    assert book.gaps == 1


def test_a_repeated_frame_is_a_gap() -> None:
    book = LiveBook(0)
    book.apply(_snapshot())
    update = _frame(10, 12, asks=[(101, 1)])

    assert book.apply(update)
    assert not book.apply(update)


def test_a_snapshot_forgets_what_was_before_it() -> None:
    book = LiveBook(0)
    book.apply(_snapshot())

    book.apply(_frame(0, 30, asks=[(500, 1)], is_snapshot=True))

    top = book.top(9)
    assert top is not None
    assert (top.bids, top.asks) == ((), (Level(500, 1),))


_levels = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), max_size=8)


@given(st.lists(st.tuples(_levels, _levels), max_size=12), st.integers(1, 40))
def test_the_book_is_the_sum_of_its_frames(frames: list[tuple[Levels, Levels]], depth: int) -> None:
    book, bids, asks = LiveBook(0), dict[int, int](), dict[int, int]()
    book.apply(_frame(0, 0, is_snapshot=True))

    for nonce, (bid_changes, ask_changes) in enumerate(frames):
        assert book.apply(_frame(nonce, nonce + 1, bids=bid_changes, asks=ask_changes))
        bids.update(bid_changes)
        asks.update(ask_changes)

    top = book.top(depth)
    assert top is not None
    assert [(each.price_ticks, each.size_lots) for each in top.bids] == [
        (price, size) for price, size in sorted(bids.items(), reverse=True) if size
    ][:depth]
    assert [(each.price_ticks, each.size_lots) for each in top.asks] == [
        (price, size) for price, size in sorted(asks.items()) if size
    ][:depth]
