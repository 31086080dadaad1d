"""Candles out of minute bars (protocol §3.10): `v` base, `V` quote volume, `i` last trade id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hedgepair_runner.venues.paper.amounts import QUOTE_DECIMALS, number
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.views import Bar

Json = dict[str, Any]

_MINUTE_MS = 60_000
RESOLUTIONS: Mapping[str, int] = {
    "1m": _MINUTE_MS,
    "5m": 5 * _MINUTE_MS,
    "15m": 15 * _MINUTE_MS,
    "30m": 30 * _MINUTE_MS,
    "1h": 60 * _MINUTE_MS,
    "4h": 240 * _MINUTE_MS,
    "12h": 720 * _MINUTE_MS,
    "1d": 1_440 * _MINUTE_MS,
    "1w": 10_080 * _MINUTE_MS,
}
"""Milliseconds by the name of the resolution."""


def fold(bars: Iterable[Bar], rules: MarketRules, *, resolution: str) -> list[Json]:
    """Bars, oldest first → one candle per interval that had a trade, oldest first."""
    width_ms = RESOLUTIONS[resolution]
    by_start: dict[int, list[Bar]] = {}
    for bar in bars:
        by_start.setdefault(bar.start_ms - bar.start_ms % width_ms, []).append(bar)
    return [_candle(start_ms, within, rules) for start_ms, within in sorted(by_start.items())]


def _candle(start_ms: int, bars: list[Bar], rules: MarketRules) -> Json:
    price = rules.price_decimals
    return {
        "t": start_ms,
        "o": number(bars[0].open_ticks, price),
        "h": number(max(bar.high_ticks for bar in bars), price),
        "l": number(min(bar.low_ticks for bar in bars), price),
        "c": number(bars[-1].close_ticks, price),
        "v": number(sum(bar.volume_lots for bar in bars), rules.size_decimals),
        "V": number(sum(bar.volume_micro for bar in bars), QUOTE_DECIMALS),
        "i": bars[-1].last_trade_id,
    }
