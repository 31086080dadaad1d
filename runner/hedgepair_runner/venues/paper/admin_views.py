"""What the admin port shows: `GET /api/state`, whose shape is told in `admin`."""

from __future__ import annotations

from heapq import nlargest
from typing import Any

from hedgepair_runner.venues.paper.amounts import fixed, quote, quote_of_pico
from hedgepair_runner.venues.paper.fault_files import write_fault
from hedgepair_runner.venues.paper.faulting import Armed
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.records import MarketRules, Order, Trade
from hedgepair_runner.venues.paper.rendering_orders import level, order_type, time_in_force
from hedgepair_runner.venues.paper.views import AccountView, PositionView, TradeQuery

Json = dict[str, Any]

_LEVELS = 20
_TRADES = 50
_ORDERS = 50
_ACCOUNTS = 200


def state(gateway: Gateway) -> Json:
    exchange, now_us = gateway.exchange, gateway.now_us()
    return {
        "now_ms": now_us // 1_000,
        "height": exchange.height(now_us),
        "chain_id": gateway.chain_id,
        "markets": [_market(gateway, rules) for rules in exchange.markets.values()],
        "books": {str(rules.market_id): _book(gateway, rules) for rules in _markets(gateway)},
        "trades": _trades(gateway),
        "accounts": _accounts(gateway),
        "faults": faults(gateway),
        "limits": limits(gateway),
        "lag": lag(gateway),
        "switches": gateway.switch_positions(),
        "counts": _counts(gateway),
    }


def _markets(gateway: Gateway) -> tuple[MarketRules, ...]:
    return tuple(gateway.exchange.markets.values())


def _market(gateway: Gateway, rules: MarketRules) -> Json:
    statistics = gateway.exchange.statistics(rules.market_id, now_us=gateway.now_us())
    decimals = rules.price_decimals
    return {
        "market_id": rules.market_id,
        "symbol": rules.symbol,
        "status": rules.status,
        "mark_price": fixed(statistics.mark_price_ticks, decimals),
        "index_price": fixed(statistics.index_price_ticks, decimals),
        "last_trade_price": fixed(statistics.last_trade_price_ticks, decimals),
        "min_base": fixed(rules.min_base_lots, rules.size_decimals),
        "min_quote": quote(rules.min_quote_micro),
    }


def market(gateway: Gateway, market_id: int) -> Json:
    return _market(gateway, gateway.exchange.markets[market_id])


def _book(gateway: Gateway, rules: MarketRules) -> Json:
    book = gateway.exchange.book(rules.market_id)
    return {
        "asks": [level(each.price_ticks, each.size_lots, rules) for each in book.asks[:_LEVELS]],
        "bids": [level(each.price_ticks, each.size_lots, rules) for each in book.bids[:_LEVELS]],
    }


def _trades(gateway: Gateway) -> list[Json]:
    """Market by market: all at once would sort the whole history."""
    latest: list[Trade] = []
    for rules in _markets(gateway):
        query = TradeQuery(market_id=rules.market_id, limit=_TRADES)
        latest += gateway.exchange.trades(query).trades
    newest = nlargest(_TRADES, latest, key=lambda trade: trade.trade_id)
    return [_trade(trade, gateway.exchange.markets[trade.market_id]) for trade in newest]


def _trade(trade: Trade, rules: MarketRules) -> Json:
    return {
        "trade_id": trade.trade_id,
        "market_id": trade.market_id,
        "price": fixed(trade.price_ticks, rules.price_decimals),
        "size": fixed(trade.size_lots, rules.size_decimals),
        "maker": trade.maker.account_index,
        "taker": trade.taker.account_index,
        "is_maker_ask": trade.is_maker_ask,
        "at_ms": trade.executed_us // 1_000,
    }


def _accounts(gateway: Gateway) -> list[Json]:
    exchange = gateway.exchange
    shown = sorted(
        (exchange.doors.makes_market(index), index) for index in exchange.doors.accounts_in_use()
    )
    return [account(gateway, index) for _, index in shown[:_ACCOUNTS]]


