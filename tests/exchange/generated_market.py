"""One generated market under a hand-wound clock, for the tests of this folder."""

from __future__ import annotations

from hedgepair_runner.venues.paper.assembly import ExchangeOptions, assemble
from hedgepair_runner.venues.paper.events import OrderChanged
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.generating import PROFILES, Profile
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.recordings import Recording
from hedgepair_runner.venues.paper.records import MarketRules, Order, TimeInForce, Trade
from hedgepair_runner.venues.paper.views import TradeQuery
from tests.exchange.booth import HandClock

CLIENT = 1
_NOBODY = Profile(name="nobody", quotes_per_s=10, takes_per_s=1)


class Market:
    """One generated market that a test lets run."""

    def __init__(
        self,
        rules: MarketRules = ETH,
        *,
        profile: str = "demo",
        seed: str = "7",
        tape: Recording | None = None,
    ) -> None:
        self.clock = HandClock()
        self.rules = rules
        options = ExchangeOptions(
            seed=seed,
            markets=(rules,),
            gateway=GatewaySettings(checking=Checking.OFF),
            profile=_NOBODY if profile == "none" else PROFILES[profile],
            tapes={rules.market_id: tape} if tape else {},
        )
        self.gateway: Gateway = assemble(options, clock=self.clock)
        self.exchange = self.gateway.exchange
        self.fewest_levels = 999

    def run_until(self, end_us: int) -> None:
        while (due_us := self.gateway.next_due_us()) is not None and due_us <= end_us:
            self.clock.us = max(due_us, self.clock.us)
            self.gateway.advance()
            book = self.exchange.book(self.rules.market_id)
            self.fewest_levels = min(self.fewest_levels, len(book.asks), len(book.bids))
        self.clock.us = end_us

    def run_s(self, seconds: int) -> None:
        self.run_until(self.clock.us + seconds * 1_000_000)

    def rest(self, *, depth: int, lots: int) -> int:
        """A client's bid at this depth of the book; its order index."""
        price_ticks = self.exchange.book(self.rules.market_id).bids[depth - 1].price_ticks
        events = self.exchange.place_direct(
            CLIENT,
            market_id=self.rules.market_id,
            is_ask=False,
            size_lots=lots,
            price_ticks=price_ticks,
            now_us=self.clock.us,
        )
        orders = [event.order for event in events if isinstance(event, OrderChanged)]
        return next(order.order_index for order in orders if order.account_index == CLIENT)

    def post_only(self, *, is_ask: bool, price_ticks: int) -> int:
        """A client's post-only order of 0.01; its order index."""
        events = self.exchange.place_direct(
            CLIENT,
            market_id=self.rules.market_id,
            is_ask=is_ask,
            size_lots=100,
            price_ticks=price_ticks,
            now_us=self.clock.us,
            time_in_force=TimeInForce.POST_ONLY,
        )
        orders = [event.order for event in events if isinstance(event, OrderChanged)]
        return next(order.order_index for order in orders if order.account_index == CLIENT)

    def closed(self, order_index: int) -> Order:
        page = self.exchange.inactive_orders(CLIENT, limit=1_000)
        return next(order for order in page.orders if order.order_index == order_index)

    def live(self, order_index: int) -> Order | None:
        orders = self.exchange.active_orders(CLIENT, self.rules.market_id)
        return next((order for order in orders if order.order_index == order_index), None)

    def seconds_to_fill(self, *, depth: int, lots: int, at_most_s: int) -> float:
        index, start_us = self.rest(depth=depth, lots=lots), self.clock.us
        while self.live(index) is not None:
            assert self.clock.us < start_us + at_most_s * 1_000_000, "the order was never filled"
            self.run_until(self.clock.us + 50_000)
        return (self.clock.us - start_us) / 1e6

    def trades(self) -> list[Trade]:
        query = TradeQuery(market_id=self.rules.market_id, limit=100_000)
        return list(self.exchange.trades(query).trades)
