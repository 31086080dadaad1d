"""A book as the API tells it: levels, the touch and single orders, best first (protocol §3.3)."""

from __future__ import annotations

from itertools import islice

from hedgepair_runner.venues.paper.book import BookSide
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.records import Order
from hedgepair_runner.venues.paper.views import BookView, LevelView, Touch


def book_view(engine: Engine, market_id: int, *, order_limit: int) -> BookView:
    book = engine.books[market_id]
    return BookView(
        market_id=market_id,
        asks=_levels(book.asks),
        bids=_levels(book.bids),
        ask_orders=_orders(engine, book.asks, order_limit),
        bid_orders=_orders(engine, book.bids, order_limit),
        engine_nonce=book.engine_nonce,
        changed_us=book.changed_us,
    )


def touch(engine: Engine, market_id: int) -> Touch:
    book = engine.books[market_id]
    return Touch(
        ask=_best(book.asks),
        bid=_best(book.bids),
        engine_nonce=book.engine_nonce,
        changed_us=book.changed_us,
    )


def _levels(side: BookSide) -> tuple[LevelView, ...]:
    return tuple(LevelView(price_ticks=price, size_lots=lots) for price, lots in side.levels())


def _best(side: BookSide) -> LevelView | None:
    for price, lots in side.levels():
        return LevelView(price_ticks=price, size_lots=lots)
    return None


def _orders(engine: Engine, side: BookSide, limit: int) -> tuple[Order, ...]:
    orders = (engine.live.get(index) for index in islice(side.order_indexes(), limit))
    return tuple(order for order in orders if order is not None)
