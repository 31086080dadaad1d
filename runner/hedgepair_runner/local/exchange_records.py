"""The records of an exchange in this process as the facts that are judged: no REST in between,
which a fault might bend.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hedgepair_runner.local.observations import LegOrder, LegRecords, LegTrade, PairRecords
from hedgepair_runner.units import Market
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.records import MarketRules, Order, Trade
from hedgepair_runner.venues.paper.views import TradeQuery

_ALL: Final = 1_000_000
_PICO: Final = Decimal("1e-12")
_MILLIONTH: Final = Decimal("1e-6")
_QUOTE_DECIMALS: Final = 6


def market_of(rules: MarketRules) -> Market:
    spare = rules.size_decimals + rules.price_decimals - _QUOTE_DECIMALS
    if spare:
        raise AssertionError("the paper exchange's markets count quote in micro-dollars")
    return Market(
        market_id=rules.market_id,
        symbol=rules.symbol,
        size_decimals=rules.size_decimals,
        price_decimals=rules.price_decimals,
        min_base_lots=rules.min_base_lots,
        min_quote_units=rules.min_quote_micro,
        order_quote_limit_units=rules.order_quote_limit_micro,
        is_active=rules.status == "active",
    )


def pair_records(
    exchange: Exchange, *, market: Market, maker: int, hedger: int, now_us: int
) -> PairRecords:
    return PairRecords(
        market=market,
        at_ms=now_us // 1000,
        maker=leg_records(exchange, maker, market.market_id),
        hedger=leg_records(exchange, hedger, market.market_id),
    )


def leg_records(exchange: Exchange, account_index: int, market_id: int) -> LegRecords:
    query = TradeQuery(
        account_index=account_index, market_id=market_id, descending=False, limit=_ALL
    )
    return LegRecords(
        account_index=account_index,
        position_lots=position_lots(exchange, account_index, market_id),
        orders=tuple(map(_order, exchange.active_orders(account_index, market_id))),
        trades=tuple(_trade(trade, account_index) for trade in exchange.trades(query).trades),
    )


def position_lots(exchange: Exchange, account_index: int, market_id: int) -> int:
    view = exchange.account(account_index)
    held = [] if view is None else [each.position for each in view.positions]
    return sum(each.size_lots for each in held if each.market_id == market_id)


def _trade(trade: Trade, account_index: int) -> LegTrade:
    """The account's side. Of a trade with itself, the ask."""
    is_ask = trade.ask.account_index == account_index
    party = trade.ask if is_ask else trade.bid
    worth = Decimal(trade.quote_micro) * _MILLIONTH
    return LegTrade(
        trade_id=trade.trade_id,
        at_us=trade.executed_us,
        signed_lots=-trade.size_lots if is_ask else trade.size_lots,
        price_ticks=trade.price_ticks,
        order_index=party.order_index,
        is_maker=party is trade.maker,
        pnl_quote=Decimal(party.pnl_pico) * _PICO,
        fee_quote=worth * party.fee_millionths * _MILLIONTH,
    )


def _order(order: Order) -> LegOrder:
    return LegOrder(
        order_index=order.order_index,
        is_ask=order.is_ask,
        price_ticks=order.price_ticks,
        initial_lots=order.initial_lots,
        remaining_lots=order.remaining_lots,
        placed_ms=order.created_us // 1000,
    )
