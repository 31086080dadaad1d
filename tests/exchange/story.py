"""The exchange as somebody knows it who hears only its events, in the order in which they come."""

from __future__ import annotations

from dataclasses import dataclass, field

from hedgepair_runner.venues.paper.events import Event, LevelChanged, OrderChanged, Traded
from hedgepair_runner.venues.paper.records import Order, OrderStatus


@dataclass
class Story:
    """Orders and levels as told; hearing them, it asserts that the tale is possible."""

    orders: dict[int, Order] = field(default_factory=dict)
    levels: dict[tuple[int, bool, int], int] = field(default_factory=dict)
    last_trade_id: int = 0

    def hear(self, event: Event) -> None:
        match event:
            case OrderChanged(order=order):
                self._hear_order(order)
            case LevelChanged():
                assert event.size_lots >= 0
                self.levels[event.market_id, event.is_ask, event.price_ticks] = event.size_lots
            case Traded(trade=trade):
                assert self.last_trade_id in (0, trade.trade_id - 1), "trade ids have no gaps"
                self.last_trade_id = trade.trade_id
                assert trade.maker.account_index != trade.taker.account_index
            case _:
                pass

    def _hear_order(self, order: Order) -> None:
        known = self.orders.get(order.order_index)
        if known is not None:
            assert not known.status.is_terminal, "an order ends once"
            assert order.engine_nonce > known.engine_nonce
            assert order.filled_lots >= known.filled_lots
            if known.status is OrderStatus.OPEN and _is_the_same(known, order):
                self._check_priority(known, order)
        assert 0 <= order.filled_lots <= order.initial_lots
        if order.order_type.is_market:
            gained = order.filled_quote_micro - order.filled_lots * order.price_ticks
            assert (gained if order.is_ask else -gained) >= 0, "the average is within the bound"
        self.orders[order.order_index] = order

    def _check_priority(self, known: Order, now: Order) -> None:
        if now.filled_lots == known.filled_lots:
            return
        beside = self.resting(known.market_id, known.is_ask)
        assert rank(known) == min(map(rank, beside)), "best and oldest first"

    def resting(self, market_id: int, is_ask: bool) -> list[Order]:
        return [
            order
            for order in self.orders.values()
            if order.status is OrderStatus.OPEN
            and (order.market_id, order.is_ask) == (market_id, is_ask)
        ]


def rank(order: Order) -> tuple[int, int]:
    return (order.price_ticks if order.is_ask else -order.price_ticks, order.priority)


def _is_the_same(known: Order, now: Order) -> bool:
    """Not one that a modify sent through the book again: at its old price it could not trade."""
    return (known.price_ticks, known.initial_lots) == (now.price_ticks, now.initial_lots)
