"""Liquidation, step by step (protocol §7.13).

Below maintenance margin a fifth of a position is offered as IOC at its zero price. Below close-out
margin the insurance fund takes the positions over at their zero prices; what the fund cannot bear
is closed against the best-ranked accounts of the other side. An isolated position is liquidated
for itself, all cross positions with their account.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hedgepair_runner.venues.paper.account_views import account_view
from hedgepair_runner.venues.paper.accounts import INSURANCE_FUND, Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.events import Notified
from hedgepair_runner.venues.paper.isolating import Holding, Terms, traded
from hedgepair_runner.venues.paper.liquidating import (
    deleverage_rank,
    slice_lots,
    zero_price_ticks,
)
from hedgepair_runner.venues.paper.margining import Health, Standing, isolated_health
from hedgepair_runner.venues.paper.matching import Match
from hedgepair_runner.venues.paper.records import (
    Order,
    OrderStatus,
    OrderType,
    Position,
    TimeInForce,
    Trade,
)
from hedgepair_runner.venues.paper.trading import bears, hand_over
from hedgepair_runner.venues.paper.views import AccountView


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """One forced trade of an account, with the account around it."""

    trade: Trade
    before: AccountView
    after: AccountView


@dataclass(frozen=True, slots=True, order=True)
class _Scope:
    """What is liquidated as one: an account's cross positions (−1), or its isolated position."""

    account_index: int
    market_id: int = -1

    def holds(self, position: Position) -> bool:
        if self.market_id == -1:
            return position.size_lots != 0 and not position.is_isolated
        return position.market_id == self.market_id and position.size_lots != 0


