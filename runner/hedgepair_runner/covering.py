"""Which fills of A a trade takes back, and at what cost against them.

Every lot of a hedge covers one lot of a fill, the oldest first, and never a second one. What an
unwind undoes is the newest, which no hedge has reached yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from hedgepair_runner.contract.receipts import Cover
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.units import BPS

_SHOWN_BPS = Decimal("0.0001")


class Uncovered:
    """A's fills that nothing has taken back yet, oldest first, all of one sign."""

    def __init__(self, fills: Iterable[Cover] = ()) -> None:
        self._fills = deque(fills)

    def fill(self, trade: AccountTrade) -> None:
        """A trade of A that opens, or takes back what is open of the other sign."""
        taken = sum(part.signed_lots for part in self.take(trade.signed_lots))
        left = trade.signed_lots + taken
        if left:
            self._fills.append(
                Cover(trade_id=trade.trade_id, signed_lots=left, price_ticks=trade.price_ticks)
            )

    def take(self, lots: int, *, newest_first: bool = False) -> tuple[Cover, ...]:
        """What a trade of signed `lots` takes back: parts of fills of the other sign."""
        taken: list[Cover] = []
        while lots and self._fills and self._fills[0].signed_lots * lots < 0:
            fill = self._fills.pop() if newest_first else self._fills.popleft()
            part = _toward(fill.signed_lots, lots)
            taken.append(replace(fill, signed_lots=part))
            lots += part
            left = replace(fill, signed_lots=fill.signed_lots - part)
            if left.signed_lots and newest_first:
                self._fills.append(left)
            elif left.signed_lots:
                self._fills.appendleft(left)
        return tuple(taken)

    def now(self) -> tuple[Cover, ...]:
        return tuple(self._fills)


def merged(covers: Iterable[Cover]) -> tuple[Cover, ...]:
    """Parts of one fill as one."""
    found: dict[int, Cover] = {}
    for cover in covers:
        known = found.get(cover.trade_id)
        lots = cover.signed_lots + (known.signed_lots if known is not None else 0)
        found[cover.trade_id] = replace(cover, signed_lots=lots)
    return tuple(found.values())


def slippage_bps(lots: int, quote_units: int, covers: Sequence[Cover]) -> Decimal | None:
    """Of an order of signed `lots` against the fills that it covers; positive is a cost. None
    where they are not known to the last lot."""
    if not covers or sum(cover.signed_lots for cover in covers) != -lots:
        return None
    fill_units = sum(abs(cover.signed_lots) * cover.price_ticks for cover in covers)
    cost_units = (quote_units - fill_units) if lots > 0 else (fill_units - quote_units)
    return (Decimal(cost_units) * BPS / Decimal(fill_units)).quantize(_SHOWN_BPS)


def _toward(fill_lots: int, lots: int) -> int:
    """As much of a fill as `lots`, of the other sign, can take."""
    return max(fill_lots, -lots) if fill_lots < 0 else min(fill_lots, -lots)
