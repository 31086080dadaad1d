"""What a moved mark price sets off: trigger orders go, accounts are liquidated."""

from __future__ import annotations

from hedgepair_runner.venues.paper import order_rules
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.liquidation import Liquidator
from hedgepair_runner.venues.paper.matching import Match
from hedgepair_runner.venues.paper.records import Order, OrderStatus, OrderType, TimeInForce


def is_triggered(order: Order, mark_ticks: int) -> bool:
    """A stop waits for the mark to go against the position, a take-profit for the other way."""
    is_stop = order.order_type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
    if is_stop == order.is_ask:
        return mark_ticks <= order.trigger_price_ticks
    return mark_ticks >= order.trigger_price_ticks


class Watch:
    """`look` must be called after everything that may move a mark or an account."""

    def __init__(self, engine: Engine, liquidator: Liquidator) -> None:
        self._engine = engine
        self._liquidator = liquidator
        self._seen: dict[int, tuple[int, str]] = {}

    def look(self) -> None:
        engine = self._engine
        while True:
            moved, touched = self._moved(), engine.touched
            if not moved and not touched:
                return
            engine.touched = {}
            for market_id in moved:
                self._trigger(market_id)
                self._liquidator.inspect(list(engine.holders[market_id]))
            self._liquidator.inspect(touched)

    def _moved(self) -> list[int]:
        """Markets whose mark, status or waiting orders changed since the last look."""
        engine = self._engine
        moved, engine.new_triggers = engine.new_triggers, {}
        for market_id, prices in engine.prices.items():
            now = (prices.mark_ticks, engine.markets[market_id].status)
            if self._seen.get(market_id) != now:
                self._seen[market_id] = now
                moved[market_id] = None
        return list(moved)

    def _trigger(self, market_id: int) -> None:
        engine = self._engine
        if engine.markets[market_id].status != "active":
            return
        for order in list(engine.live.pending_of(market_id)):
            still = engine.live.get(order.order_index)
            if still is order and is_triggered(order, engine.mark_of(market_id)):
                self._release(engine.trigger(order))

    def _release(self, order: Order) -> None:
        """Into the book as if it came now; what would rest needs its margin."""
        engine = self._engine
        if order.time_in_force is not TimeInForce.IOC:
            account = engine.accounts.use(order.account_index, engine.now_us)
            if order_rules.margin(engine, account, order) is not None:
                engine.close_incoming(order, OrderStatus.CANCELED_MARGIN_NOT_ALLOWED)
                return
        Match(engine, order).run()
