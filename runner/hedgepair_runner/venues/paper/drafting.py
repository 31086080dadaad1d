"""From a transaction to the order it speaks of: the one it creates, finds or changes."""

from __future__ import annotations

from dataclasses import replace

from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.positions import reducible_lots
from hedgepair_runner.venues.paper.records import Order, OrderStatus
from hedgepair_runner.venues.paper.refusals import Code
from hedgepair_runner.venues.paper.transaction_shapes import CancelOrder, CreateOrder, ModifyOrder


def created(engine: Engine, tx: CreateOrder, *, order_index: int = 0) -> Order:
    """The order as it enters matching. 0 lots reduce-only: the whole position as it is now."""
    lots = tx.base_lots
    if lots == 0:
        account = engine.accounts.use(tx.account_index, engine.now_us)
        lots = reducible_lots(account.size_lots(tx.market_id), is_ask=tx.is_ask)
    return Order(
        order_index=order_index,
        client_order_index=tx.client_order_index,
        account_index=tx.account_index,
        market_id=tx.market_id,
        is_ask=tx.is_ask,
        order_type=tx.order_type,
        time_in_force=tx.time_in_force,
        reduce_only=tx.reduce_only,
        price_ticks=tx.price_ticks,
        initial_lots=lots,
        trigger_price_ticks=tx.trigger_price_ticks,
        expiry_ms=tx.expiry_ms,
        self_trade_behaviour=tx.attributes.self_trade_behaviour,
        self_trade_equality=tx.attributes.self_trade_equality,
        created_us=engine.now_us,
        updated_us=engine.now_us,
    )


def target(engine: Engine, tx: ModifyOrder | CancelOrder) -> Order | None:
    """The live order of this account in this market, by either index (protocol §5.4)."""
    order = engine.live.find(tx.account_index, tx.index)
    if order is None or order.account_index != tx.account_index:
        return None
    return order if order.market_id == tx.market_id else None


def modified(order: Order, tx: ModifyOrder) -> Order:
    """Both indexes, expiry and flags stay; the size is the new total with what filled (§7.7)."""
    is_waiting = order.status is OrderStatus.PENDING
    return replace(
        order,
        initial_lots=max(tx.base_lots, order.filled_lots),
        price_ticks=tx.price_ticks,
        trigger_price_ticks=tx.trigger_price_ticks if is_waiting else order.trigger_price_ticks,
        status=OrderStatus.PENDING if is_waiting else OrderStatus.IN_PROGRESS,
        order_version=tx.attributes.order_version or order.order_version,
    )


def version_conflict(order: Order, tx: ModifyOrder) -> Code | None:
    """Attribute 8 is a guard against overtaken modifies: it must exceed the order's version, and
    becomes it. 0 asks for none and leaves the version, as the SDK's published example says."""
    version = tx.attributes.order_version
    return Code.INVALID_ORDER_INFO if version and version <= order.order_version else None
