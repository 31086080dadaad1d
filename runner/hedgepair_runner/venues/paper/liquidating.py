"""At which price and in which order positions are closed by force (protocol §7.13)."""

from __future__ import annotations

from fractions import Fraction

from hedgepair_runner.venues.paper.margining import Health
from hedgepair_runner.venues.paper.positions import unrealized_pnl_micro
from hedgepair_runner.venues.paper.records import PICO_PER_MICRO, MarketRules, Position

_WHOLE = 10_000
_SLICES = 5
"""A partial liquidation closes a fifth of the position at a time, then looks again."""


def zero_price_ticks(position: Position, rules: MarketRules, mark_ticks: int, state: Health) -> int:
    """The price at which closing leaves value : maintenance margin as it is.

    mark · (1 ∓ fraction · value / maintenance); all positions closed at theirs leave the account
    with nothing, and the rounding is in its favour. Beyond bankruptcy it lies past the mark.
    """
    share = rules.maintenance_margin_fraction * state.total_value_pico
    whole = _WHOLE * state.maintenance_pico
    if position.size_lots > 0:
        price_ticks = -(-mark_ticks * (whole - share) // whole)
    else:
        price_ticks = mark_ticks * (whole + share) // whole
    return max(1, price_ticks)


def slice_lots(position: Position, rules: MarketRules) -> int:
    size_lots = abs(position.size_lots)
    return min(size_lots, max(rules.min_base_lots, -(-size_lots // _SLICES)))


def deleverage_rank(position: Position, mark_ticks: int, value_pico: int) -> Fraction:
    """Profit in proportion to its entry, times leverage: the highest is closed first."""
    profit_micro = unrealized_pnl_micro(position, mark_ticks)
    notional_pico = abs(position.size_lots) * mark_ticks * PICO_PER_MICRO
    gain = Fraction(profit_micro, max(1, position.entry_quote_micro))
    leverage = Fraction(notional_pico, max(1, value_pico))
    # A loss that is highly leveraged ranks after one that is not.
    return gain * leverage if profit_micro > 0 else gain / max(leverage, Fraction(1, _WHOLE))
