"""Orders and book levels as the venue's JSON says them (protocol §3.3, §3.5, Appendix A)."""

from __future__ import annotations

from typing import Any, assert_never

from hedgepair_runner.venues.paper.amounts import fixed, quote
from hedgepair_runner.venues.paper.records import MarketRules, Order, OrderType, TimeInForce

Json = dict[str, Any]


def order(record: Order, rules: MarketRules) -> Json:
    """The `Order` object of the REST lists and of the order channels: they are the same."""
    size, price = rules.size_decimals, rules.price_decimals
    updated_ms = record.updated_us // 1000
    return {
        "order_index": record.order_index,
        "client_order_index": record.client_order_index,
        "order_id": str(record.order_index),
        "client_order_id": str(record.client_order_index),
        "market_index": record.market_id,
        "owner_account_index": record.account_index,
        "initial_base_amount": fixed(record.initial_lots, size),
        "price": fixed(record.price_ticks, price),
        "nonce": record.engine_nonce,
        "remaining_base_amount": fixed(_remaining_lots(record), size),
        "is_ask": record.is_ask,
        "base_size": record.initial_lots,
        "base_price": record.price_ticks,
        "filled_base_amount": fixed(record.filled_lots, size),
        "filled_quote_amount": quote(record.filled_quote_micro),
        "side": "sell" if record.is_ask else "buy",
        "type": order_type(record.order_type),
        "time_in_force": time_in_force(record.time_in_force),
        "reduce_only": record.reduce_only,
        "trigger_price": fixed(record.trigger_price_ticks, price),
        "order_expiry": record.expiry_ms,
        "status": record.status.value,
        "trigger_status": _trigger_status(record),
        "trigger_time": record.triggered_us // 1000,
        **_NEVER_LINKED,
        "order_version": record.order_version,
        "market_symbol": rules.symbol,
        "market_kind": "perps",
        "block_height": record.block_height,
        "timestamp": updated_ms,
        "created_at": record.created_us // 1000,
        "updated_at": updated_ms,
        "transaction_time": record.updated_us,
    }


_NEVER_LINKED: Json = {
    "parent_order_index": 0,
    "parent_order_id": "0",
    "to_trigger_order_id_0": "0",
    "to_trigger_order_id_1": "0",
    "to_cancel_order_id_0": "0",
    "integrator_fee_collector_index": "0",
    "integrator_taker_fee": "0",
    "integrator_maker_fee": "0",
    "order_flags": 0,
}
"""Paper has no order groups or integrators."""


def _trigger_status(record: Order) -> str:
    if not record.order_type.is_trigger:
        return "na"
    return "ready" if record.triggered_us else "mark-price"


def _remaining_lots(record: Order) -> int:
    """Never below zero: a modify may set the total size below what has filled (protocol §7.7)."""
    return max(0, record.remaining_lots)


def resting_order(record: Order, rules: MarketRules) -> Json:
    """The `SimpleOrder` of orderBookOrders: public, with its owner."""
    return {
        "order_index": record.order_index,
        "order_id": str(record.order_index),
        "owner_account_index": record.account_index,
        "initial_base_amount": fixed(record.initial_lots, rules.size_decimals),
        "remaining_base_amount": fixed(record.remaining_lots, rules.size_decimals),
        "price": fixed(record.price_ticks, rules.price_decimals),
        "order_expiry": record.expiry_ms,
        "transaction_time": record.updated_us,
    }


def level(price_ticks: int, size_lots: int, rules: MarketRules) -> Json:
    """A price level; a size of zero says that it is gone (protocol §6.5)."""
    return {
        "price": fixed(price_ticks, rules.price_decimals),
        "size": fixed(size_lots, rules.size_decimals),
    }


def order_type(kind: OrderType) -> str:
    match kind:
        case OrderType.LIMIT:
            return "limit"
        case OrderType.MARKET:
            return "market"
        case OrderType.STOP_LOSS:
            return "stop-loss"
        case OrderType.STOP_LOSS_LIMIT:
            return "stop-loss-limit"
        case OrderType.TAKE_PROFIT:
            return "take-profit"
        case OrderType.TAKE_PROFIT_LIMIT:
            return "take-profit-limit"
        case OrderType.TWAP:
            return "twap"
        case OrderType.TWAP_SUB:
            return "twap-sub"
        case OrderType.LIQUIDATION:
            return "liquidation"
        case _:
            assert_never(kind)


def time_in_force(kind: TimeInForce) -> str:
    match kind:
        case TimeInForce.IOC:
            return "immediate-or-cancel"
        case TimeInForce.GTT:
            return "good-till-time"
        case TimeInForce.POST_ONLY:
            return "post-only"
        case _:
            assert_never(kind)
