"""Public REST reads: the venue, its markets, their books and trades (protocol §3.1–3.3, §3.6)."""

from __future__ import annotations

from hedgepair_runner.venues.paper import (
    candles,
    rendering_markets,
    rendering_orders,
    rendering_trades,
)
from hedgepair_runner.venues.paper.reading import Answer, Json, Read, auth_required, foreign_token
from hedgepair_runner.venues.paper.records import MarketRules, TradeType
from hedgepair_runner.venues.paper.views import (
    MarketStatistics,
    Refusal,
    TradeQuery,
    TradeRole,
    TradeSort,
)

CONTRACT = "0x" + "0" * 40
_FILTERS = frozenset({"all", "spot", "perp"})
_LATEST_MS = 9_999_999_999_999
_MOST_CANDLES = 500


def status(read: Read) -> Answer:
    seconds = read.now_us // 1_000_000
    return {"status": 200, "network_id": read.chain_id, "timestamp": seconds}


def info(_read: Read) -> Answer:
    return {"contract_address": CONTRACT}


def system_config(_read: Read) -> Answer:
    return {
        "code": 200,
        "liquidity_pool_index": 281_474_976_710_654,
        "staking_pool_index": 281_474_976_710_653,
        "funding_fee_rebate_account_index": 0,
        "liquidity_pool_cooldown_period": 0,
        "staking_pool_lockup_period": 0,
        "max_integrator_perps_maker_fee": 0,
        "max_integrator_perps_taker_fee": 0,
        "max_integrator_spot_maker_fee": 0,
        "max_integrator_spot_taker_fee": 0,
        "market_maker_incentive_account_index": 0,
        "fee_collector_account_index": 0,
    }


def order_books(read: Read) -> Answer:
    books = [
        rendering_markets.order_book(rules, _statistics(read, rules)) for rules in _chosen(read)
    ]
    return {"code": 200, "order_books": books}


def order_book_details(read: Read) -> Answer:
    details = [
        rendering_markets.order_book_details(rules, _statistics(read, rules))
        for rules in _chosen(read)
    ]
    return {"code": 200, "order_book_details": details, "spot_order_book_details": []}


def order_book_orders(read: Read) -> Answer:
    rules = read.market()
    limit = read.parameters.whole("limit", low=1, high=250)
    book = read.exchange.book(rules.market_id, order_limit=limit)
    total_asks, total_bids = read.exchange.order_counts(rules.market_id)
    return {
        "code": 200,
        "total_asks": total_asks,
        "asks": [rendering_orders.resting_order(order, rules) for order in book.ask_orders],
        "total_bids": total_bids,
        "bids": [rendering_orders.resting_order(order, rules) for order in book.bid_orders],
    }


def recent_trades(read: Read) -> Answer:
    rules = read.market()
    limit = read.parameters.whole("limit", low=1, high=100)
    page = read.exchange.trades(TradeQuery(market_id=rules.market_id, limit=limit))
    complete = read.settings.complete_fields
    if read.exchange.doors.settings.public_trades_anonymous:
        told = [
            rendering_trades.anonymous_trade(trade, rules, complete=complete)
            for trade in page.trades
        ]
    else:
        told = [
            rendering_trades.trade(trade, rules, viewer=None, complete=complete)
            for trade in page.trades
        ]
    return {"code": 200, "trades": told}


def trades(read: Read) -> Answer:
    """An account's trades are for its own token; those of a market are for everybody."""
    viewer = read.parameters.optional_whole("account_index")
    if viewer is not None:
        if read.claim is None:
            return auth_required("account_index")
        if read.claim.account_index != viewer:
            return foreign_token()
    page = read.exchange.trades(_trade_query(read, viewer))
    complete = read.settings.complete_fields
    answer: Json = {
        "code": 200,
        "trades": [
            rendering_trades.trade(
                trade, read.exchange.markets[trade.market_id], viewer=viewer, complete=complete
            )
            for trade in page.trades
        ],
    }
    return answer | ({"next_cursor": page.next_cursor} if page.next_cursor else {})


def _trade_query(read: Read, account_index: int | None) -> TradeQuery:
    values = read.parameters
    rules = read.market_or_all()
    kinds = frozenset({"all"} | {kind.value for kind in TradeType})
    kind = values.choice("type", kinds, default="all")
    side = values.optional_whole("ask_filter", low=-1, high=1)
    order_index = values.optional_whole("order_index")
    if order_index is None:
        order_index = values.optional_whole("order_index_str")
    sorts = frozenset(sort.value for sort in TradeSort)
    roles = frozenset(role.value for role in TradeRole)
    directions = frozenset({"asc", "desc"})
    return TradeQuery(
        market_id=rules.market_id if rules else None,
        account_index=account_index,
        role=TradeRole(values.choice("role", roles, default="all")),
        order_index=order_index,
        is_ask=None if side in (None, -1) else side == 1,
        trade_type=None if kind == "all" else TradeType(kind),
        from_trade_id=values.optional_whole("from", low=-1),
        sort_by=TradeSort(values.choice("sort_by", sorts)),
        descending=values.choice("sort_dir", directions, default="desc") == "desc",
        cursor=values.values.get("cursor", ""),
        limit=values.whole("limit", low=1, high=100),
    )


def candlesticks(read: Read) -> Answer:
    rules = read.market()
    resolution = read.parameters.text("resolution")
    if resolution not in candles.RESOLUTIONS:
        return Refusal(code=22_402, message="invalid resolution: resolution unsupported")
    span = span_ms(read)
    if isinstance(span, Refusal):
        return span
    start_ms, end_ms = span
    most = min(_MOST_CANDLES, read.parameters.whole("count_back", default=_MOST_CANDLES))
    bars = read.exchange.minute_bars(rules.market_id)
    folded = candles.fold(bars, rules, resolution=resolution)
    within = [candle for candle in folded if start_ms <= candle["t"] <= end_ms]
    return {"code": 200, "r": resolution, "c": within[-most:] if most else []}


def span_ms(read: Read) -> tuple[int, int] | Refusal:
    """`start_timestamp` and `end_timestamp`, inclusive."""
    start_ms = read.parameters.whole("start_timestamp")
    end_ms = read.parameters.whole("end_timestamp")
    if max(start_ms, end_ms) > _LATEST_MS:
        return Refusal(
            code=22_401,
            message=("invalid timestamp: timestamp must be greater than 0 and less than year 2286"),
        )
    if end_ms <= start_ms:
        return Refusal(
            code=22_400,
            message="invalid timestamps: end_timestamp must be greater than start_timestamp",
        )
    return start_ms, end_ms


def exchange_stats(read: Read) -> Answer:
    rows = [(rules, _statistics(read, rules)) for rules in read.exchange.markets.values()]
    stats = [rendering_markets.exchange_stats(rules, figures) for rules, figures in rows]
    return {
        "code": 200,
        "total": len(stats),
        "order_book_stats": stats,
        "daily_usd_volume": sum(row["daily_quote_token_volume"] for row in stats),
        "daily_trades_count": sum(row["daily_trades_count"] for row in stats),
    }


def current_height(read: Read) -> Answer:
    return {"code": 200, "height": read.exchange.height(read.now_us)}


def _chosen(read: Read) -> tuple[MarketRules, ...]:
    wanted = read.parameters.choice("filter", _FILTERS, default="all")
    rules = read.market_or_all()
    if wanted == "spot":
        return ()
    return (rules,) if rules else tuple(read.exchange.markets.values())


def _statistics(read: Read, rules: MarketRules) -> MarketStatistics:
    return read.exchange.statistics(rules.market_id, now_us=read.now_us)
