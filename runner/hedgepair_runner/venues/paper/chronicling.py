"""What was true when: nonces, accounts, orders and statistics, for as long as a replica may lag.

Kept only while some endpoint lags. Trades, transactions and closed orders need no chronicle: they
carry their times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from hedgepair_runner.venues.paper.events import (
    AccountChanged,
    Event,
    LevelChanged,
    OrderChanged,
    PositionChanged,
    Traded,
    TxChanged,
)
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.queueing import FIRST_NONCE
from hedgepair_runner.venues.paper.records import Order
from hedgepair_runner.venues.paper.timelines import Timeline
from hedgepair_runner.venues.paper.views import AccountView, MarketStatistics


class Chronicle:
    """`note` must hear every event. Nothing is known of before `begun_us`: it reads as then."""

    def __init__(self, exchange: Exchange, *, window_us: int, now_us: int) -> None:
        # What happens in this very microsecond is news already.
        self.begun_us = now_us - 1
        self.window_us = window_us
        self._exchange = exchange
        self._nonces: dict[tuple[int, int], Timeline[int]] = {}
        self._accounts: dict[int, Timeline[AccountView]] = {}
        self._orders: dict[int, Timeline[Order | None]] = {}
        """By order index; None before it was."""
        self._statistics: dict[int, Timeline[MarketStatistics]] = {}
        self._touched: deque[tuple[int, int]] = deque()
        """When which order changed, to forget it in time."""
        self._begin(now_us)

    def _begin(self, now_us: int) -> None:
        exchange = self._exchange
        for account_index in exchange.doors.accounts_in_use():
            view = exchange.account(account_index)
            if view is not None:
                self._accounts[account_index] = Timeline(self.begun_us, view)
            for key in exchange.api_keys(account_index):
                nonce = exchange.next_nonce(account_index, key)
                if nonce is not None:
                    self._nonces[account_index, key] = Timeline(self.begun_us, nonce)
            for order in exchange.active_orders(account_index):
                self._orders[order.order_index] = Timeline(self.begun_us, order)
        for market_id in exchange.markets:
            statistics = exchange.statistics(market_id, now_us=now_us)
            self._statistics[market_id] = Timeline(self.begun_us, statistics)

    # -- what happens --

    def note(self, events: Iterable[Event], *, now_us: int) -> None:
        accounts: set[int] = set()
        markets: set[int] = set()
        for event in events:
            match event:
                case OrderChanged(order=order):
                    self._note_order(order, now_us)
                    accounts.add(order.account_index)
                case Traded(trade=trade):
                    markets.add(trade.market_id)
                    accounts |= {trade.maker.account_index, trade.taker.account_index}
                case PositionChanged() | AccountChanged():
                    accounts.add(event.account_index)
                case TxChanged(record=record):
                    self._note_nonce(record.account_index, record.api_key_index, now_us)
                case LevelChanged():
                    pass
                case _:
                    # Of what else there may be to tell nothing can be read by REST.
                    pass
        for account_index in accounts:
            self._note_account(account_index, now_us)
        for market_id in markets:
            timeline = self._statistics[market_id]
            timeline.note(now_us, self._exchange.statistics(market_id, now_us=now_us))
            timeline.forget(now_us - self.window_us)
        self._forget_orders(now_us)

    def _note_order(self, order: Order, now_us: int) -> None:
        timeline = self._orders.get(order.order_index)
        if timeline is None:
            timeline = self._orders[order.order_index] = Timeline(self.begun_us, None)
        timeline.note(now_us, order)
        self._touched.append((now_us, order.order_index))

    def _note_account(self, account_index: int, now_us: int) -> None:
        timeline = self._accounts.get(account_index)
        if timeline is None:
            unused = self._exchange.doors.unused_account(account_index)
            timeline = self._accounts[account_index] = Timeline(self.begun_us, unused)
        view = self._exchange.account(account_index)
        if view is not None:
            timeline.note(now_us, view)
        timeline.forget(now_us - self.window_us)

    def _note_nonce(self, account_index: int, api_key_index: int, now_us: int) -> None:
        nonce = self._exchange.next_nonce(account_index, api_key_index)
        if nonce is None:
            return
        key = (account_index, api_key_index)
        timeline = self._nonces.get(key)
        if timeline is None:
            timeline = self._nonces[key] = Timeline(self.begun_us, FIRST_NONCE)
        timeline.note(now_us, nonce)
        timeline.forget(now_us - self.window_us)

    def _forget_orders(self, now_us: int) -> None:
        before_us = now_us - self.window_us
        while self._touched and self._touched[0][0] <= before_us:
            _, order_index = self._touched.popleft()
            timeline = self._orders.get(order_index)
            if timeline is None:
                continue
            timeline.forget(before_us)
            latest = timeline.latest
            if len(timeline) == 1 and (latest is None or latest.status.is_terminal):
                del self._orders[order_index]

    # -- what was --

    def nonce_at(self, account_index: int, api_key_index: int, at_us: int) -> int | None:
        """None: it has not changed since the beginning."""
        timeline = self._nonces.get((account_index, api_key_index))
        return None if timeline is None else timeline.at(at_us)

    def account_at(self, account_index: int, at_us: int) -> AccountView | None:
        """None: it has not changed since the beginning."""
        timeline = self._accounts.get(account_index)
        return None if timeline is None else timeline.at(at_us)

    def statistics_at(self, market_id: int, at_us: int) -> MarketStatistics:
        return self._statistics[market_id].at(at_us)

    def orders_at(self, at_us: int) -> Iterable[Order]:
        """Those that rested then."""
        for timeline in self._orders.values():
            order = timeline.at(at_us)
            if order is not None and not order.status.is_terminal:
                yield order
