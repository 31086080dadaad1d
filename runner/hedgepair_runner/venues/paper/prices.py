"""A market's prices and its last 24 hours of trades, in bars of a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from hedgepair_runner.venues.paper.records import MarketRules, Trade
from hedgepair_runner.venues.paper.views import Bar, MarketStatistics

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


class MarketPrices:
    """Mark: the index price where one was set, else the last trade's, else the start price.

    The paper index comes from the market generator, so the mark does not follow a single trade.
    """

    __slots__ = ("_index_ticks", "_minutes", "_open", "last_trade_ticks", "mark_ticks")

    def __init__(self, start_price_ticks: int) -> None:
        self.mark_ticks = start_price_ticks
        self.last_trade_ticks = 0
        self._index_ticks: int | None = None
        self._minutes: deque[Bar] = deque(maxlen=_DAY_MS // _MINUTE_MS + 1)
        self._open: Bar | None = None

    @property
    def index_ticks(self) -> int:
        return self._index_ticks if self._index_ticks is not None else self.mark_ticks

    def set_index(self, index_price_ticks: int) -> None:
        self._index_ticks = self.mark_ticks = index_price_ticks

    def saw(self, trade: Trade) -> None:
        price = trade.price_ticks
        self.last_trade_ticks = price
        if self._index_ticks is None:
            self.mark_ticks = price
        start_ms = trade.executed_us // 1_000 // _MINUTE_MS * _MINUTE_MS
        bar = self._open
        if bar is None or bar.start_ms != start_ms:
            if bar is not None:
                self._minutes.append(bar)
            bar = Bar(
                start_ms=start_ms,
                open_ticks=price,
                high_ticks=price,
                low_ticks=price,
                close_ticks=price,
                volume_lots=0,
                volume_micro=0,
                trades_count=0,
                last_trade_id=0,
            )
        self._open = replace(
            bar,
            high_ticks=max(bar.high_ticks, price),
            low_ticks=min(bar.low_ticks, price),
            close_ticks=price,
            volume_lots=bar.volume_lots + trade.size_lots,
            volume_micro=bar.volume_micro + trade.quote_micro,
            trades_count=bar.trades_count + 1,
            last_trade_id=trade.trade_id,
        )

    def minute_bars(self) -> tuple[Bar, ...]:
        """Oldest first; the last one may still grow."""
        return (*self._minutes, self._open) if self._open is not None else ()

    def statistics(
        self, market_id: int, *, open_interest_lots: int, now_us: int
    ) -> MarketStatistics:
        since_ms = now_us // 1_000 - _DAY_MS
        day = [bar for bar in self.minute_bars() if bar.start_ms > since_ms]
        return MarketStatistics(
            market_id=market_id,
            mark_price_ticks=self.mark_ticks,
            index_price_ticks=self.index_ticks,
            last_trade_price_ticks=self.last_trade_ticks,
            open_interest_lots=open_interest_lots,
            daily_trades_count=sum(bar.trades_count for bar in day),
            daily_volume_lots=sum(bar.volume_lots for bar in day),
            daily_volume_micro=sum(bar.volume_micro for bar in day),
            daily_low_ticks=min((bar.low_ticks for bar in day), default=0),
            daily_high_ticks=max((bar.high_ticks for bar in day), default=0),
            daily_open_ticks=day[0].open_ticks if day else 0,
        )


def start_prices(markets: Mapping[int, MarketRules]) -> dict[int, MarketPrices]:
    return {
        market_id: MarketPrices(rules.start_price_ticks) for market_id, rules in markets.items()
    }