class Liquidator:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._every_us = engine.settings.liquidation_every_us
        self._due: dict[_Scope, int] = {}
        self._history: dict[int, deque[Liquidation]] = {}

    def liquidations(self, account_index: int) -> Iterator[Liquidation]:
        """Newest first."""
        return reversed(self._history.get(account_index, deque()))

    # -- time --

    def inspect(self, account_indexes: Iterable[int]) -> None:
        """Notes which of these accounts have to be liquidated."""
        if self._every_us is None:
            return
        for account_index in account_indexes:
            account = self._engine.accounts.known(account_index)
            if account is None or account.is_exempt or account_index == INSURANCE_FUND:
                continue
            isolated = [each for each in account.positions.values() if each.is_isolated]
            for scope in (_Scope(account_index), *self._scopes(account_index, isolated)):
                if scope not in self._due and self._state(scope).standing.is_liquidation:
                    self._due[scope] = self._engine.now_us + self._every_us

    def next_due_us(self) -> int | None:
        return min(self._due.values(), default=None)

    def step(self) -> None:
        """One step for whoever has waited longest."""
        due_us, scope = min((due_us, scope) for scope, due_us in self._due.items())
        if due_us > self._engine.now_us:
            raise AssertionError("a step is taken when it is due")
        del self._due[scope]
        standing = self._state(scope).standing
        if standing.is_liquidation:
            self._cancel_orders(scope)
            if standing is Standing.PARTIAL_LIQUIDATION:
                self._offer(scope)
            else:
                self._close_out(scope)
            self.inspect([scope.account_index])

    def _scopes(self, account_index: int, isolated: list[Position]) -> list[_Scope]:
        return [_Scope(account_index, each.market_id) for each in isolated if each.size_lots]

    def _account(self, scope: _Scope) -> Account:
        return self._engine.accounts.use(scope.account_index, self._engine.now_us)

    def _state(self, scope: _Scope) -> Health:
        engine, account = self._engine, self._account(scope)
        if scope.market_id == -1:
            return engine.health_of(account)
        position = account.position(scope.market_id)
        return isolated_health(position, engine.markets, engine.mark_of)

    def _cancel_orders(self, scope: _Scope) -> None:
        for order in list(self._engine.live.of_account(scope.account_index)):
            if scope.market_id in (-1, order.market_id):
                self._engine.close_resting(order, OrderStatus.CANCELED_LIQUIDATION)

    def _positions(self, scope: _Scope) -> list[Position]:
        """Of markets that trade, the greatest maintenance margin first."""
        engine = self._engine

        def weight(position: Position) -> tuple[int, int]:
            rules = engine.markets[position.market_id]
            value_micro = abs(position.size_lots) * engine.mark_of(position.market_id)
            return -value_micro * rules.maintenance_margin_fraction, position.market_id

        held = [
            position
            for position in self._account(scope).positions.values()
            if scope.holds(position) and engine.markets[position.market_id].status == "active"
        ]
        return sorted(held, key=weight)

    # -- partial: through the book --

    def _offer(self, scope: _Scope) -> None:
        """The first position that somebody would take at its zero price."""
        engine, state = self._engine, self._state(scope)
        for position in self._positions(scope):
            order = self._order(position, scope.account_index, state)
            book = engine.books[position.market_id]
            if not book.crosses(order.is_ask, order.price_ticks):
                continue
            before = account_view(engine, self._account(scope))
            match = Match(engine, order)
            match.run()
            if match.last_trade is not None:
                self._record(match.last_trade, before)
            return

    def _order(self, position: Position, account_index: int, state: Health) -> Order:
        engine, market_id = self._engine, position.market_id
        rules, is_ask = engine.markets[market_id], position.size_lots > 0
        partial = state.standing is Standing.PARTIAL_LIQUIDATION
        return Order(
            order_index=engine.books[market_id].new_order_index(is_ask) if partial else 0,
            client_order_index=0,
            account_index=account_index,
            market_id=market_id,
            is_ask=is_ask,
            order_type=OrderType.LIQUIDATION,
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
            price_ticks=zero_price_ticks(position, rules, engine.mark_of(market_id), state),
            initial_lots=slice_lots(position, rules) if partial else abs(position.size_lots),
            created_us=engine.now_us,
            updated_us=engine.now_us,
        )

    # -- full: past the book --

    def _close_out(self, scope: _Scope) -> None:
        """All at the zero prices of this moment: together they leave the account with nothing."""
        state = self._state(scope)
        orders = [
            self._order(position, scope.account_index, state) for position in self._positions(scope)
        ]
        for order in orders:
            if self._fund_bears(order):
                self._hand_over(order, self._engine.accounts.insurance_fund(self._engine.now_us))
            else:
                self._deleverage(order)

    def _fund_bears(self, order: Order) -> bool:
        engine = self._engine
        fund = engine.accounts.insurance_fund(engine.now_us)
        position = fund.position(order.market_id)
        rules = engine.markets[order.market_id]
        terms = Terms(
            delta_lots=order.initial_lots if order.is_ask else -order.initial_lots,
            price_ticks=order.price_ticks,
            mark_ticks=engine.mark_of(order.market_id),
            initial_fraction=rules.default_initial_margin_fraction,
            fee_pico=0,
        )
        before = Holding(collateral_pico=fund.collateral_pico, position=position)
        return bears(engine, fund, traded(before, terms))

    def _deleverage(self, order: Order) -> None:
        left_lots = order.initial_lots
        for account in self._ranked(order):
            held_lots = abs(account.size_lots(order.market_id))
            lots = min(left_lots, held_lots)
            trade = self._hand_over(replace(order, initial_lots=lots), account)
            if account.account_index != INSURANCE_FUND:
                self._engine.emit(
                    Notified(account_index=account.account_index, trade=trade, is_deleverage=True)
                )
            left_lots -= lots
            if left_lots == 0:
                return
        raise AssertionError("every position has its other side")

    def _ranked(self, order: Order) -> list[Account]:
        """Accounts of the other side, whose profit is closed first."""
        engine, market_id = self._engine, order.market_id
        mark_ticks = engine.mark_of(market_id)
        accounts = [
            engine.accounts.use(index, engine.now_us) for index in engine.holders[market_id]
        ]
        opposite = [
            account for account in accounts if (account.size_lots(market_id) < 0) == order.is_ask
        ]

        def rank(account: Account) -> tuple[int, int]:
            position = account.positions[market_id]
            own = isolated_health(position, engine.markets, engine.mark_of)
            state = own if position.is_isolated else engine.health_of(account)
            score = deleverage_rank(position, mark_ticks, state.total_value_pico)
            return -int(score * 10**18), account.account_index

        return sorted(opposite, key=rank)

    def _hand_over(self, order: Order, to: Account) -> Trade:
        before = account_view(
            self._engine, self._engine.accounts.use(order.account_index, self._engine.now_us)
        )
        trade = hand_over(self._engine, order, to)
        self._record(trade, before)
        return trade

    def _record(self, trade: Trade, before: AccountView) -> None:
        engine, account_index = self._engine, before.account_index
        after = account_view(engine, engine.accounts.use(account_index, engine.now_us))
        history = self._history.get(account_index)
        if history is None:
            history = deque(maxlen=engine.settings.fundings_kept)
            self._history[account_index] = history
        history.append(Liquidation(trade=trade, before=before, after=after))
        engine.emit(Notified(account_index=account_index, trade=trade, is_deleverage=False))
