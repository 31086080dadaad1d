"""What funding costs (protocol §7.14): premium samples and the rate of an hour, in millionths.

All divisions round towards zero, so that longs and shorts are treated alike. The rate is whole
millionths, and so a payment, lots · ticks · millionths, is a whole number of 10^−12 USDC.
"""

from __future__ import annotations

from collections.abc import Iterable

from hedgepair_runner.venues.paper.records import MarketRules

IMPACT_QUOTE_MICRO = 500_000_000
"""500 USDC: the size of the imagined trade against each side."""
_MILLION = 1_000_000
HOURS = 8
"""Rates are reckoned for 8 hours and paid by the hour."""


def towards_zero(numerator: int, denominator: int) -> int:
    """Of a positive denominator."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def impact_premium(levels: Iterable[tuple[int, int]], index_ticks: int) -> int | None:
    """How far over the index 500 USDC would trade against these levels, in millionths.

    `levels` are (price, lots), best first. None: they hold less than that.
    """
    quote_micro = lots = 0
    for price_ticks, level_lots in levels:
        left_micro = IMPACT_QUOTE_MICRO - quote_micro
        if level_lots * price_ticks < left_micro:
            quote_micro += level_lots * price_ticks
            lots += level_lots
            continue
        last_lots = -(-left_micro // price_ticks)
        quote_micro += last_lots * price_ticks
        lots += last_lots
        value_micro = lots * index_ticks
        return towards_zero((quote_micro - value_micro) * _MILLION, value_micro)
    return None


def premium(
    bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], index_ticks: int
) -> int:
    """Bids over the index, or asks under it; 0 in between and for a side that is too thin."""
    over, under = impact_premium(bids, index_ticks), impact_premium(asks, index_ticks)
    return max(0, over or 0) - max(0, -(under or 0))


def hourly_rate(premium_millionths: int, rules: MarketRules) -> int:
    """premium + clamp(interest − premium, ± small), clamped to ± big, an eighth of it."""
    small, big = rules.funding_clamp_small_millionths, rules.funding_clamp_big_millionths
    interest = _clamp(rules.base_interest_millionths - premium_millionths, small)
    return towards_zero(_clamp(premium_millionths + interest, big), HOURS)


def _clamp(value: int, bound: int) -> int:
    return max(-bound, min(bound, value))
