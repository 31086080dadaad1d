"""What the venue says of an account's limits, margin and day (protocol §3.4, §3.6, §3.10)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from hedgepair_runner.orders import PositionMargin
from hedgepair_runner.reckoning import DayTrade, FundingPaid
from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.fields import Fields, MalformedFrame
from hedgepair_runner.venues.tiers import AccountLimits

MILLION = 1_000_000


def limits_of(body: object) -> AccountLimits:
    """An `accountLimits` answer. A paper exchange without limits says so in a field of its own."""
    fields = Fields(body, channel="accountLimits")
    return AccountLimits(
        tier_name=fields.text("user_tier_name"),
        staked_lit=decimal_of(fields, "effective_lit_stakes", "0"),
        maker_fee_millionths=fields.integer("current_maker_fee_tick", 0),
        taker_fee_millionths=fields.integer("current_taker_fee_tick", 0),
        are_enforced=fields.flag("request_limits_enforced", True),
    )


def position_margin(fields: Fields, market: Market) -> PositionMargin:
    """One position of a `GET account` answer. A liquidation price of 0 is none."""
    liquidation = decimal_of(fields, "liquidation_price", "0")
    # In percent, with two decimals: "10.00" is 1,000 basis points.
    fraction = decimal_of(fields, "initial_margin_fraction", "0") * 100
    ticks = market.ticks_up(liquidation)
    return PositionMargin(
        initial_margin_bps=int(fraction) or market.initial_margin_bps,
        liquidation_ticks=ticks if ticks > 0 else None,
        value_quote=str(decimal_of(fields, "position_value", "0")),
        unrealised_quote=str(decimal_of(fields, "unrealized_pnl", "0")),
    )


def day_trades_of(
    rows: Iterable[object], market: Market, *, account_index: int
) -> tuple[DayTrade, ...]:
    """The account's own trades with what each realised. Zero fields are left out (§3.6)."""
    return tuple(
        _day_trade(Fields(row, channel="trades"), market, account_index=account_index)
        for row in rows
    )


def _day_trade(fields: Fields, market: Market, *, account_index: int) -> DayTrade:
    is_ask = fields.integer("ask_account_id", 0) == account_index
    if not is_ask and fields.integer("bid_account_id", 0) != account_index:
        raise MalformedFrame(fields.channel, "ask_account_id", "a trade of somebody else")
    is_maker = fields.flag("is_maker_ask", False) is is_ask
    role, party = ("maker" if is_maker else "taker"), ("ask" if is_ask else "bid")
    size_lots = fields.scaled("size", market.size_decimals)
    before_lots = fields.scaled(f"{role}_position_size_before", market.size_decimals, "0")
    fee_millionths = fields.integer(f"{role}_fee", 0)
    return DayTrade(
        trade_id=fields.integer("trade_id"),
        timestamp_ms=fields.integer("timestamp"),
        realised_quote=decimal_of(fields, f"{party}_account_pnl", "0"),
        fee_quote=decimal_of(fields, "usd_amount") * fee_millionths / MILLION,
        after_lots=before_lots - size_lots if is_ask else before_lots + size_lots,
    )


def fundings_of(body: object) -> tuple[FundingPaid, ...]:
    """A `positionFunding` answer; its timestamps are seconds."""
    rows = Fields(body, channel="positionFunding").rows("position_fundings")
    return tuple(_funding(Fields(row, channel="positionFunding")) for row in rows)


def _funding(fields: Fields) -> FundingPaid:
    return FundingPaid(
        funding_id=fields.integer("funding_id"),
        timestamp_ms=fields.integer("timestamp") * 1_000,
        change_quote=decimal_of(fields, "change", "0"),
    )


def decimal_of(fields: Fields, field: str, default: str | None = None) -> Decimal:
    """A decimal text; MalformedFrame for anything else, infinities and NaN too."""
    text = fields.text(field, default)
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise MalformedFrame(fields.channel, field, "is no decimal number") from error
    if not value.is_finite():
        raise MalformedFrame(fields.channel, field, "is no finite number")
    return value
