"""Margin and health of an account or of an isolated position (protocol §7.13), in 10^−12 USDC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from hedgepair_runner.venues.paper.isolating import PICO_PER_FRACTION
from hedgepair_runner.venues.paper.positions import unrealized_pnl_micro
from hedgepair_runner.venues.paper.records import PICO_PER_MICRO, MarketRules, Position

MarkPrices = Callable[[int], int]
"""Market id → mark price in ticks."""


class Standing(IntEnum):
    """How near to liquidation; the higher, the worse."""

    HEALTHY = 0
    PRE_LIQUIDATION = 1
    """Below initial margin."""
    PARTIAL_LIQUIDATION = 2
    """Below maintenance margin."""
    FULL_LIQUIDATION = 3
    """Below close-out margin, down to bankruptcy and beyond."""

    @property
    def is_liquidation(self) -> bool:
        return self >= Standing.PARTIAL_LIQUIDATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    total_value_pico: int
    """Collateral + Σ unrealised profit."""
    initial_pico: int
    maintenance_pico: int
    closeout_pico: int = 0

    @property
    def standing(self) -> Standing:
        """Without positions there is nothing to liquidate."""
        value_pico = self.total_value_pico
        if value_pico >= self.initial_pico or self.maintenance_pico == 0:
            return Standing.HEALTHY
        if value_pico >= self.maintenance_pico:
            return Standing.PRE_LIQUIDATION
        if value_pico >= self.closeout_pico:
            return Standing.PARTIAL_LIQUIDATION
        return Standing.FULL_LIQUIDATION

    @property
    def available_pico(self) -> int:
        return max(0, self.total_value_pico - self.initial_pico)


def initial_fraction(position: Position, rules: MarketRules) -> int:
    """The account's own setting or the market's default, at least the market's minimum."""
    own = position.initial_margin_fraction or rules.default_initial_margin_fraction
    return max(own, rules.min_initial_margin_fraction)


def health(
    collateral_pico: int,
    positions: Iterable[Position],
    markets: Mapping[int, MarketRules],
    mark_of: MarkPrices,
) -> Health:
    """Of the cross collateral and the positions that share it; isolated ones are left out."""
    cross = [each for each in positions if each.size_lots and not each.is_isolated]
    return _figures(collateral_pico, cross, markets, mark_of)


def isolated_health(
    position: Position, markets: Mapping[int, MarketRules], mark_of: MarkPrices
) -> Health:
    """Of one isolated position and the margin allocated to it."""
    held = (position,) if position.size_lots else ()
    return _figures(position.allocated_margin_pico, held, markets, mark_of)


def _figures(
    collateral_pico: int,
    positions: Iterable[Position],
    markets: Mapping[int, MarketRules],
    mark_of: MarkPrices,
) -> Health:
    total_pico, initial_pico, maintenance_pico, closeout_pico = collateral_pico, 0, 0, 0
    for position in positions:
        rules = markets[position.market_id]
        mark = mark_of(position.market_id)
        scaled = abs(position.size_lots) * mark * PICO_PER_FRACTION
        total_pico += unrealized_pnl_micro(position, mark) * PICO_PER_MICRO
        initial_pico += scaled * initial_fraction(position, rules)
        maintenance_pico += scaled * rules.maintenance_margin_fraction
        closeout_pico += scaled * rules.closeout_margin_fraction
    return Health(
        total_value_pico=total_pico,
        initial_pico=initial_pico,
        maintenance_pico=maintenance_pico,
        closeout_pico=closeout_pico,
    )


def allowed(before: Health, after: Health) -> bool:
    """An account may go where it is at or above initial margin, or no nearer to liquidation."""
    if after.total_value_pico >= after.initial_pico:
        return True
    if after.maintenance_pico == 0:
        # Without positions there is no ratio to compare: closing the last one is always allowed.
        return True
    if before.maintenance_pico == 0:
        return False
    return (
        after.total_value_pico * before.maintenance_pico
        >= before.total_value_pico * after.maintenance_pico
    )


def liquidation_price_ticks(
    position: Position, rules: MarketRules, mark_price_ticks: int, state: Health
) -> int:
    """The mark at which total value meets maintenance margin, all other marks unchanged; 0 = none.

    Total value moves by size per tick, maintenance by |size| · fraction. Rounded towards the mark:
    what is shown is never later than what happens.
    """
    size = position.size_lots
    if size == 0:
        return 0
    fraction = rules.maintenance_margin_fraction
    spare_pico = state.total_value_pico - state.maintenance_pico
    # Per tick against the position the spare shrinks by |size| · (1 ∓ fraction).
    per_tick_pico = abs(size) * (10_000 - fraction if size > 0 else 10_000 + fraction)
    per_tick_pico *= PICO_PER_FRACTION
    steps = spare_pico // per_tick_pico
    price_ticks = mark_price_ticks - steps if size > 0 else mark_price_ticks + steps
    return max(0, price_ticks)
