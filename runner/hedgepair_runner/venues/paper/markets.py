"""The markets of the paper exchange, with the venue's own ids, decimals and minimums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hedgepair_runner.venues.paper.records import MarketRules

ETH = MarketRules(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_micro=10_000_000,
    start_price_ticks=236_131,
)
BTC = MarketRules(
    market_id=1,
    symbol="BTC",
    size_decimals=5,
    price_decimals=1,
    min_base_lots=20,
    min_quote_micro=10_000_000,
    start_price_ticks=643_515,
)
SOL = MarketRules(
    market_id=2,
    symbol="SOL",
    size_decimals=3,
    price_decimals=3,
    min_base_lots=50,
    min_quote_micro=10_000_000,
    start_price_ticks=85_250,
)

CATALOGUE: Mapping[str, MarketRules] = {rules.symbol: rules for rules in (ETH, BTC, SOL)}


class UnknownMarketError(ValueError):
    """A symbol that the paper exchange does not trade."""


def choose(symbols: Iterable[str]) -> tuple[MarketRules, ...]:
    """The named markets, each once, in the order of their ids; all of them for no names.

    Raises UnknownMarketError with a sentence that lists what there is.
    """
    names = [symbol.upper() for symbol in symbols] or list(CATALOGUE)
    for name in names:
        if name not in CATALOGUE:
            raise UnknownMarketError(
                f"the paper exchange has no market {name!r}; it has {', '.join(CATALOGUE)}"
            )
    return tuple(sorted({CATALOGUE[name] for name in names}, key=lambda rules: rules.market_id))
