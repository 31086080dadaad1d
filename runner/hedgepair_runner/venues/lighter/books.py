"""The live book of one market: a snapshot and an unbroken chain of updates (protocol §6.5)."""

from __future__ import annotations

from bisect import bisect_left, insort

from hedgepair_runner.orders import Book, Level
from hedgepair_runner.venues.lighter.market_parsing import BookFrame, Levels


class LiveBook:
    """Unknown until a snapshot came; unknown again from the first gap until the next one.

    An update continues the book only if its `begin_nonce` is the nonce of what went before;
    `offset` tells nothing.
    """

    def __init__(self, market_id: int) -> None:
        self.market_id = market_id
        self.gaps = 0
        self.nonce: int | None = None
        self._bids = _HalfBook(best_is_highest=True)
        self._asks = _HalfBook(best_is_highest=False)

    @property
    def is_known(self) -> bool:
        return self.nonce is not None

    def apply(self, frame: BookFrame) -> bool:
        """False at a gap: the book is unknown from now on and wants a fresh snapshot.

        Updates that come while it is unknown are passed over in silence: they belong to the
        chain that was lost.
        """
        if frame.is_snapshot:
            self.forget()
        elif self.nonce is None:
            return True
        elif frame.begin_nonce != self.nonce:
            self.gaps += 1
            self.forget()
            return False
        self._bids.apply(frame.bids)
        self._asks.apply(frame.asks)
        self.nonce = frame.nonce
        return True

    def forget(self) -> None:
        self.nonce = None
        self._bids.clear()
        self._asks.clear()

    def top(self, depth: int) -> Book | None:
        """The best levels of both sides, or None while the book is unknown."""
        if self.nonce is None:
            return None
        return Book(
            market_id=self.market_id,
            bids=self._bids.top(depth),
            asks=self._asks.top(depth),
            nonce=self.nonce,
        )


class _HalfBook:
    """One side. Keys are prices with a sign such that the best is the smallest."""

    def __init__(self, *, best_is_highest: bool) -> None:
        self._sign = -1 if best_is_highest else 1
        self._keys: list[int] = []
        self._levels: dict[int, Level] = {}

    def apply(self, changes: Levels) -> None:
        for price_ticks, size_lots in changes:
            key = self._sign * price_ticks
            known = key in self._levels
            if size_lots > 0:
                self._levels[key] = Level(price_ticks, size_lots)
                if not known:
                    insort(self._keys, key)
            elif known:
                del self._levels[key]
                del self._keys[bisect_left(self._keys, key)]

    def clear(self) -> None:
        self._keys.clear()
        self._levels.clear()

    def top(self, depth: int) -> tuple[Level, ...]:
        levels = self._levels
        return tuple([levels[key] for key in self._keys[:depth]])
