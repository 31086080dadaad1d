"""Margin of one leg: what a position ties up, and how far it is from liquidation (protocol §7.13).

Amounts are whole quote units (lots · ticks). Margins are rounded up, what is available down.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hedgepair_runner.contract.legs import LegRisk
from hedgepair_runner.orders import AccountRead
from hedgepair_runner.units import BPS, Market

BUFFER_BPS = 1_000
"""More than the margin itself is asked for: marks move while an order rests."""
KEPT_DISTANCE_BPS = 11_000
"""A new position must stay this much of `minMarginDistance` away, or the next tick would close
what was just opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One account as the maker sees it now. None means unknown, its number too: the hedger may be
    another resource's.

    `sign`: what the leg trades when the quote fills, 1 the same, −1 its hedge. `cost_bps` is what
    that trade may lose against the mark.
    """

    account_index: int | None
    risk: LegRisk | None
    position_lots: int | None
    sign: int
    cost_bps: int

    @property
    def name(self) -> str:
        return (
            "the hedger's account"
            if self.account_index is None
            else (f"account {self.account_index}")
        )

    @property
    def trade(self) -> str:
        return "quote" if self.sign > 0 else "hedge"


def leg_of(read: AccountRead, market: Market, *, read_ms: int) -> LegRisk:
    """One read of an account as a leg of this market; its day and nearness are not judged yet."""
    lots = read.positions_lots.get(market.market_id, 0)
    margin = read.margins.get(market.market_id)
    own_maintenance = Decimal(0)
    value_ticks = None
    if margin is not None and lots:
        value = Decimal(margin.value_quote)
        own_maintenance = value * market.maintenance_margin_bps / BPS
        value_ticks = int((value / abs(market.base(lots))).scaleb(market.price_decimals)) or None
    others = Decimal(read.maintenance_quote) - own_maintenance
    return LegRisk(
        account_index=read.account_index,
        read_ms=read_ms,
        position_lots=lots,
        value_ticks=value_ticks,
        available_quote=read.available_balance,
        equity_quote=read.total_asset_value,
        other_maintenance_quote=str(max(others, Decimal(0))),
        initial_margin_bps=(
            market.initial_margin_bps if margin is None else margin.initial_margin_bps
        ),
        maintenance_margin_bps=market.maintenance_margin_bps,
        liquidation_ticks=None if margin is None else margin.liquidation_ticks,
    )


def initial_units(lots: int, mark_ticks: int, leg: LegRisk) -> int:
    """Initial margin of a position of this size."""
    return -(-abs(lots) * mark_ticks * leg.initial_margin_bps // BPS)


def needed_units(leg: LegRisk, *, now_lots: int, after_lots: int, mark_ticks: int) -> int:
    """What a trade from `now_lots` to `after_lots` asks of `available_quote` as it was read: the
    read may be older than the last fills, so that their margin counts, too."""
    if abs(after_lots) <= abs(now_lots):
        return 0
    more = initial_units(after_lots, mark_ticks, leg)
    more -= initial_units(leg.position_lots, mark_ticks, leg)
    return max(0, -(-more * (BPS + BUFFER_BPS) // BPS))


def available_units(leg: LegRisk, market: Market) -> int:
    return units_of(leg.available_quote, market, rounding=ROUND_FLOOR)


def units_of(quote: str, market: Market, *, rounding: str) -> int:
    scaled = Decimal(quote).scaleb(market.size_decimals + market.price_decimals)
    return int(scaled.to_integral_value(rounding))


def distance_bps(leg: LegRisk, mark_ticks: int) -> int | None:
    """How far the mark may still move against the position before it is liquidated, by the
    venue's own liquidation price; None: there is nothing to liquidate."""
    if leg.liquidation_ticks is None or leg.position_lots == 0:
        return None
    side = 1 if leg.position_lots > 0 else -1
    return max(0, (mark_ticks - leg.liquidation_ticks) * side * BPS // mark_ticks)


def foreseen_distance_bps(leg: LegRisk, lots: int, *, mark_ticks: int, market: Market) -> int:
    """The distance that a position of this size would have: worth − maintenance of all else,
    spread over it. Rounded down."""
    if lots == 0:
        return BPS
    worth = units_of(leg.equity_quote, market, rounding=ROUND_FLOOR)
    worth -= units_of(leg.other_maintenance_quote, market, rounding=ROUND_CEILING)
    ratio_bps = worth * BPS // (abs(lots) * mark_ticks)
    left_bps = ratio_bps - leg.maintenance_margin_bps
    return max(0, left_bps * BPS // (BPS + leg.maintenance_margin_bps))


def shrunk_lots(position_lots: int, *, distance: int, wanted: int) -> int:
    """A position that is about `wanted` away when this one is `distance` away (bps), with a
    quarter to spare; always at least one lot smaller. Signed like the position."""
    sign = 1 if position_lots > 0 else -1
    kept = abs(position_lots) * distance * 4 // (wanted * 5)
    return sign * max(0, min(kept, abs(position_lots) - 1))


def margin_obstacle(
    legs: tuple[Leg, ...],
    *,
    signed_lots: int,
    mark_ticks: int,
    least_distance_bps: int,
    market: Market,
) -> str | None:
    """Why this order may not rest: an account that could not carry it, its fills and its hedge
    (law 4); None: all can. What is unknown cannot be carried (law 3)."""
    for leg in legs:
        if leg.risk is None or leg.position_lots is None:
            return f"margin: what {leg.name} could carry is unknown"
        lots = signed_lots * leg.sign
        after = leg.position_lots + lots
        if abs(after) <= abs(leg.position_lots):
            continue
        needed = needed_units(
            leg.risk, now_lots=leg.position_lots, after_lots=after, mark_ticks=mark_ticks
        )
        needed += -(-abs(lots) * mark_ticks * leg.cost_bps // BPS)
        available = available_units(leg.risk, market)
        what = f"the {leg.trade} of {market.base(abs(lots))} {market.symbol}"
        if needed > available:
            return (
                f"margin: {leg.name} could not carry {what}: "
                f"{_money(available, market)} available, {_money(needed, market)} needed"
            )
        foreseen = foreseen_distance_bps(leg.risk, after, mark_ticks=mark_ticks, market=market)
        if foreseen * BPS < least_distance_bps * KEPT_DISTANCE_BPS:
            return (
                f"margin: {what} would leave {leg.name} "
                f"{Decimal(foreseen) / 100} % from liquidation; risk.minMarginDistance is "
                f"{Decimal(least_distance_bps) / 100} %"
            )
    return None


def _money(units: int, market: Market) -> str:
    return f"{market.quote(units).quantize(Decimal('0.01'))}"
