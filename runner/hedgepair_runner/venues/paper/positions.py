"""What a trade does to a position (protocol §7.13, whole-number arithmetic as the venue rounds)."""

from __future__ import annotations

from hedgepair_runner.venues.paper.records import PICO_PER_MICRO, Position


def sign_of(number: int) -> int:
    return (number > 0) - (number < 0)


def signed_entry_micro(position: Position) -> int:
    return sign_of(position.size_lots) * position.entry_quote_micro


def unrealized_pnl_micro(position: Position, mark_price_ticks: int) -> int:
    return position.size_lots * mark_price_ticks - signed_entry_micro(position)


def entry_quote_after_micro(position: Position, delta_lots: int, price_ticks: int) -> int:
    """Unsigned entry quote after a trade of so many signed lots, none of them zero."""
    old, new = position.size_lots, position.size_lots + delta_lots
    if old == 0 or (old > 0) == (delta_lots > 0):
        return position.entry_quote_micro + abs(delta_lots) * price_ticks
    if new == 0 or (new > 0) == (old > 0):
        return position.entry_quote_micro * abs(new) // abs(old)
    return price_ticks * abs(new)


def realized_pnl_micro(position: Position, delta_lots: int, price_ticks: int) -> int:
    """sign_new·entry_new − (sign_old·entry_old + sign_delta·trade_quote): goes to collateral."""
    new_entry = entry_quote_after_micro(position, delta_lots, price_ticks)
    new_sign = sign_of(position.size_lots + delta_lots)
    return new_sign * new_entry - (signed_entry_micro(position) + delta_lots * price_ticks)


def after_trade(position: Position, delta_lots: int, price_ticks: int) -> Position:
    if delta_lots == 0:
        raise AssertionError("a trade of nothing is not a trade")
    pnl_micro = realized_pnl_micro(position, delta_lots, price_ticks)
    return Position(
        market_id=position.market_id,
        size_lots=position.size_lots + delta_lots,
        entry_quote_micro=entry_quote_after_micro(position, delta_lots, price_ticks),
        realized_pnl_pico=position.realized_pnl_pico + pnl_micro * PICO_PER_MICRO,
        initial_margin_fraction=position.initial_margin_fraction,
        margin_mode=position.margin_mode,
        allocated_margin_pico=position.allocated_margin_pico,
        funding_paid_pico=position.funding_paid_pico,
    )


def changes_sign(position: Position, delta_lots: int) -> bool:
    """From long to short or back; to or from flat is no change of sign."""
    return position.size_lots * (position.size_lots + delta_lots) < 0


def reducible_lots(size_lots: int, *, is_ask: bool) -> int:
    """How much an order of this side may take off a position before it would turn it."""
    return max(0, size_lots if is_ask else -size_lots)