def account(gateway: Gateway, account_index: int) -> Json:
    exchange = gateway.exchange
    view = exchange.account(account_index)
    if view is None:
        raise AssertionError("only accounts in use are shown")
    orders = exchange.active_orders(account_index)[-_ORDERS:]
    return {
        "account_index": account_index,
        "l1_address": view.l1_address,
        "tier": _tier(gateway, view),
        "is_market": exchange.doors.makes_market(account_index),
        "collateral": quote_of_pico(view.collateral_pico),
        "value": quote_of_pico(view.total_asset_value_pico),
        "cancel_all_time_ms": view.cancel_all_time_ms,
        "open_order_count": view.total_order_count,
        "volume_quota_remaining": view.volume_quota_remaining,
        "positions": [
            _position(each, exchange.markets[each.position.market_id])
            for each in view.positions
            if each.position.size_lots
        ],
        "open_orders": [_order(order, exchange.markets[order.market_id]) for order in orders[::-1]],
    }


def _tier(gateway: Gateway, view: AccountView) -> str:
    owner = gateway.exchange.doors.owner(view.account_index)
    return owner.tier_name if owner is not None else view.tier_name


def _position(view: PositionView, rules: MarketRules) -> Json:
    position = view.position
    entry_ticks = position.entry_quote_micro // abs(position.size_lots)
    return {
        "market_id": position.market_id,
        "size": fixed(position.size_lots, rules.size_decimals),
        "entry_price": fixed(entry_ticks, rules.price_decimals),
        "unrealized_pnl": quote(view.unrealized_pnl_micro),
    }


def _order(order: Order, rules: MarketRules) -> Json:
    return {
        "order_index": str(order.order_index),
        "client_order_index": str(order.client_order_index),
        "market_id": order.market_id,
        "side": "sell" if order.is_ask else "buy",
        "price": fixed(order.price_ticks, rules.price_decimals),
        "size": fixed(order.initial_lots, rules.size_decimals),
        "remaining": fixed(max(0, order.remaining_lots), rules.size_decimals),
        "type": order_type(order.order_type),
        "time_in_force": time_in_force(order.time_in_force),
        "reduce_only": order.reduce_only,
        "created_ms": order.created_us // 1_000,
    }


def faults(gateway: Gateway) -> list[Json]:
    return [fault(armed, gateway.now_us()) for armed in gateway.troubles.book.all()]


def fault(armed: Armed, now_us: int) -> Json:
    return {
        "id": armed.fault_id,
        "kind": armed.rule.kind.value,
        "about": armed.rule.facts.about,
        "state": armed.state(now_us).value,
        "fired": armed.fired,
        "left": armed.left,
        "begins_at_ms": armed.begins_us // 1_000,
        "ends_at_ms": None if armed.ends_us is None else armed.ends_us // 1_000,
        "rule": write_fault(armed.rule),
    }


def limits(gateway: Gateway) -> Json:
    limiter, now_us = gateway.keeper.limiter, gateway.now_us()
    return {
        "enabled": limiter.settings.is_on,
        "headroom": [
            {
                "scope": each.scope.value,
                "name": each.name,
                "used": each.used,
                "limit": each.limit,
                "left": each.left,
            }
            for each in limiter.headroom(now_us)
        ],
        "blocked": [
            {"ip": ip, "until_ms": until_us // 1_000}
            for ip, until_us in limiter.blocked(now_us).items()
        ],
    }


def lag(gateway: Gateway) -> Json:
    return {
        endpoint: {"low_ms": each.low_ms, "high_ms": each.high_ms}
        for endpoint, each in gateway.lags.all().items()
    }


def _counts(gateway: Gateway) -> Json:
    requests = {name: count for name, count in gateway.counts.items() if name != "transactions"}
    return {
        "sessions": len(gateway.sessions),
        "requests": requests,
        "refused": {str(code): count for code, count in gateway.refusals.items()},
        "transactions": gateway.counts["transactions"],
        "faults_fired": gateway.troubles.book.fired,
    }
