"""An incoming order meets the opposite side of its book (protocol §7.3, step by step).

One trade per step, at the maker's price. The order ends filled, cancelled or resting.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.positions import reducible_lots
from hedgepair_runner.venues.paper.records import Order, OrderStatus, TimeInForce, Trade
from hedgepair_runner.venues.paper.trading import may_trade, settle


class SelfTrade(IntEnum):
    """What happens when an order meets one of its own (protocol §7.8)."""

    EXPIRE_MAKER = 0
    EXPIRE_TAKER = 1
    EXPIRE_BOTH = 2
    REDUCE = 3


class Match:
    """One incoming order on its way through the book."""

    __slots__ = ("_account", "_budget_micro", "_engine", "_most_lots", "last_trade", "taker")

    def __init__(self, engine: Engine, taker: Order, *, most_lots: int | None = None) -> None:
        """`most_lots`: the book has no more for it, by a fault."""
        self.taker = taker
        self.last_trade: Trade | None = None
        self._engine = engine
        self._account = engine.accounts.use(taker.account_index, engine.now_us)
        self._budget_micro = 0
        self._most_lots = most_lots

    def run(self) -> Order:
        """The order as it ends: terminal, or open in the book."""
        while not self.taker.status.is_terminal:
            if self._reducible_lots() == 0:
                self._end(OrderStatus.CANCELED_REDUCE_ONLY)
                continue
            maker = self._best_maker()
            if maker is None:
                return self._rest_or_end()
            self._meet(maker)
        return self.taker

    def _best_maker(self) -> Order | None:
        """The best opposite order, if the taker's price reaches it."""
        side = self._engine.books[self.taker.market_id].side(not self.taker.is_ask)
        order_index = side.best_order_index()
        if order_index is None or self.taker.filled_lots == self._most_lots:
            return None
        maker = self._engine.live.get(order_index)
        if maker is None:
            raise AssertionError("what rests in a book is live")
        if not self.taker.order_type.is_market and _better_ticks(self.taker, maker) < 0:
            return None
        return maker

    def _rest_or_end(self) -> Order:
        if self.taker.time_in_force is TimeInForce.IOC:
            self._end(OrderStatus.CANCELED_NOT_ENOUGH_LIQUIDITY)
        else:
            self.taker = self._engine.enter_book(self.taker)
        return self.taker

    def _meet(self, maker: Order) -> None:
        engine = self._engine
        account = engine.accounts.use(maker.account_index, engine.now_us)
        if self._is_own(account):
            self._meet_own(maker)
        elif 0 < maker.expiry_ms * 1_000 <= engine.now_us:
            engine.close_resting(maker, OrderStatus.CANCELED_EXPIRED)
        elif account.switch_is_due(engine.now_us):
            engine.close_resting(maker, OrderStatus.CANCELED)
        elif self.taker.time_in_force is TimeInForce.POST_ONLY:
            self._end(OrderStatus.CANCELED_POST_ONLY)
        elif _reducible_lots(maker, account) == 0:
            engine.close_resting(maker, OrderStatus.CANCELED_REDUCE_ONLY)
        else:
            self._trade(maker, account)

    # -- a trade --

    def _trade(self, maker: Order, maker_account: Account) -> None:
        lots = min(self._reducible_lots(), _reducible_lots(maker, maker_account))
        lots = min(lots, self._affordable_lots(maker))
        if self._most_lots is not None:
            lots = min(lots, self._most_lots - self.taker.filled_lots)
        if lots == 0:
            self._end(OrderStatus.CANCELED_TOO_MUCH_SLIPPAGE)
            return
        price = maker.price_ticks
        if not may_trade(self._engine, self._account, self.taker, lots, price, is_maker=False):
            self._end(OrderStatus.CANCELED_MARGIN_NOT_ALLOWED)
            return
        if not may_trade(self._engine, maker_account, maker, lots, price, is_maker=True):
            self._engine.close_resting(maker, OrderStatus.CANCELED_MARGIN_NOT_ALLOWED)
            return
        if self.taker.order_type.is_market:
            self._budget_micro += _better_ticks(self.taker, maker) * lots
        self.taker, self.last_trade, maker = settle(self._engine, maker, self.taker, lots)
        if not maker.status.is_terminal and _reducible_lots(maker, maker_account) == 0:
            self._engine.close_resting(maker, OrderStatus.CANCELED_REDUCE_ONLY)

    def _affordable_lots(self, maker: Order) -> int:
        """What the slippage budget of a market order covers at this price (protocol §7.5)."""
        better_ticks = _better_ticks(self.taker, maker)
        if not self.taker.order_type.is_market or better_ticks >= 0:
            return self.taker.remaining_lots
        return self._budget_micro // -better_ticks

    def _reducible_lots(self) -> int:
        return _reducible_lots(self.taker, self._account)

    def _end(self, status: OrderStatus) -> None:
        self.taker = self._engine.close_incoming(self.taker, status)

    # -- one's own order --

    def _is_own(self, account: Account) -> bool:
        """Equality 0: the same account; 1: the same master account."""
        if account is self._account:
            return True
        if self._engine.settings.self_trade_by_account:
            return False
        return bool(self.taker.self_trade_equality) and (
            account.owner_index == self._account.owner_index
        )

    def _meet_own(self, maker: Order) -> None:
        behaviour = SelfTrade(self.taker.self_trade_behaviour)
        if self.taker.time_in_force is TimeInForce.POST_ONLY:
            self._end(OrderStatus.CANCELED_POST_ONLY)
            return
        if behaviour is SelfTrade.REDUCE:
            self._reduce_both(maker)
            return
        if behaviour is not SelfTrade.EXPIRE_TAKER:
            self._engine.close_resting(maker, OrderStatus.CANCELED_SELF_TRADE)
        if behaviour is not SelfTrade.EXPIRE_MAKER:
            self._end(OrderStatus.CANCELED_SELF_TRADE)

    def _reduce_both(self, maker: Order) -> None:
        """Both lose the overlap without a trade; the one with nothing left ends."""
        overlap = min(self.taker.remaining_lots, maker.remaining_lots)
        if overlap == maker.remaining_lots:
            self._engine.close_resting(maker, OrderStatus.CANCELED_SELF_TRADE)
        else:
            self._engine.shorten_resting(maker, overlap)
        if overlap == self.taker.remaining_lots:
            self._end(OrderStatus.CANCELED_SELF_TRADE)
        else:
            self.taker = replace(self.taker, initial_lots=self.taker.initial_lots - overlap)


def _better_ticks(taker: Order, maker: Order) -> int:
    """How much better than the taker's limit the maker's price is; negative: worse."""
    if taker.is_ask:
        return maker.price_ticks - taker.price_ticks
    return taker.price_ticks - maker.price_ticks


def _reducible_lots(order: Order, account: Account) -> int:
    """What is left of the order, capped at the position if it is reduce-only."""
    if not order.reduce_only:
        return order.remaining_lots
    held = reducible_lots(account.size_lots(order.market_id), is_ask=order.is_ask)
    return min(order.remaining_lots, held)
