"""What the exchange's own records say of a pair: the facts that summary, story and table share.

Sizes are whole lots, signed where they say so; prices whole ticks; money is Decimal quote.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedgepair_runner.units import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTrade:
    """One account's side of a trade. Trade ids are the order of the tape."""

    trade_id: int
    at_us: int
    signed_lots: int
    price_ticks: int
    order_index: int
    is_maker: bool
    pnl_quote: Decimal = Decimal(0)
    """Realised by this trade, before the fee."""
    fee_quote: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOrder:
    """A resting order."""

    order_index: int
    is_ask: bool
    price_ticks: int
    initial_lots: int
    remaining_lots: int
    placed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecords:
    """One account in the pair's market; trades since the start, oldest first."""

    account_index: int
    position_lots: int
    orders: tuple[LegOrder, ...] = ()
    trades: tuple[LegTrade, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    """A level of the public book, and how much of it is the pair's own."""

    price_ticks: int
    size_lots: int
    own_lots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRecords:
    """Both legs and the book, best levels first. A leg that the pair does not name is None."""

    market: Market
    at_ms: int
    maker: LegRecords | None
    hedger: LegRecords | None
    asks: tuple[BookRow, ...] = ()
    bids: tuple[BookRow, ...] = ()

    @property
    def legs(self) -> tuple[LegRecords, ...]:
        return tuple(leg for leg in (self.maker, self.hedger) if leg is not None)

    @property
    def net_lots(self) -> int:
        return sum(leg.position_lots for leg in self.legs)
