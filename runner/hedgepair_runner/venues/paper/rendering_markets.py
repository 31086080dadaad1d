"""Markets and their statistics as the venue's JSON says them (protocol §3.2, §6.5, Appendix A)."""

from __future__ import annotations

from typing import Any

from hedgepair_runner.venues.paper.amounts import QUOTE_DECIMALS, fixed, number, quote
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.rendering_funding import percent
from hedgepair_runner.venues.paper.views import BookView, LevelView, MarketStatistics, Touch

Json = dict[str, Any]

_HOUR_MS = 3_600_000


def order_book(rules: MarketRules, statistics: MarketStatistics) -> Json:
    """The `OrderBook` of orderBooks."""
    open_interest = fixed(statistics.open_interest_lots, rules.size_decimals)
    return _market(rules) | {"open_interest": open_interest}


def order_book_details(rules: MarketRules, statistics: MarketStatistics) -> Json:
    """The `PerpsOrderBookDetail` of orderBookDetails: rules, margins and the last 24 hours."""
    price = rules.price_decimals
    return _market(rules) | {
        "size_decimals": rules.size_decimals,
        "price_decimals": price,
        "quote_multiplier": 1,
        "default_initial_margin_fraction": rules.default_initial_margin_fraction,
        "min_initial_margin_fraction": rules.min_initial_margin_fraction,
        "maintenance_margin_fraction": rules.maintenance_margin_fraction,
        "closeout_margin_fraction": rules.closeout_margin_fraction,
        **daily(rules, statistics),
        "open_interest": number(statistics.open_interest_lots, rules.size_decimals),
        "daily_chart": {},
        "market_config": _MARKET_CONFIG,
        "strategy_index": 0,
        **_funding_rules(rules),
        "mark_price": fixed(statistics.mark_price_ticks, price),
        "index_price": fixed(statistics.index_price_ticks, price),
        "market_flags": 0,
        "funding_premium_multiplier": 0,
    }


def daily(rules: MarketRules, statistics: MarketStatistics) -> Json:
    """Last price and 24 hours as JSON numbers (protocol §1.3)."""
    price = rules.price_decimals
    return {
        "last_trade_price": number(statistics.last_trade_price_ticks, price),
        "daily_trades_count": statistics.daily_trades_count,
        "daily_base_token_volume": number(statistics.daily_volume_lots, rules.size_decimals),
        "daily_quote_token_volume": number(statistics.daily_volume_micro, QUOTE_DECIMALS),
        "daily_price_low": number(statistics.daily_low_ticks, price),
        "daily_price_high": number(statistics.daily_high_ticks, price),
        "daily_price_change": daily_change_percent(statistics),
    }


def daily_change_percent(statistics: MarketStatistics) -> float | int:
    opened = statistics.daily_open_ticks
    if not opened:
        return 0
    return (statistics.last_trade_price_ticks - opened) * 100 / opened


def exchange_stats(rules: MarketRules, statistics: MarketStatistics) -> Json:
    """The `OrderBookStats` of exchangeStats."""
    figures = daily(rules, statistics)
    del figures["daily_price_low"], figures["daily_price_high"]
    return {"symbol": rules.symbol, **figures}


def market_stats(
    rules: MarketRules, statistics: MarketStatistics, touch: Touch, *, now_ms: int
) -> Json:
    """The `market_stats` of the channel; its open interest is in USDC (protocol §6.5)."""
    price = rules.price_decimals
    figures = daily(rules, statistics)
    del figures["daily_trades_count"]
    open_interest_micro = statistics.open_interest_lots * statistics.mark_price_ticks
    return figures | {
        "symbol": rules.symbol,
        "market_id": rules.market_id,
        "index_price": fixed(statistics.index_price_ticks, price),
        "mark_price": fixed(statistics.mark_price_ticks, price),
        "mid_price": fixed(_mid_ticks(touch, statistics), price),
        "last_trade_price": fixed(statistics.last_trade_price_ticks, price),
        "open_interest": quote(open_interest_micro),
        "open_interest_limit": "72057594037927936.000000",
        "current_funding_rate": percent(statistics.funding_estimate_millionths),
        **_last_funding(statistics, now_ms),
        **_funding_rules(rules),
    }


