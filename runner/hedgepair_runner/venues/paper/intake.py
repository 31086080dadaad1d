"""What the API answers to a well-formed, well-signed transaction (protocol §9.4).

The nonce first, then the rules of the type. Nothing changes here: a refusal leaves no trace.
"""

from __future__ import annotations

from typing import assert_never

from hedgepair_runner.venues.paper import drafting, margin_modes, order_rules
from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.margining import Standing
from hedgepair_runner.venues.paper.queueing import DelayQueue, nonce_is_next
from hedgepair_runner.venues.paper.records import (
    NIL_MARKET,
    Order,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from hedgepair_runner.venues.paper.refusals import Code
from hedgepair_runner.venues.paper.settings import DeadCancel
from hedgepair_runner.venues.paper.transaction_shapes import (
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    ModifyOrder,
    Transaction,
    UpdateLeverage,
    UpdateMargin,
)

MIN_SCHEDULE_MS = 5 * 60_000
MAX_SCHEDULE_MS = 15 * 86_400_000


class Intake:
    """Reads engine and queue, never writes."""

    def __init__(self, engine: Engine, queue: DelayQueue) -> None:
        self._engine = engine
        self._queue = queue

    def objection(
        self, tx: Transaction, account: Account, *, now_us: int, price_protection: bool
    ) -> Code | None:
        """Why the transaction is not accepted now; None: it is."""
        return (
            self._nonce(tx)
            or self._standing(tx, account, now_us)
            or self._type_rules(tx, account, now_us, price_protection)
        )

    def delay_us(self, tx: Transaction, account: Account) -> int:
        """The taker's delay for what may take, the maker's for all else (protocol §7.12, §12)."""
        tier = account.tier
        return tier.taker_delay_us if self._may_take(tx) else tier.maker_delay_us

    # -- all types --

    def _nonce(self, tx: Transaction) -> Code | None:
        if tx.attributes.skip_nonce and self._engine.settings.refuse_skip_nonce:
            return Code.INVALID_NONCE
        if self._engine.settings.skipped_nonces_live and self._queue.was_skipped(tx):
            return None
        next_nonce = self._queue.next_nonce(tx.account_index, tx.api_key_index)
        return None if nonce_is_next(tx, next_nonce) else Code.INVALID_NONCE

    def _standing(self, tx: Transaction, account: Account, now_us: int) -> Code | None:
        if account.switch_is_due(now_us):
            return Code.DEAD_MANS_SWITCH_DUE
        waiting = self._queue.waiting_count(tx.account_index, tx.api_key_index)
        if waiting >= self._engine.settings.max_pending_per_key:
            return Code.TOO_MANY_PENDING_TXS
        if not isinstance(tx, CancelAllOrders) and tx.market_id not in self._engine.markets:
            return Code.INVALID_MARKET
        if standing_for(self._engine, account, tx).is_liquidation:
            return Code.IN_LIQUIDATION
        if tx.api_key_index in account.maker_only_keys and not self._only_makes(tx):
            return Code.NOT_ALLOWED
        if account.tier.has_volume_quota and uses_quota(tx):
            return None if account.quota.allows(now_us) else Code.TOO_MANY_REQUESTS
        return None

    def _only_makes(self, tx: Transaction) -> bool:
        """What a maker-only key may send: post-only creates, modifies of them, cancels."""
        if isinstance(tx, CreateOrder):
            return tx.time_in_force is TimeInForce.POST_ONLY and not tx.order_type.is_trigger
        if isinstance(tx, ModifyOrder):
            order = drafting.target(self._engine, tx)
            return order is None or order.time_in_force is TimeInForce.POST_ONLY
        return isinstance(tx, CancelOrder)

    def _type_rules(
        self, tx: Transaction, account: Account, now_us: int, price_protection: bool
    ) -> Code | None:
        match tx:
            case CreateOrder():
                return self._create(tx, account, now_us, price_protection)
            case ModifyOrder():
                return self._modify(tx, account, price_protection)
            case CancelOrder():
                return self._target(tx)
            case CancelAllOrders():
                return self._cancel_all(tx, account, now_us)
            case UpdateLeverage():
                return margin_modes.mode_conflict(self._engine, account, tx)
            case UpdateMargin():
                return margin_modes.margin_conflict(self._engine, account, tx)
            case _:
                assert_never(tx)

    # -- create --

    def _create(
        self, tx: CreateOrder, account: Account, now_us: int, price_protection: bool
    ) -> Code | None:
        rules = self._engine.markets[tx.market_id]
        if rules.status != "active":
            return Code.INVALID_MARKET_STATUS
        return (
            order_rules.kind(tx)
            or order_rules.sizes(
                rules,
                self._engine.settings,
                base_lots=tx.base_lots,
                price_ticks=tx.price_ticks,
                rests=tx.time_in_force is not TimeInForce.IOC,
                whole_position=tx.base_lots == 0 and tx.reduce_only,
            )
            or order_rules.expiry(tx, now_us)
            or self._limit_price(tx, price_protection)
            or order_rules.trigger(
                self._engine,
                tx.order_type,
                price_ticks=tx.price_ticks,
                trigger_price_ticks=tx.trigger_price_ticks,
            )
            or self._client_index(tx)
            or self._counts(tx)
            or self._reduce_only(tx, account)
            or self._margin(account, drafting.created(self._engine, tx))
        )

    def _margin(self, account: Account, order: Order) -> Code | None:
        """What waits for its trigger is asked for margin when it goes."""
        if order.order_type.is_trigger and not order.triggered_us:
            return None
        refused = order_rules.margin(self._engine, account, order)
        if refused is None:
            return None
        standing = self._engine.standing(account, order.market_id)
        return Code.PRE_LIQUIDATION if standing is Standing.PRE_LIQUIDATION else refused

    def _limit_price(self, tx: CreateOrder, price_protection: bool) -> Code | None:
        if tx.order_type is not OrderType.LIMIT:
            return None
        return self._price(tx.market_id, tx.is_ask, tx.price_ticks, price_protection)

    def _price(
        self, market_id: int, is_ask: bool, price_ticks: int, price_protection: bool
    ) -> Code | None:
        engine = self._engine
        accidental = order_rules.accidental_price(
            engine, market_id=market_id, is_ask=is_ask, price_ticks=price_ticks
        )
        if accidental is not None and price_protection:
            return accidental
        return order_rules.price_band(
            engine, market_id=market_id, is_ask=is_ask, price_ticks=price_ticks
        )

    def _client_index(self, tx: CreateOrder) -> Code | None:
        """Unique among the account's live and queued orders, over all markets (protocol §1.2)."""
        index = tx.client_order_index
        if not index:
            return None
        if index >= 1 << 48:
            return Code.INVALID_CLIENT_ORDER_INDEX
        if self._engine.live.has_client_index(tx.account_index, index) or (
            self._queue.has_client_index(tx.account_index, index)
        ):
            return Code.CLIENT_ORDER_INDEX_EXISTS
        if self._engine.settings.client_index_once and self._was_used(tx.account_index, index):
            return Code.CLIENT_ORDER_INDEX_EXISTS
        return None

    def _was_used(self, account_index: int, client_order_index: int) -> bool:
        closed = self._engine.history.closed_orders(account_index, self._engine.now_us)
        return any(order.client_order_index == client_order_index for order in closed)

    def _counts(self, tx: CreateOrder) -> Code | None:
        live, queue, settings = self._engine.live, self._queue, self._engine.settings
        account_index, market_id = tx.account_index, tx.market_id
        if tx.order_type.is_trigger:
            orders = live.pending_count(account_index) + queue.pending_creates(account_index)
            if orders >= settings.max_pending_orders_per_account:
                return Code.TOO_MANY_PENDING_ORDERS
            orders = live.pending_count(account_index, market_id)
            orders += queue.pending_creates(account_index, market_id)
            is_full = orders >= settings.max_pending_orders_per_market
            return Code.TOO_MANY_PENDING_ORDERS_IN_MARKET if is_full else None
        if tx.time_in_force is TimeInForce.IOC:
            return None
        orders = live.count(account_index) + queue.resting_creates(account_index)
        if orders >= settings.max_orders_per_account:
            return Code.TOO_MANY_ORDERS
        orders = live.count(account_index, market_id)
        orders += queue.resting_creates(account_index, market_id)
        return Code.TOO_MANY_ORDERS_IN_MARKET if orders >= settings.max_orders_per_market else None

    def _reduce_only(self, tx: CreateOrder, account: Account) -> Code | None:
        if not tx.reduce_only:
            return None
        return order_rules.reduce_only(account, market_id=tx.market_id, is_ask=tx.is_ask)

    # -- modify and cancel --

    def _modify(self, tx: ModifyOrder, account: Account, price_protection: bool) -> Code | None:
        engine = self._engine
        rules = engine.markets[tx.market_id]
        if rules.status != "active":
            return Code.INVALID_MARKET_STATUS
        refused = self._target(tx) or order_rules.sizes(
            rules,
            engine.settings,
            base_lots=tx.base_lots,
            price_ticks=tx.price_ticks,
            rests=True,
        )
        order = drafting.target(self._engine, tx)
        if refused or order is None:
            return refused
        return (
            self._modified_price(order, tx, price_protection)
            or drafting.version_conflict(order, tx)
            or self._margin(account, drafting.modified(order, tx))
        )

    def _modified_price(self, order: Order, tx: ModifyOrder, price_protection: bool) -> Code | None:
        """An order that waits is held to its trigger price, any other to the market's."""
        if order.status is OrderStatus.PENDING:
            return order_rules.trigger(
                self._engine,
                order.order_type,
                price_ticks=tx.price_ticks,
                trigger_price_ticks=tx.trigger_price_ticks,
            )
        if tx.trigger_price_ticks and not order.order_type.is_trigger:
            return Code.INVALID_TRIGGER_PRICE
        return self._price(order.market_id, order.is_ask, tx.price_ticks, price_protection)

    def _target(self, tx: ModifyOrder | CancelOrder) -> Code | None:
        """The order must be live and one's own, or its create on its way (protocol §7.7, §12)."""
        if tx.index == 0:
            return Code.INVALID_ORDER_INDEX
        order = self._engine.live.find(tx.account_index, tx.index)
        if order is not None and order.account_index != tx.account_index:
            return Code.NOT_OWNER_OF_ORDER
        if order is not None and order.market_id == tx.market_id:
            return None
        if self._queue.has_client_index(tx.account_index, tx.index):
            return None
        if self._engine.settings.dead_cancel is DeadCancel.NO_EFFECT:
            return None
        return Code.ORDER_NOT_ACTIVE

    # -- account-wide --

    def _cancel_all(self, tx: CancelAllOrders, account: Account, now_us: int) -> Code | None:
        market_id = tx.attributes.cancel_all_market
        if market_id != NIL_MARKET:
            if market_id not in self._engine.markets:
                return Code.INVALID_MARKET
            if tx.time_in_force is not CancelAllTimeInForce.IMMEDIATE:
                return Code.INVALID_CANCEL_ALL_TIME_IN_FORCE
        if tx.time_in_force is not CancelAllTimeInForce.SCHEDULED:
            return Code.INVALID_CANCEL_ALL_TIME if tx.time_ms else None
        ahead_ms = tx.time_ms - now_us // 1_000
        if not MIN_SCHEDULE_MS <= ahead_ms <= MAX_SCHEDULE_MS:
            return Code.INVALID_CANCEL_ALL_TIME
        return order_rules.schedule_conflict(self._engine, account)

    # -- the delay --

    def _may_take(self, tx: Transaction) -> bool:
        if isinstance(tx, CreateOrder):
            if tx.market_id not in self._engine.books or tx.time_in_force is TimeInForce.POST_ONLY:
                return False
            if tx.order_type.is_trigger:
                return False
            if tx.time_in_force is TimeInForce.IOC:
                return True
            return self._engine.books[tx.market_id].crosses(tx.is_ask, tx.price_ticks)
        if isinstance(tx, ModifyOrder):
            order = drafting.target(self._engine, tx)
            if order is None or order.time_in_force is TimeInForce.POST_ONLY:
                return False
            if order.status is OrderStatus.PENDING:
                return False
            return self._engine.books[order.market_id].crosses(order.is_ask, tx.price_ticks)
        return False


def uses_quota(tx: Transaction) -> bool:
    """Creates, modifies and cancel-alls cost volume quota; the rest is free (protocol §8)."""
    return isinstance(tx, CreateOrder | ModifyOrder | CancelAllOrders)


def standing_for(engine: Engine, account: Account, tx: Transaction) -> Standing:
    market_id = None if isinstance(tx, CancelAllOrders) else tx.market_id
    return engine.standing(account, market_id)
