"""What a maker has done since its term began: fills, and rounds from flat to flat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hedgepair_runner.ledger import Chain
from hedgepair_runner.orders import AccountTrade


@dataclass(slots=True)
class Tally:
    fills: int = 0
    rounds: int = 0
    _was_holding: bool = False

    def add(self, trades: Iterable[AccountTrade], chain: Chain) -> int:
        """Counts the trades that came after the anchor; returns how many those were."""
        new = sum(chain.is_anchored and trade.trade_id > chain.anchor_id for trade in trades)
        self.fills += new
        position_lots = chain.position_lots
        if position_lots is not None:
            self.rounds += self._was_holding and position_lots == 0
            self._was_holding = position_lots != 0
        return new
