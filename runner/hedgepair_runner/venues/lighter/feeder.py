"""What becomes of the frames of each stream: events, live books, marks, answers to transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.answer_parsing import send_answer
from hedgepair_runner.venues.lighter.books import LiveBook
from hedgepair_runner.venues.lighter.market_parsing import book_frame, mark_price
from hedgepair_runner.venues.lighter.sender import Sender
from hedgepair_runner.venues.lighter.streams import (
    ACCOUNT_STREAM,
    MARKET_STREAM,
    UserStats,
    account_events,
    user_stats,
)
from hedgepair_runner.venues.lighter.transport import Connection
from hedgepair_runner.venues.venue import BookSeen, StreamDown, StreamUp, VenueEvent

Events = asyncio.Queue[VenueEvent]
Markets = Mapping[int, Market]


class AccountFeed:
    """The "account" stream: own orders, trades, positions, verdicts; answers go to the sender."""

    def __init__(self, markets: Markets, sender: Sender, *, events: Events) -> None:
        self.stats: UserStats | None = None
        self._markets = markets
        self._sender = sender
        self._events = events

    def on_frame(self, frame: Mapping[str, Any]) -> Sequence[str] | None:
        kind = frame.get("type")
        if "error" in frame or not isinstance(kind, str):
            return self._answered(frame)
        if kind.startswith("jsonapi/") or kind == "error":
            return self._answered(frame)
        events = account_events(frame, self._markets)
        for event in events:
            self._events.put_nowait(event)
        if not events:
            self.stats = user_stats(frame) or self.stats
        return ()

    def _answered(self, frame: Mapping[str, Any]) -> Sequence[str] | None:
        answer = send_answer(frame)
        if answer is not None and self._sender.on_answer(answer):
            return ()
        return None

    def on_up(self, connection: Connection) -> None:
        self._sender.attach(connection)
        self._events.put_nowait(StreamUp(stream=ACCOUNT_STREAM))

    def on_lost(self, reason: str, *, was_up: bool) -> None:
        self._sender.detach(reason)
        self.stats = None
        if was_up:
            self._events.put_nowait(StreamDown(stream=ACCOUNT_STREAM, reason=reason))


class MarketFeed:
    """The "market" stream: books and mark prices of the markets that are traded."""

    def __init__(self, markets: Markets, market_ids: Iterable[int], *, events: Events) -> None:
        self.books = {market_id: LiveBook(market_id) for market_id in market_ids}
        self.mark_price_ticks: dict[int, int] = {}
        self._markets = markets
        self._events = events

    @property
    def gaps(self) -> int:
        return sum(book.gaps for book in self.books.values())

    def on_frame(self, frame: Mapping[str, Any]) -> Sequence[str] | None:
        kind = str(frame.get("type", "")).partition("/")[2]
        if kind == "order_book":
            return self._book(frame)
        if kind == "market_stats":
            mark = mark_price(frame, self._markets)
            if mark is not None:
                self.mark_price_ticks[mark[0]] = mark[1]
            return ()
        return None

    def _book(self, frame: Mapping[str, Any]) -> Sequence[str]:
        update = book_frame(frame, self._markets)
        book = self.books.get(update.market_id)
        if book is None:
            return ()
        is_whole = book.apply(update)
        self._events.put_nowait(BookSeen(market_id=update.market_id))
        return () if is_whole else (f"order_book:{update.market_id}",)

    def on_up(self, connection: Connection) -> None:
        self._events.put_nowait(StreamUp(stream=MARKET_STREAM))

    def on_lost(self, reason: str, *, was_up: bool) -> None:
        for book in self.books.values():
            book.forget()
        self.mark_price_ticks.clear()
        if was_up:
            self._events.put_nowait(StreamDown(stream=MARKET_STREAM, reason=reason))
