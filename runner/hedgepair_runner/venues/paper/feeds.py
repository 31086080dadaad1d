"""One market's book as a chain of updates (protocol §6.5): changes gathered, nonces linked.

`nonce` of one update is `begin_nonce` of the next. A snapshot continues the same chain because
whoever sends one flushes first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hedgepair_runner.venues.paper.events import LevelChanged
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.rendering_orders import level

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class BookFeed:
    """What has changed since the last update went out."""

    market_id: int
    nonce: int = 0
    """The engine's nonce up to which everything was told."""
    offset: int = 0
    due_us: int | None = None
    """When the gathered changes go out; None: there are none."""
    _asks: dict[int, int] = field(default_factory=dict)
    _bids: dict[int, int] = field(default_factory=dict)
    _told_us: int = 0
    _next_nonce: int = 0

    def note(self, event: LevelChanged, *, batch_us: int) -> None:
        side = self._asks if event.is_ask else self._bids
        side[event.price_ticks] = event.size_lots
        self._next_nonce = event.engine_nonce
        self._told_us = event.now_us
        if self.due_us is None:
            self.due_us = event.now_us + batch_us

    def skip(self, event: LevelChanged) -> None:
        """Nobody listens: only the chain goes on."""
        self.nonce = event.engine_nonce

    def take(self, rules: MarketRules) -> Json | None:
        """The gathered changes as the `order_book` of an update; None: nothing has changed."""
        if self.due_us is None:
            return None
        begin_nonce, self.nonce = self.nonce, self._next_nonce
        self.offset += 1
        body = {
            "code": 0,
            "asks": [level(price, self._asks[price], rules) for price in sorted(self._asks)],
            "bids": [
                level(price, self._bids[price], rules) for price in sorted(self._bids, reverse=True)
            ],
            "offset": self.offset,
            "nonce": self.nonce,
            "last_updated_at": self._told_us,
            "begin_nonce": begin_nonce,
        }
        self._asks, self._bids, self.due_us = {}, {}, None
        return body
