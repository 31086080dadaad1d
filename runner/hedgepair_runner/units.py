"""Lots, ticks and what they are worth: how sizes and prices become whole numbers and back.

Inside, sizes are whole lots (base · 10^size_decimals), prices whole ticks (quote ·
10^price_decimals) and amounts of quote whole units (lots · ticks), as the venue counts
(protocol §1.3). Decimal appears where people and the venue's texts are met.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

BPS = 10_000
"""Basis points in one."""


class NotOnGrid(ValueError):
    """A size or price that is no whole number of lots or ticks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One market's grid and minimums, as `orderBookDetails` gives them (protocol §3.2)."""

    market_id: int
    symbol: str
    size_decimals: int
    price_decimals: int
    min_base_lots: int
    min_quote_units: int
    order_quote_limit_units: int
    is_active: bool = True
    initial_margin_bps: int = BPS
    """Of a position whose account set no leverage of its own (protocol §7.13)."""
    maintenance_margin_bps: int = BPS

    @property
    def lot_base(self) -> Decimal:
        return Decimal(1).scaleb(-self.size_decimals)

    @property
    def tick_price(self) -> Decimal:
        return Decimal(1).scaleb(-self.price_decimals)

    def base(self, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self.size_decimals)

    def price(self, ticks: int) -> Decimal:
        return Decimal(ticks).scaleb(-self.price_decimals)

    def quote(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.size_decimals - self.price_decimals)

    def lots(self, base: Decimal) -> int:
        """Whole lots of an amount that is on the grid; else NotOnGrid."""
        return _whole(base.scaleb(self.size_decimals), what=f"size {base}", market=self)

    def lots_down(self, base: Decimal) -> int:
        """Toward zero: what is asked for is never exceeded."""
        return int(base.scaleb(self.size_decimals))

    def ticks(self, price: Decimal) -> int:
        """Whole ticks of a price that is on the grid; else NotOnGrid."""
        return _whole(price.scaleb(self.price_decimals), what=f"price {price}", market=self)

    def ticks_down(self, price: Decimal) -> int:
        return int(price.scaleb(self.price_decimals).to_integral_value(ROUND_FLOOR))

    def ticks_up(self, price: Decimal) -> int:
        return int(price.scaleb(self.price_decimals).to_integral_value(ROUND_CEILING))

    def smallest_resting_lots(self, price_ticks: int) -> int:
        """The least that may rest at this price (protocol §7.6): both minimums, rounded up."""
        by_quote = -(-self.min_quote_units // price_ticks)
        return max(self.min_base_lots, by_quote, 1)


def _whole(scaled: Decimal, *, what: str, market: Market) -> int:
    whole = int(scaled)
    if scaled != whole:
        raise NotOnGrid(f"{what} is not a multiple of the {market.symbol} market's grid")
    return whole
