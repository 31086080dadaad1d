"""Scripted traders of the benchmark's exchange: they give the pair exactly the fills it needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from hedgepair_runner.venues.paper.events import Event, Traded
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.records import Order, TimeInForce

MARKET: Final = 0
RESTING, TAKING = 900_001, 900_002
_LEVEL_LOTS: Final = 1_000_000
_TAKE_AFTER_US: Final = (3_000, 8_000)


class Liquidity:
    """One level on each side of the mark that no hedge can exhaust, and a quote joins."""

    def __init__(self, exchange: Exchange, *, lots: int) -> None:
        self._exchange = exchange
        self._lots = lots
        mark_ticks = exchange.mark_price_ticks(MARKET)
        self._ticks = {False: mark_ticks - 1, True: mark_ticks + 1}

    def lay(self, *, now_us: int) -> list[Event]:
        """Both sides, once at the start. With an index price the mark stays where it is."""
        mark_ticks = self._exchange.mark_price_ticks(MARKET)
        self._exchange.set_index_price(MARKET, mark_ticks, now_us=now_us)
        return [event for is_ask in (False, True) for event in self.rest(is_ask, now_us=now_us)]

    def rest(self, is_ask: bool, *, now_us: int) -> list[Event]:
        return self._exchange.place_direct(
            RESTING,
            market_id=MARKET,
            is_ask=is_ask,
            size_lots=self._lots,
            price_ticks=self._ticks[is_ask],
            now_us=now_us,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A quote that was taken: when (CLOCK_MONOTONIC), and the account's trades of it."""

    at_ns: int
    trade_ids: tuple[int, ...]
    lots: int
    is_partial: bool