def _last_funding(statistics: MarketStatistics, now_ms: int) -> Json:
    """Before the first payment: none, at the hour's begin."""
    last = statistics.last_funding
    return {
        "funding_rate": percent(last.rate_millionths if last else 0),
        "funding_timestamp": last.at_us // 1_000 if last else now_ms - now_ms % _HOUR_MS,
    }


def _funding_rules(rules: MarketRules) -> Json:
    return {
        "base_interest_rate": percent(rules.base_interest_millionths),
        "funding_clamp_small": percent(rules.funding_clamp_small_millionths),
        "funding_clamp_big": percent(rules.funding_clamp_big_millionths),
    }


def _mid_ticks(touch: Touch, statistics: MarketStatistics) -> int:
    if touch.ask is None or touch.bid is None:
        return statistics.mark_price_ticks
    return (touch.ask.price_ticks + touch.bid.price_ticks) // 2


def ticker(touch: Touch, rules: MarketRules) -> Json:
    """Best ask and bid; a side without orders has empty strings (protocol §6.5)."""
    return {
        "s": rules.symbol,
        "a": _best(touch.ask, rules),
        "b": _best(touch.bid, rules),
        "last_updated_at": touch.changed_us,
    }


def _best(best: LevelView | None, rules: MarketRules) -> Json:
    if best is None:
        return {"price": "", "size": ""}
    return {
        "price": fixed(best.price_ticks, rules.price_decimals),
        "size": fixed(best.size_lots, rules.size_decimals),
    }


def levels(side: tuple[LevelView, ...], rules: MarketRules) -> list[Json]:
    return [_best(view, rules) for view in side]


def book_snapshot(book: BookView, rules: MarketRules, *, offset: int) -> Json:
    """The `order_book` of the first frame: whole, and the begin of the chain of nonces."""
    return {
        "code": 0,
        "asks": levels(book.asks, rules),
        "bids": levels(book.bids, rules),
        "offset": offset,
        "nonce": book.engine_nonce,
        "last_updated_at": book.changed_us,
        "begin_nonce": 0,
    }


def _market(rules: MarketRules) -> Json:
    return {
        "symbol": rules.symbol,
        "market_id": rules.market_id,
        "market_type": "perp",
        "base_asset_id": 0,
        "quote_asset_id": 0,
        "status": rules.status,
        "taker_fee": "0.0000",
        "is_taker_fee_enabled": True,
        "maker_fee": "0.0000",
        "is_maker_fee_enabled": True,
        "liquidation_fee": percent(rules.liquidation_fee_millionths),
        "min_base_amount": fixed(rules.min_base_lots, rules.size_decimals),
        "min_quote_amount": quote(rules.min_quote_micro),
        "order_quote_limit": quote(rules.order_quote_limit_micro),
        "supported_size_decimals": rules.size_decimals,
        "supported_price_decimals": rules.price_decimals,
        "supported_quote_decimals": rules.size_decimals + rules.price_decimals,
        "created_at": "0",
        "multiplier": "1",
        "start_timestamp": 0,
        "end_timestamp": 0,
        "settlement_type": 0,
        "settlement_price": 0,
        "settlement_cap": 0,
        "outcome": 0,
        "default_price": 0,
        "operator_account_index": 0,
        "is_frozen": False,
    }


_MARKET_CONFIG: Json = {
    "market_margin_mode": 0,
    "insurance_fund_account_index": 281_474_976_710_655,
    "liquidation_mode": 0,
    "force_reduce_only": False,
    "trading_hours": "",
    "funding_fee_discounts_enabled": False,
    "hidden": False,
    "rfq_enabled": True,
}
