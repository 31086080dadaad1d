"""A market by script: a ladder of quotes that stands still, and takes that a test orders."""

from __future__ import annotations

from hedgepair_runner.venues.paper.events import Event
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.records import Order, TimeInForce

LADDER_ACCOUNT = 900_001
TAKING_ACCOUNT = 900_002


class ScriptedMarket:
    """Ten levels a side around `middle_ticks`; the test moves it and takes from it."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        market_id: int = 0,
        middle_ticks: int,
        gap_ticks: int = 10,
        levels: int = 10,
        level_lots: int = 2_000,
    ) -> None:
        self.middle_ticks = middle_ticks
        self._gateway = gateway
        self._exchange = gateway.exchange
        self._market_id = market_id
        self._gap_ticks = gap_ticks
        self._levels = levels
        self._level_lots = level_lots

    def stand(self) -> None:
        """Brings every level back to its size, and takes away what stands elsewhere."""
        now_us = self._gateway.now_us()
        wanted = {
            (is_ask, self.middle_ticks + sign * self._gap_ticks * (depth + 1))
            for depth in range(self._levels)
            for is_ask, sign in ((False, -1), (True, 1))
        }
        events: list[Event] = []
        for order in self._exchange.active_orders(LADDER_ACCOUNT, self._market_id):
            level = (order.is_ask, order.price_ticks)
            if level in wanted and order.remaining_lots == self._level_lots:
                wanted.discard(level)
            else:
                events += self._exchange.cancel_direct(
                    LADDER_ACCOUNT, order.order_index, now_us=now_us
                )
        for is_ask, price_ticks in sorted(wanted):
            events += self._place(LADDER_ACCOUNT, is_ask, self._level_lots, price_ticks)
        self._gateway.publish(events)

    def leave_alone(self, order: Order) -> None:
        """Takes away what stands at the order's price, so that it is the touch by itself."""
        now_us = self._gateway.now_us()
        events: list[Event] = []
        for other in self._exchange.active_orders(LADDER_ACCOUNT, self._market_id):
            if other.price_ticks == order.price_ticks:
                events += self._exchange.cancel_direct(
                    LADDER_ACCOUNT, other.order_index, now_us=now_us
                )
        self._gateway.publish(events)

    def clear(self) -> None:
        """Nobody quotes any more."""
        now_us = self._gateway.now_us()
        events: list[Event] = []
        for order in self._exchange.active_orders(LADDER_ACCOUNT, self._market_id):
            events += self._exchange.cancel_direct(LADDER_ACCOUNT, order.order_index, now_us=now_us)
        self._gateway.publish(events)

    def move(self, ticks: int) -> None:
        self.middle_ticks += ticks
        self.stand()

    def fill(self, order: Order, lots: int) -> None:
        """Trades so much of a resting order, whatever stands before it; the ladder is mended."""
        book = self._exchange.book(self._market_id, order_limit=1_000)
        ahead_lots = 0
        for standing in book.ask_orders if order.is_ask else book.bid_orders:
            if standing.order_index == order.order_index:
                break
            ahead_lots += standing.remaining_lots
        self.take(order, ahead_lots + lots)
        self.stand()

    def take(self, order: Order, lots: int) -> None:
        """Takes so much at the order's price, of whatever stands there first."""
        self._gateway.publish(
            self._place(
                TAKING_ACCOUNT,
                not order.is_ask,
                lots,
                order.price_ticks,
                time_in_force=TimeInForce.IOC,
            )
        )

    def _place(
        self,
        account_index: int,
        is_ask: bool,
        lots: int,
        price_ticks: int,
        *,
        time_in_force: TimeInForce = TimeInForce.GTT,
    ) -> list[Event]:
        return self._exchange.place_direct(
            account_index,
            market_id=self._market_id,
            is_ask=is_ask,
            size_lots=lots,
            price_ticks=price_ticks,
            now_us=self._gateway.now_us(),
            time_in_force=time_in_force,
        )
