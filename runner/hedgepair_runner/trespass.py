"""A net that is not the pair's own doing: somebody else traded (design §4.1, §4.4)."""

from __future__ import annotations

from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.desk import Desk

FOREIGN_AFTER_S = 2.0
"""Twice what replicas of the venue's reads may lag."""


class Trespass:
    """Nothing is sent from the first moment; the halt waits until that is no passing view."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._since_s: float | None = None

    def of(self, gap: int, *, max_net_lots: int) -> str:
        """The sentence for people where the gap is more than the pair can leave open; else empty.

        Halts the pair once that has lasted.
        """
        if abs(gap) <= max_net_lots + self._most_carried_lots():
            self._since_s = None
            return ""
        market = self._desk.market
        sentence = (
            f"ForeignPosition: the net of {market.base(gap)} {market.symbol} is beyond "
            f"risk.maxNetExposure {market.base(max_net_lots)}; close it by hand, or "
            "name it in risk.acceptedNet, and acknowledge this halt"
        )
        now_s = self._desk.clock.boot_s()
        if self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s >= FOREIGN_AFTER_S:
            self._desk.halts.raise_(HaltReason.FOREIGN_POSITION, sentence)
        return sentence

    def _most_carried_lots(self) -> int:
        """What the venue's minimum may have left open before the fill that opened the rest."""
        market = self._desk.market
        mark_ticks = self._desk.venue.mark_price_ticks(market.market_id)
        return (
            market.min_base_lots if mark_ticks is None else market.smallest_resting_lots(mark_ticks)
        )
