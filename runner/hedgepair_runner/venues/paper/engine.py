"""The engine's state and its smallest steps: what an order, a level or an account becomes next.

The rules are in `matching`, `executing` and `sweeping`; they call these steps, and each step tells
the world by an event. Times and marks are whole numbers; nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hedgepair_runner.venues.paper.accounts import Account, Accounts
from hedgepair_runner.venues.paper.book import OrderBook
from hedgepair_runner.venues.paper.events import (
    AccountChanged,
    Event,
    LevelChanged,
    OrderChanged,
)
from hedgepair_runner.venues.paper.history import History
from hedgepair_runner.venues.paper.live import LiveOrders
from hedgepair_runner.venues.paper.margining import (
    Health,
    Standing,
    health,
    isolated_health,
)
from hedgepair_runner.venues.paper.prices import start_prices
from hedgepair_runner.venues.paper.records import MarketRules, Order, OrderStatus, Position
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.treatments import Treatment

_BLOCK_US = 1_000_000
"""A block a second."""


class Engine:
    """All that changes when a transaction executes. `now_us` never goes back."""

    def __init__(
        self,
        markets: Sequence[MarketRules],
        settings: ExchangeSettings,
        *,
        address_of: Callable[[int], str],
        now_us: int,
    ) -> None:
        self.settings = settings
        self.markets = {rules.market_id: rules for rules in markets}
        self.books = {market_id: OrderBook(market_id) for market_id in self.markets}
        self.prices = start_prices(self.markets)
        self.live = LiveOrders()
        self.accounts = Accounts(settings, address_of)
        self.history = History(settings)
        self.open_interest_lots = dict.fromkeys(self.markets, 0)
        self.treatments: dict[str, Treatment] = {}
        """What faults do to transactions that are on their way, by hash."""
        self.holders: dict[int, dict[int, None]] = {market_id: {} for market_id in self.markets}
        """Accounts with a position, by market."""
        self.new_triggers: dict[int, None] = {}
        """Markets with trigger orders that came or changed since somebody last looked."""
        self.touched: dict[int, None] = {}
        """Accounts whose standing may have changed since somebody last looked."""
        self.now_us = now_us
        self.next_trade_id = settings.first_trade_id
        self._start_us = now_us
        self._engine_nonce = 0
        self._events: list[Event] = []

    # -- the world's clock, counters and mouth --

    def move_clock(self, now_us: int) -> None:
        self.now_us = max(self.now_us, now_us)

    def tick(self) -> int:
        """The next engine nonce: one stream over all markets, orders and levels."""
        self._engine_nonce += 1
        return self._engine_nonce

    def height(self, now_us: int) -> int:
        return self.settings.first_height + max(0, now_us - self._start_us) // _BLOCK_US

    def emit(self, event: Event) -> None:
        self._events.append(event)

    @property
    def has_events(self) -> bool:
        return bool(self._events)

    def take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    # -- figures --

    def mark_of(self, market_id: int) -> int:
        return self.prices[market_id].mark_ticks

    def health_of(self, account: Account) -> Health:
        return health(
            account.collateral_pico, account.positions.values(), self.markets, self.mark_of
        )

    def standing(self, account: Account, market_id: int | None = None) -> Standing:
        """Of the account or, where it is worse, of its isolated position in the market."""
        if not account.positions or account.is_exempt:
            return Standing.HEALTHY
        standing = self.health_of(account).standing
        position = account.positions.get(market_id) if market_id is not None else None
        if position is None or not position.is_isolated:
            return standing
        own = isolated_health(position, self.markets, self.mark_of).standing
        return max(standing, own)

    # -- orders --

    def enter_book(self, order: Order) -> Order:
        """The order rests from now on, behind all others at its price."""
        nonce = self.tick()
        order = replace(
            order,
            status=OrderStatus.OPEN,
            priority=nonce,
            engine_nonce=nonce,
            updated_us=self.now_us,
            block_height=self.height(self.now_us),
        )
        book = self.books[order.market_id]
        size = book.side(order.is_ask).add(
            order.order_index, order.price_ticks, order.remaining_lots
        )
        self.live.add(order)
        self.emit(OrderChanged(order=order))
        self._level_changed(order, size, nonce)
        return order

    def close_resting(self, order: Order, status: OrderStatus) -> Order:
        """A resting order, or one that waits for its trigger, ends with what it has filled."""
        if order.status is OrderStatus.PENDING:
            self.live.remove(order)
            return self.close_incoming(order, status)
        size = self._take_out(order)
        closed = self.close_incoming(order, status)
        self._level_changed(order, size, closed.engine_nonce)
        return closed

    def close_incoming(self, order: Order, status: OrderStatus) -> Order:
        """An order that does not rest ends."""
        if not status.is_terminal:
            raise AssertionError("an order ends with a terminal status")
        order = self.stamped(order, status=status)
        self.history.add_closed(order)
        self.emit(OrderChanged(order=order))
        return order

    def await_trigger(self, order: Order) -> Order:
        """A trigger order waits from now on, in no book; or it waits on with other numbers."""
        order = self.stamped(order, status=OrderStatus.PENDING)
        self.new_triggers[order.market_id] = None
        if self.live.get(order.order_index) is None:
            self.live.add(order)
        else:
            self.live.update(order)
        self.emit(OrderChanged(order=order))
        return order

    def trigger(self, order: Order) -> Order:
        """The wait is over: the order is on its way to the book."""
        self.live.remove(order)
        return self.report(replace(order, triggered_us=self.now_us), OrderStatus.IN_PROGRESS)

    def pull(self, order: Order) -> None:
        """A resting order leaves its book to be matched anew: no end, only its level shrinks."""
        size = self._take_out(order)
        self._level_changed(order, size, self.tick())

    def fill_resting(self, order: Order, lots: int, quote_micro: int) -> tuple[Order, LevelChanged]:
        """A maker after its part of a trade. The caller emits the level after the trade."""
        filled = replace(
            order,
            filled_lots=order.filled_lots + lots,
            filled_quote_micro=order.filled_quote_micro + quote_micro,
        )
        side = self.books[order.market_id].side(order.is_ask)
        if filled.remaining_lots == 0:
            size = self._take_out(order)
            filled = self.close_incoming(filled, OrderStatus.FILLED)
        else:
            size = side.shrink(order.price_ticks, lots)
            filled = self.stamped(filled, status=OrderStatus.OPEN)
            self.live.update(filled)
            self.emit(OrderChanged(order=filled))
        return filled, self._level(order, size, filled.engine_nonce)

    def shorten_resting(self, order: Order, lots: int) -> Order:
        """A resting order loses size without a trade and keeps its place."""
        order = self.stamped(
            replace(order, initial_lots=order.initial_lots - lots), status=OrderStatus.OPEN
        )
        size = self.books[order.market_id].side(order.is_ask).shrink(order.price_ticks, lots)
        self.live.update(order)
        self.emit(OrderChanged(order=order))
        self._level_changed(order, size, order.engine_nonce)
        return order

    def report(self, order: Order, status: OrderStatus) -> Order:
        """An incoming order has changed and is still on its way."""
        order = self.stamped(order, status=status)
        self.emit(OrderChanged(order=order))
        return order

    def stamped(self, order: Order, *, status: OrderStatus) -> Order:
        return replace(
            order,
            status=status,
            engine_nonce=self.tick(),
            updated_us=self.now_us,
            block_height=self.height(self.now_us),
        )

    def _take_out(self, order: Order) -> int:
        self.live.remove(order)
        side = self.books[order.market_id].side(order.is_ask)
        return side.remove(order.order_index, order.price_ticks, order.remaining_lots)

    def _level(self, order: Order, size_lots: int, nonce: int) -> LevelChanged:
        book = self.books[order.market_id]
        book.engine_nonce = nonce
        book.changed_us = self.now_us
        return LevelChanged(
            market_id=order.market_id,
            is_ask=order.is_ask,
            price_ticks=order.price_ticks,
            size_lots=size_lots,
            engine_nonce=nonce,
            now_us=self.now_us,
        )

    def _level_changed(self, order: Order, size_lots: int, nonce: int) -> None:
        self.emit(self._level(order, size_lots, nonce))

    # -- accounts --

    def note_position(self, account: Account, before_lots: int, after: Position) -> None:
        """Open interest and holders follow every change of a position."""
        market_id, size_lots = after.market_id, after.size_lots
        self.open_interest_lots[market_id] += max(0, size_lots) - max(0, before_lots)
        if size_lots:
            self.holders[market_id][account.account_index] = None
        else:
            self.holders[market_id].pop(account.account_index, None)

    def account_changed(self, account: Account) -> None:
        account.changed_us = self.now_us
        self.touched[account.account_index] = None
        self.emit(AccountChanged(account_index=account.account_index))
