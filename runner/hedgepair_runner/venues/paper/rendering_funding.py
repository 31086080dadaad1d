"""Funding and forced trades as the venue's JSON says them (protocol §3.10, §6.5, Appendix A)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hedgepair_runner.venues.paper.amounts import fixed, quote_of_pico
from hedgepair_runner.venues.paper.premiums import HOURS
from hedgepair_runner.venues.paper.records import FundingPayment, FundingRound, MarketRules

Json = dict[str, Any]

_SECOND_US = 1_000_000
_RATE_DECIMALS = 4
"""A millionth is 0.0001 %, and rates are percent strings (protocol §1.3)."""


def percent(rate_millionths: int) -> str:
    return fixed(rate_millionths, _RATE_DECIMALS)


def fundings(rounds: Sequence[FundingRound], rules: MarketRules, *, width_s: int) -> list[Json]:
    """Rows of `fundings`, oldest first: `value` is USDC per base unit, `direction` who paid.

    Rounds within one width are one row with their sums.
    """
    by_start: dict[int, list[FundingRound]] = {}
    for each in rounds:
        at_s = each.at_us // _SECOND_US
        by_start.setdefault(at_s - at_s % width_s, []).append(each)
    return [_row(start_s, within, rules) for start_s, within in by_start.items()]


def _row(start_s: int, rounds: Sequence[FundingRound], rules: MarketRules) -> Json:
    rate = sum(each.rate_millionths for each in rounds)
    value_pico = sum(each.value_pico for each in rounds)
    return {
        "timestamp": start_s,
        # ticks · millionths: so many decimals has the price, and six more the rate.
        "value": fixed(abs(value_pico), rules.price_decimals + 6),
        "rate": percent(abs(rate)),
        "direction": "long" if rate >= 0 else "short",
    }


def funding_rate(rules: MarketRules, hourly_millionths: int) -> Json:
    """A fraction per 8 hours (protocol §12)."""
    return {
        "market_id": rules.market_id,
        "exchange": "lighter",
        "symbol": rules.symbol,
        "rate": hourly_millionths * HOURS / 1_000_000,
    }


def payment(record: FundingPayment, rules: MarketRules) -> Json:
    """The `PositionFunding`: `change` is what it did to the collateral, rounded down."""
    return {
        "timestamp": record.round.at_us // _SECOND_US,
        "market_id": record.round.market_id,
        "funding_id": record.round.funding_id,
        "change": quote_of_pico(record.change_pico),
        "discount": "0",
        "rate": percent(record.round.rate_millionths),
        "position_size": fixed(abs(record.size_lots), rules.size_decimals),
        "position_side": "long" if record.size_lots > 0 else "short",
    }


def histories(
    payments: Iterable[FundingPayment], markets: Mapping[int, MarketRules]
) -> dict[str, list[Json]]:
    """The `funding_histories` of `account_all`, by market."""
    by_market: dict[str, list[Json]] = {}
    for each in payments:
        market_id = each.round.market_id
        row = payment(each, markets[market_id])
        by_market.setdefault(str(market_id), []).append(row)
    return by_market
