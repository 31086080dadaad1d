"""Drives the paper market's traders through the exchange's direct door, by time and seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from hedgepair_runner.venues.paper.book_tape import BookTape
from hedgepair_runner.venues.paper.events import Event, Traded
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.generating import (
    Profile,
    Quote,
    Requote,
    choose_rival_quote,
    is_hollow,
    pause_us,
    requote,
    requote_as_recorded,
)
from hedgepair_runner.venues.paper.price_paths import move_price, path_at
from hedgepair_runner.venues.paper.recordings import Recording
from hedgepair_runner.venues.paper.records import MarketRules, TimeInForce
from hedgepair_runner.venues.paper.taking import Take, choose_aimed_take, choose_take
from hedgepair_runner.venues.paper.tape import Tape

QUOTING_ACCOUNT = 900_001
TAKING_ACCOUNT = 900_002
RIVAL_ACCOUNT = 900_003
GENERATED = frozenset({QUOTING_ACCOUNT, TAKING_ACCOUNT, RIVAL_ACCOUNT})
_OPEN, _HALTED = "active", "inactive"
_ORDERS_IN_SIGHT = 100
_STEPS_AT_ONCE = 8
"""After a stall the rest of the missed steps is dropped, not played in one burst."""
_TAPE_REACH_BPS = 100


class MarketGenerator:
    """A driver of the gateway: `next_due_us` says when, `advance` does what is due.

    The same seed and the same times of `advance` give the same orders and takes.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        markets: Sequence[MarketRules],
        profile: Profile,
        seed: str,
        now_us: int,
        tapes: Mapping[int, Recording] | None = None,
    ) -> None:
        tapes = tapes or {}
        self._traders = [
            _Trader(
                exchange,
                rules,
                profile=profile,
                seed=seed,
                now_us=now_us,
                tape=tapes.get(rules.market_id),
            )
            for rules in markets
        ]

    def next_due_us(self) -> int | None:
        return min((trader.next_due_us() for trader in self._traders), default=None)

    def advance(self, now_us: int) -> list[Event]:
        events: list[Event] = []
        for trader in self._traders:
            events += trader.advance(now_us)
        return events


