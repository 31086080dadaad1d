"""What the venue demands of an order before it queues it (protocol §7.5, §7.6, §7.7, §9.4).

Each rule answers the code of its refusal, or None. Prices and sizes were bounded by the parser.
"""

from __future__ import annotations

from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.records import (
    MarketRules,
    Order,
    OrderType,
    TimeInForce,
)
from hedgepair_runner.venues.paper.refusals import Code
from hedgepair_runner.venues.paper.settings import CancelAllRefresh, ExchangeSettings
from hedgepair_runner.venues.paper.trading import may_trade
from hedgepair_runner.venues.paper.transaction_shapes import CreateOrder

MIN_EXPIRY_MS = 5 * 60_000
MAX_EXPIRY_MS = 30 * 86_400_000
_BPS = 10_000


def kind(tx: CreateOrder) -> Code | None:
    """Limit, market and trigger orders; TWAPs are not simulated."""
    if tx.order_type >= OrderType.TWAP:
        return Code.UNSUPPORTED_ORDER_TYPE
    if tx.order_type.is_market and tx.time_in_force is not TimeInForce.IOC:
        return Code.INVALID_TIME_IN_FORCE
    return None


def trigger(
    engine: Engine, order_type: OrderType, *, price_ticks: int, trigger_price_ticks: int
) -> Code | None:
    """A trigger order has a trigger price, near which its price lies; no other order has one."""
    if order_type.is_trigger is not (trigger_price_ticks > 0):
        return Code.INVALID_TRIGGER_PRICE
    bps = engine.settings.price_band_bps
    if bps is None or not order_type.is_trigger:
        return None
    away_ticks = abs(price_ticks - trigger_price_ticks)
    is_near = away_ticks * _BPS <= trigger_price_ticks * bps
    return None if is_near else Code.TOO_FAR_FROM_TRIGGER


def expiry(tx: CreateOrder, now_us: int) -> Code | None:
    """0 for IOC, else 5 minutes to 30 days ahead; so long may a trigger order wait, too."""
    if tx.time_in_force is TimeInForce.IOC and not tx.order_type.is_trigger:
        return Code.INVALID_EXPIRY if tx.expiry_ms else None
    ahead_ms = tx.expiry_ms - now_us // 1_000
    return None if MIN_EXPIRY_MS <= ahead_ms <= MAX_EXPIRY_MS else Code.INVALID_EXPIRY


def sizes(
    rules: MarketRules,
    settings: ExchangeSettings,
    *,
    base_lots: int,
    price_ticks: int,
    rests: bool,
    whole_position: bool = False,
) -> Code | None:
    """Minimums bind what may rest; the quote limit binds all (protocol §7.6).

    `whole_position`: 0 lots, reduce-only; its size is known when it executes.
    """
    if price_ticks < 1:
        return Code.INVALID_PRICE
    if whole_position:
        return None
    if base_lots < 1:
        return Code.INVALID_BASE_AMOUNT
    quote_micro = base_lots * price_ticks
    if quote_micro > rules.order_quote_limit_micro:
        return Code.INVALID_BASE_OR_QUOTE_AMOUNT
    if not rests and not settings.ioc_dust_refused:
        return None
    if base_lots < rules.min_base_lots or quote_micro < rules.min_quote_micro:
        return Code.INVALID_BASE_OR_QUOTE_AMOUNT
    return None


def accidental_price(
    engine: Engine, *, market_id: int, is_ask: bool, price_ticks: int
) -> Code | None:
    """A limit far through the opposite best (protocol §12)."""
    bps = engine.settings.accidental_price_bps
    best = engine.books[market_id].side(not is_ask).best_price_ticks()
    if bps is None or best is None:
        return None
    through_ticks = best - price_ticks if is_ask else price_ticks - best
    return Code.ACCIDENTAL_PRICE if through_ticks * _BPS > best * bps else None


def price_band(engine: Engine, *, market_id: int, is_ask: bool, price_ticks: int) -> Code | None:
    """A limit too far through the mark, or on either side of it (protocol §12)."""
    settings, mark = engine.settings, engine.mark_of(market_id)
    through_ticks = mark - price_ticks if is_ask else price_ticks - mark
    if settings.price_band_both_sides:
        through_ticks = abs(through_ticks)
    if settings.price_band_bps is None or through_ticks * _BPS <= mark * settings.price_band_bps:
        return None
    return Code.TOO_FAR_FROM_MARK


def reduce_only(account: Account, *, market_id: int, is_ask: bool) -> Code | None:
    size = account.size_lots(market_id)
    if size == 0:
        return Code.INVALID_REDUCE_ONLY_DIRECTION
    return None if (size > 0) == is_ask else Code.REDUCE_ONLY_INCREASES


def margin(engine: Engine, account: Account, order: Order) -> Code | None:
    """Could the account have all that is left of the order, filled at its price?

    A market order's price is only its bound, so it is judged at the mark (protocol §7.13).
    """
    lots = order.remaining_lots
    if lots <= 0:
        return None
    price = order.price_ticks
    if order.order_type.is_market:
        price = engine.mark_of(order.market_id)
    is_maker = order.time_in_force is TimeInForce.POST_ONLY
    if may_trade(engine, account, order, lots, price, is_maker=is_maker):
        return None
    return Code.NOT_ENOUGH_MARGIN


def schedule_conflict(engine: Engine, account: Account) -> Code | None:
    """A dead man's switch is armed already, and renewing needs an abort first (protocol §7.9)."""
    strict = engine.settings.scheduled_cancel_all is CancelAllRefresh.STRICT_21712
    return Code.CANCEL_ALL_QUEUED if strict and account.cancel_all_time_ms else None
