"""The exchange as it was a moment ago: what a REST replica that lags behind answers from.

Reads that are not written here (market rules, mark and index prices, candles, keys) come from the
present: they change seldom, or nothing rests on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hedgepair_runner.venues.paper.chronicling import Chronicle
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.records import Order, TxRecord, TxStatus
from hedgepair_runner.venues.paper.views import (
    AccountView,
    BookView,
    LevelView,
    MarketStatistics,
    OrderPage,
    Touch,
    TradePage,
    TradeQuery,
)


class PastExchange(Exchange):
    """For reading only, and only until the present moves on."""

    @classmethod
    def of(cls, exchange: Exchange, chronicle: Chronicle, at_us: int) -> PastExchange:
        """The same engine, seen from another time: nothing is copied."""
        past = cls.__new__(cls)
        past.__dict__.update(exchange.__dict__)
        past._chronicle = chronicle
        past._at_us = max(at_us, chronicle.begun_us)
        return past

    _chronicle: Chronicle
    _at_us: int

    @property
    def _last_ms(self) -> int:
        """The last millisecond that was wholly over."""
        return (self._at_us + 1) // 1_000 - 1

    # -- accounts and keys --

    def account(self, account_index: int) -> AccountView | None:
        return self._chronicle.account_at(account_index, self._at_us) or super().account(
            account_index
        )

    def next_nonce(self, account_index: int, api_key_index: int) -> int | None:
        then = self._chronicle.nonce_at(account_index, api_key_index, self._at_us)
        return super().next_nonce(account_index, api_key_index) if then is None else then

    # -- orders --

    def active_orders(self, account_index: int, market_id: int | None = None) -> tuple[Order, ...]:
        mine = (
            order
            for order in self._chronicle.orders_at(self._at_us)
            if order.account_index == account_index and market_id in (None, order.market_id)
        )
        return tuple(sorted(mine, key=lambda order: (order.created_us, order.order_index)))

    def inactive_orders(
        self,
        account_index: int,
        *,
        market_id: int | None = None,
        is_ask: bool | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        cursor: str = "",
        limit: int = 100,
    ) -> OrderPage:
        last_ms = self._last_ms if end_ms is None else min(end_ms, self._last_ms)
        return super().inactive_orders(
            account_index,
            market_id=market_id,
            is_ask=is_ask,
            start_ms=start_ms,
            end_ms=last_ms,
            cursor=cursor,
            limit=limit,
        )

    def orders_by_client_index(
        self, account_index: int, client_order_indexes: Sequence[int]
    ) -> tuple[Order, ...]:
        then = {order.client_order_index: order for order in self.active_orders(account_index)}
        found = []
        for order in super().orders_by_client_index(account_index, client_order_indexes):
            if order.status.is_terminal and order.updated_us <= self._at_us:
                found.append(order)
            elif order.client_order_index in then:
                found.append(then[order.client_order_index])
        return tuple(found)

    # -- trades and transactions --

    def trades(self, query: TradeQuery) -> TradePage:
        end_ms = self._last_ms if query.end_ms is None else min(query.end_ms, self._last_ms)
        return super().trades(replace(query, end_ms=end_ms))

    def tx(self, tx_hash: str) -> TxRecord | None:
        return self._as_then(super().tx(tx_hash))

    def tx_by_sequence(self, sequence_index: int) -> TxRecord | None:
        return self._as_then(super().tx_by_sequence(sequence_index))

    def account_txs(
        self,
        account_index: int,
        *,
        tx_types: frozenset[int] | None = None,
        before_sequence: int | None = None,
        limit: int = 100,
    ) -> tuple[TxRecord, ...]:
        records = super().account_txs(
            account_index, tx_types=tx_types, before_sequence=before_sequence, limit=limit
        )
        then = (self._as_then(record) for record in records)
        return tuple(record for record in then if record is not None)

    def _as_then(self, record: TxRecord | None) -> TxRecord | None:
        if record is None or record.queued_us > self._at_us:
            return None
        if record.status is TxStatus.PENDING or record.executed_us <= self._at_us:
            return record
        return replace(
            record, status=TxStatus.PENDING, event_info="", executed_us=0, block_height=0
        )

    # -- markets --

    def book(self, market_id: int, *, order_limit: int = 0) -> BookView:
        asks, bids = self._sides(market_id)
        newest = max((*asks, *bids), key=lambda order: order.engine_nonce, default=None)
        return BookView(
            market_id=market_id,
            asks=_levels(asks),
            bids=_levels(bids),
            ask_orders=asks[:order_limit],
            bid_orders=bids[:order_limit],
            engine_nonce=newest.engine_nonce if newest is not None else 0,
            changed_us=newest.updated_us if newest is not None else 0,
        )

    def touch(self, market_id: int) -> Touch:
        book = self.book(market_id)
        return Touch(
            ask=book.asks[0] if book.asks else None,
            bid=book.bids[0] if book.bids else None,
            engine_nonce=book.engine_nonce,
            changed_us=book.changed_us,
        )

    def order_counts(self, market_id: int) -> tuple[int, int]:
        asks, bids = self._sides(market_id)
        return len(asks), len(bids)

    def statistics(self, market_id: int, *, now_us: int) -> MarketStatistics:
        return self._chronicle.statistics_at(market_id, min(now_us, self._at_us))

    def _sides(self, market_id: int) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
        """Asks and bids, best first, by priority within a price."""
        here = [o for o in self._chronicle.orders_at(self._at_us) if o.market_id == market_id]
        asks = sorted(
            (order for order in here if order.is_ask),
            key=lambda order: (order.price_ticks, order.priority),
        )
        bids = sorted(
            (order for order in here if not order.is_ask),
            key=lambda order: (-order.price_ticks, order.priority),
        )
        return tuple(asks), tuple(bids)


def _levels(orders: Iterable[Order]) -> tuple[LevelView, ...]:
    sizes: dict[int, int] = {}
    for order in orders:
        sizes[order.price_ticks] = sizes.get(order.price_ticks, 0) + order.remaining_lots
    return tuple(LevelView(price_ticks=price, size_lots=size) for price, size in sizes.items())
