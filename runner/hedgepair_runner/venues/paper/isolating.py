"""What a trade moves of an account: its cross collateral and its position (protocol §7.13).

A cross position's profit goes to the collateral. An isolated position has collateral of its own:
what it adds needs initial margin at once, what it closes gives its share back with the profit, and
a loss beyond that share is its own, not the account's, for as long as it is open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hedgepair_runner.venues.paper.positions import after_trade
from hedgepair_runner.venues.paper.records import PICO_PER_MICRO, Position

PICO_PER_FRACTION = PICO_PER_MICRO // 10_000
"""A margin fraction is out of 10,000: micro · fraction · this = pico."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Cross collateral, and the position in the market that trades."""

    collateral_pico: int
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One side of a trade. `initial_fraction` is the position's own, out of 10,000."""

    delta_lots: int
    price_ticks: int
    mark_ticks: int
    initial_fraction: int
    fee_pico: int


def traded(before: Holding, terms: Terms) -> Holding:
    """The fee is always the cross collateral's (protocol §7.11)."""
    after = after_trade(before.position, terms.delta_lots, terms.price_ticks)
    pnl_pico = after.realized_pnl_pico - before.position.realized_pnl_pico
    collateral_pico = before.collateral_pico - terms.fee_pico
    if not after.is_isolated:
        return Holding(collateral_pico=collateral_pico + pnl_pico, position=after)
    old_lots = before.position.size_lots
    stays_on_side = old_lots * after.size_lots > 0
    kept_lots = min(abs(old_lots), abs(after.size_lots)) if stays_on_side else 0
    kept_pico, freed_pico = _closed(before.position, kept_lots, pnl_pico)
    added_pico = _needed_pico(terms, abs(after.size_lots) - kept_lots)
    return Holding(
        collateral_pico=collateral_pico + freed_pico - added_pico,
        position=replace(after, allocated_margin_pico=kept_pico + added_pico),
    )


def _closed(before: Position, kept_lots: int, pnl_pico: int) -> tuple[int, int]:
    """(margin that stays, what goes back to the account) when the position shrinks so far."""
    margin_pico = before.allocated_margin_pico
    if kept_lots == 0:
        return 0, margin_pico + pnl_pico
    old_lots = abs(before.size_lots)
    share_pico = margin_pico * (old_lots - kept_lots) // old_lots
    freed_pico = share_pico + pnl_pico
    if freed_pico >= 0:
        return margin_pico - share_pico, freed_pico
    return margin_pico - share_pico + freed_pico, 0


def _needed_pico(terms: Terms, added_lots: int) -> int:
    """Initial margin at the mark, and what the lots lose against the mark from the start."""
    if added_lots == 0:
        return 0
    margin_pico = added_lots * terms.mark_ticks * terms.initial_fraction * PICO_PER_FRACTION
    worse_ticks = terms.price_ticks - terms.mark_ticks
    if terms.delta_lots < 0:
        worse_ticks = -worse_ticks
    return margin_pico + max(0, worse_ticks) * added_lots * PICO_PER_MICRO
