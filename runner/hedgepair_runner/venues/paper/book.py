"""One market's book: prices in order, and at each price the order indexes in time order.

It holds where orders rest, not what they are: `live.LiveOrders` holds the orders.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator


class _Level:
    __slots__ = ("lots", "order_indexes")

    def __init__(self) -> None:
        self.lots = 0
        self.order_indexes: dict[int, None] = {}


class BookSide:
    """Prices are kept as ranks, best last, so that the best one is cheap to find and to drop."""

    __slots__ = ("_levels", "_ranks", "_sign", "order_count")

    def __init__(self, *, is_ask: bool) -> None:
        self._sign = -1 if is_ask else 1
        self._ranks: list[int] = []
        self._levels: dict[int, _Level] = {}
        self.order_count = 0

    def best_price_ticks(self) -> int | None:
        return self._ranks[-1] * self._sign if self._ranks else None

    def best_order_index(self) -> int | None:
        """The oldest order at the best price."""
        if not self._ranks:
            return None
        level = self._levels[self._ranks[-1] * self._sign]
        return next(iter(level.order_indexes))

    def add(self, order_index: int, price_ticks: int, lots: int) -> int:
        """Behind all others at its price. The answer is the level's new size."""
        level = self._levels.get(price_ticks)
        if level is None:
            level = self._levels[price_ticks] = _Level()
            insort(self._ranks, price_ticks * self._sign)
        if order_index in level.order_indexes:
            raise AssertionError("an order rests once")
        level.order_indexes[order_index] = None
        level.lots += lots
        self.order_count += 1
        return level.lots

    def shrink(self, price_ticks: int, lots: int) -> int:
        """An order at this price lost so many lots and keeps its place."""
        level = self._levels[price_ticks]
        level.lots -= lots
        return level.lots

    def remove(self, order_index: int, price_ticks: int, lots: int) -> int:
        """Take an order with so many lots left out of the book."""
        level = self._levels[price_ticks]
        del level.order_indexes[order_index]
        level.lots -= lots
        self.order_count -= 1
        if not level.order_indexes:
            del self._levels[price_ticks]
            rank = price_ticks * self._sign
            del self._ranks[bisect_left(self._ranks, rank)]
        return level.lots

    def size_lots(self, price_ticks: int) -> int:
        level = self._levels.get(price_ticks)
        return level.lots if level is not None else 0

    def levels(self) -> Iterator[tuple[int, int]]:
        """(price, lots), best first."""
        for rank in reversed(self._ranks):
            price_ticks = rank * self._sign
            yield price_ticks, self._levels[price_ticks].lots

    def order_indexes(self) -> Iterator[int]:
        """In the order in which a taker would meet them."""
        for rank in reversed(self._ranks):
            yield from self._levels[rank * self._sign].order_indexes


class OrderBook:
    """Both sides, the market's order nonces (protocol §1.2), and when the book last changed."""

    __slots__ = (
        "_next_ask_nonce",
        "_next_bid_nonce",
        "asks",
        "bids",
        "changed_us",
        "engine_nonce",
        "market_id",
    )

    def __init__(self, market_id: int) -> None:
        self.market_id = market_id
        self.asks = BookSide(is_ask=True)
        self.bids = BookSide(is_ask=False)
        self.engine_nonce = 0
        self.changed_us = 0
        self._next_ask_nonce = 1
        self._next_bid_nonce = (1 << 48) - 1

    def side(self, is_ask: bool) -> BookSide:
        return self.asks if is_ask else self.bids

    def new_order_index(self, is_ask: bool) -> int:
        """Ask nonces count up from 1, bid nonces down from 2^48 − 1."""
        if is_ask:
            nonce = self._next_ask_nonce
            self._next_ask_nonce += 1
        else:
            nonce = self._next_bid_nonce
            self._next_bid_nonce -= 1
        return ((self.market_id + 1) << 48) + nonce

    def crosses(self, is_ask: bool, price_ticks: int) -> bool:
        """Would a limit at this price meet the opposite side?"""
        best = self.side(not is_ask).best_price_ticks()
        if best is None:
            return False
        return price_ticks <= best if is_ask else price_ticks >= best