class TakeEachQuote:
    """A driver that takes every quote of the maker, a few milliseconds after it rests.

    Wholly; or, of those that open a position, only so many `percent`.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        maker: int,
        percent: int,
        on_taken: Callable[[int], None],
    ) -> None:
        self.taken: list[Taken] = []
        self.is_on = False
        self._first_quote_us: int | None = None
        self._former_quote = 0
        self._exchange = exchange
        self._maker = maker
        self._percent = percent
        self._on_taken = on_taken
        self._chance = Random("takes")
        self._liquidity = Liquidity(exchange, lots=_LEVEL_LOTS)
        self._laid = False
        self._due: tuple[int, int] = (0, 0)

    def next_due_us(self) -> int | None:
        if not self._laid:
            return 0
        quote = self._quote()
        if not self.is_on or quote is None or quote.filled_lots:
            return None  # the rest of a quote is the maker's to withdraw
        return self._due_of(quote)

    def advance(self, now_us: int) -> list[Event]:
        if not self._laid:
            self._laid = True
            return self._liquidity.lay(now_us=now_us)
        quote = self._quote()
        due_us = self.next_due_us()
        if quote is None or due_us is None or due_us > now_us:
            return []
        events = self._take(quote, now_us)
        # At once: the level that the next quote joins never vanishes from the maker's book.
        return events + self._liquidity.rest(quote.is_ask, now_us=now_us)

    def forget_first_quote(self) -> None:
        """A quote of a maker that was killed may still rest: it is nobody's first."""
        quote = self._quote()
        self._former_quote = quote.order_index if quote is not None else 0
        self._first_quote_us = None

    def first_quote_us(self) -> int | None:
        """When the maker's first quote came to rest, by the exchange's clock."""
        self._quote()
        return self._first_quote_us

    def _take(self, quote: Order, now_us: int) -> list[Event]:
        percent = 100 if quote.reduce_only else self._percent
        spared_lots = quote.remaining_lots * (100 - percent) // 100
        at_ns = time.monotonic_ns()
        events = self._exchange.place_direct(
            TAKING,
            market_id=MARKET,
            is_ask=not quote.is_ask,
            size_lots=self._lots_up_to(quote) - spared_lots,
            price_ticks=quote.price_ticks,
            now_us=now_us,
            time_in_force=TimeInForce.IOC,
        )
        own = [
            event.trade
            for event in events
            if isinstance(event, Traded) and event.trade.maker.account_index == self._maker
        ]
        trade_ids = tuple(trade.trade_id for trade in own)
        lots = sum(trade.size_lots for trade in own)
        self.taken.append(
            Taken(at_ns=at_ns, trade_ids=trade_ids, lots=lots, is_partial=spared_lots > 0)
        )
        self._on_taken(len(self.taken))
        return events

    def _lots_up_to(self, quote: Order) -> int:
        book = self._exchange.book(MARKET)
        sign = 1 if quote.is_ask else -1
        return sum(
            level.size_lots
            for level in (book.asks if quote.is_ask else book.bids)
            if (quote.price_ticks - level.price_ticks) * sign >= 0
        )

    def _quote(self) -> Order | None:
        quote = next(iter(self._exchange.active_orders(self._maker, MARKET)), None)
        if (
            quote is not None
            and self._first_quote_us is None
            and quote.order_index != self._former_quote
        ):
            self._first_quote_us = quote.created_us
        return quote

    def _due_of(self, quote: Order) -> int:
        if self._due[0] != quote.order_index:
            delay_us = self._chance.randint(*_TAKE_AFTER_US)
            self._due = quote.order_index, quote.created_us + delay_us
        return self._due[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How far the hedger was, in fills, so long after the flow began."""

    at_s: float
    given: int
    backlog: int


class FlowOfFills:
    """A driver that gives an account one fill of one lot after the other at an even rate.

    Every fill is told by itself, as if it came alone. All are buys, so nothing nets out.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        maker: int,
        hedger: int,
        publish: Callable[[list[Event], int], None],
        on_end: Callable[[list[Seen]], None],
    ) -> None:
        self._exchange = exchange
        self._maker = maker
        self._hedger = hedger
        self._publish = publish
        self._on_end = on_end
        self._liquidity = Liquidity(exchange, lots=_LEVEL_LOTS)
        self._laid = False
        self._began_us: int | None = None
        self._rate = 1
        self._wanted = 0
        self._given = 0
        self._before = 0
        self._seen: list[Seen] = []

    def begin(self, *, rate: int, seconds: float, now_us: int) -> None:
        self._began_us = now_us
        self._rate, self._wanted = rate, int(rate * seconds)
        self._given, self._seen = 0, []
        self._before = self.backlog()

    def backlog(self) -> int:
        """Fills of one lot that the hedger has not covered yet."""
        return sum(self._position(account) for account in (self._maker, self._hedger))

    def next_due_us(self) -> int | None:
        if not self._laid:
            return 0
        return None if self._began_us is None else self._due_us(self._began_us)

    def advance(self, now_us: int) -> list[Event]:
        if not self._laid:
            self._laid = True
            return self._liquidity.lay(now_us=now_us)
        began_us = self._began_us
        while began_us is not None and self._due_us(began_us) <= now_us:
            self._publish(give_fill(self._exchange, self._maker, now_us=now_us), now_us)
            self._given += 1
            if self._given % max(1, self._rate // 50) == 0:
                at_s = (now_us - began_us) / 1e6
                self._seen.append(Seen(at_s=at_s, given=self._given, backlog=self.backlog()))
            if self._given >= self._wanted:
                self._began_us = began_us = None
                self._on_end(self._seen)
        return []

    def _due_us(self, began_us: int) -> int:
        return began_us + self._given * 1_000_000 // self._rate

    def _position(self, account_index: int) -> int:
        view = self._exchange.account(account_index)
        held = view.positions if view is not None else ()
        return sum(each.position.size_lots for each in held if each.position.market_id == MARKET)


def give_fill(exchange: Exchange, account_index: int, *, now_us: int) -> list[Event]:
    """One fill of one lot, bought from the level above the mark."""
    return exchange.place_direct(
        account_index,
        market_id=MARKET,
        is_ask=False,
        size_lots=1,
        price_ticks=exchange.mark_price_ticks(MARKET) + 1,
        now_us=now_us,
        time_in_force=TimeInForce.IOC,
    )
