"""What the whole exchange is worth: a number that nothing but a deposit may change."""

from __future__ import annotations

from collections.abc import Iterable

from hedgepair_runner.venues.paper.accounts import INSURANCE_FUND
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.positions import signed_entry_micro
from hedgepair_runner.venues.paper.records import PICO_PER_MICRO


def worth_pico(exchange: Exchange, accounts: Iterable[int]) -> int:
    """Collateral, allocated margin, fees and the insurance fund, positions taken at cost.

    Positions must cancel out: every lot has its other side.
    """
    total_pico, lots = exchange.fees_collected_pico, dict.fromkeys(exchange.markets, 0)
    for account_index in (*accounts, INSURANCE_FUND):
        view = exchange.account(account_index)
        assert view is not None
        total_pico += view.collateral_pico
        for held in view.positions:
            position = held.position
            lots[position.market_id] += position.size_lots
            total_pico += position.allocated_margin_pico
            total_pico -= signed_entry_micro(position) * PICO_PER_MICRO
    assert not any(lots.values()), "every lot has its other side"
    return total_pico