class _Trader:
    """The quotes and takes of one market."""

    def __init__(
        self,
        exchange: Exchange,
        rules: MarketRules,
        *,
        profile: Profile,
        seed: str,
        now_us: int,
        tape: Recording | None,
    ) -> None:
        self._exchange = exchange
        self._rules = rules
        self._profile = profile
        self._chance = Random(f"{seed}:{rules.market_id}")
        self._tape = tape if isinstance(tape, Tape) else None
        self._tape_position = 0
        self._books = tape if isinstance(tape, BookTape) else None
        self._books_position = 0
        self._started_us = now_us
        # An exchange that was restored has a price already: the market goes on from there.
        known_ticks = exchange.index_price_ticks(rules.market_id)
        self._path = path_at(tape.first_price_ticks if tape else known_ticks)
        self._inventory_lots = 0
        self._quote_due_us = now_us
        self._take_due_us = now_us + pause_us(profile.takes_per_s, self._chance)
        if self._tape:
            self._take_due_us = now_us
        self._change_due_us = self._next_change_us(now_us)
        if self._change_due_us is not None and not self._is_open:
            # A state that was kept may have ended in a halt.
            exchange.set_market_status(rules.market_id, _OPEN)

    def next_due_us(self) -> int:
        due_us = min(self._quote_due_us, self._take_due_us)
        return due_us if self._change_due_us is None else min(due_us, self._change_due_us)

    def advance(self, now_us: int) -> list[Event]:
        events: list[Event] = []
        if self._change_due_us is not None and self._change_due_us <= now_us:
            self._change_status(now_us)
        for _ in range(_STEPS_AT_ONCE):
            if self.next_due_us() > now_us:
                break
            if self._quote_due_us <= self._take_due_us:
                events += self._quote(now_us)
                self._schedule_quote()
            else:
                if self._is_open:
                    events += self._take(now_us)
                    events += self._mend(now_us)
                self._schedule_take()
        self._drop_missed(now_us)
        return events

    # -- the schedule --

    @property
    def _is_open(self) -> bool:
        """Halted by the profile, or by whoever else may."""
        return self._exchange.markets[self._rules.market_id].status == _OPEN

    def _change_status(self, now_us: int) -> None:
        halted = self._profile.halts.is_halted(now_us - self._started_us)
        self._exchange.set_market_status(self._rules.market_id, _HALTED if halted else _OPEN)
        self._change_due_us = self._next_change_us(now_us)

    def _next_change_us(self, now_us: int) -> int | None:
        after_us = self._profile.halts.next_change_us(now_us - self._started_us)
        return None if after_us is None else self._started_us + after_us

    def _drop_missed(self, now_us: int) -> None:
        if self._books is None:
            self._quote_due_us = max(self._quote_due_us, now_us)
        while self._quote_due_us < now_us:
            self._schedule_quote()
        if self._tape is None:
            self._take_due_us = max(self._take_due_us, now_us)
        while self._take_due_us < now_us:
            self._schedule_take()

    def _schedule_quote(self) -> None:
        if self._books is None:
            self._quote_due_us += pause_us(self._profile.quotes_per_s, self._chance)
            return
        self._books_position += 1
        self._quote_due_us = self._started_us + self._books.due_us(self._books_position)

    def _schedule_take(self) -> None:
        if self._tape is None:
            self._take_due_us += pause_us(self._profile.takes_per_s, self._chance)
            return
        self._tape_position += 1
        self._take_due_us = self._started_us + self._tape.due_us(self._tape_position)

    # -- quotes --

    def _quote(self, now_us: int) -> list[Event]:
        """The price moves even while the market is halted."""
        if self._books is not None:
            self._path = path_at(self._books.at(self._books_position).fair_ticks)
        elif self._tape is None:
            self._path = move_price(
                self._path,
                start_ticks=self._rules.start_price_ticks,
                motion=self._profile.motion,
                chance=self._chance,
            )
        return self._requote(now_us) if self._is_open else []

    def _mend(self, now_us: int) -> list[Event]:
        if self._books is not None:
            return []
        book = self._exchange.book(self._rules.market_id)
        if is_hollow(book, fair_ticks=self._path.fair_ticks, profile=self._profile):
            return self._requote(now_us)
        return []

    def _requote(self, now_us: int) -> list[Event]:
        market_id = self._rules.market_id
        self._exchange.set_index_price(market_id, self._path.fair_ticks, now_us=now_us)
        events = self._withdraw_rival(now_us)
        plan = self._plan()
        for order_index in plan.cancels:
            events += self._exchange.cancel_direct(QUOTING_ACCOUNT, order_index, now_us=now_us)
        for quote in plan.quotes:
            events += self._place(QUOTING_ACCOUNT, quote, now_us)
        if self._profile.rival_one_in:
            rival = choose_rival_quote(
                self._exchange.book(market_id),
                rules=self._rules,
                profile=self._profile,
                chance=self._chance,
            )
            events += [] if rival is None else self._place(RIVAL_ACCOUNT, rival, now_us)
        return events

    def _plan(self) -> Requote:
        own = self._exchange.active_orders(QUOTING_ACCOUNT, self._rules.market_id)
        if self._books is not None:
            return requote_as_recorded(own, self._books.at(self._books_position).quotes)
        return requote(
            own,
            fair_ticks=self._path.fair_ticks,
            rules=self._rules,
            profile=self._profile,
            chance=self._chance,
        )

    def _withdraw_rival(self, now_us: int) -> list[Event]:
        """Its last quote, before a new one or before the own quotes would meet it."""
        if not self._profile.rival_one_in:
            return []
        events: list[Event] = []
        for order in self._exchange.active_orders(RIVAL_ACCOUNT, self._rules.market_id):
            events += self._exchange.cancel_direct(RIVAL_ACCOUNT, order.order_index, now_us=now_us)
        return events

    def _place(self, account_index: int, quote: Quote, now_us: int) -> list[Event]:
        return self._exchange.place_direct(
            account_index,
            market_id=self._rules.market_id,
            is_ask=quote.is_ask,
            size_lots=quote.size_lots,
            price_ticks=quote.price_ticks,
            now_us=now_us,
        )

    # -- takes --

    def _take(self, now_us: int) -> list[Event]:
        take = self._recorded_take() if self._tape else self._chosen_take()
        if take is None:
            return []
        events = self._exchange.place_direct(
            TAKING_ACCOUNT,
            market_id=self._rules.market_id,
            is_ask=take.is_ask,
            size_lots=take.size_lots,
            price_ticks=take.price_ticks,
            now_us=now_us,
            time_in_force=TimeInForce.IOC,
        )
        for event in events:
            if isinstance(event, Traded):
                lots = event.trade.size_lots
                self._inventory_lots += -lots if take.is_ask else lots
        return events

    def _chosen_take(self) -> Take | None:
        if self._chance.randrange(self._profile.aimed_one_in) == 0:
            book = self._exchange.book(self._rules.market_id, order_limit=_ORDERS_IN_SIGHT)
            aimed = choose_aimed_take(
                book, generated=GENERATED, profile=self._profile, chance=self._chance
            )
            if aimed is not None:
                return aimed
        return choose_take(
            self._exchange.book(self._rules.market_id),
            inventory_lots=self._inventory_lots,
            profile=self._profile,
            chance=self._chance,
        )

    def _recorded_take(self) -> Take:
        if self._tape is None:
            raise AssertionError("a recorded take is asked for only where there is a tape")
        trade = self._tape.at(self._tape_position)
        self._path = path_at(trade.price_ticks)
        reach = trade.price_ticks * _TAPE_REACH_BPS // 10_000
        return Take(
            is_ask=not trade.is_buy,
            price_ticks=max(1, trade.price_ticks + (reach if trade.is_buy else -reach)),
            size_lots=trade.size_lots,
        )
