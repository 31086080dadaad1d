"""What an account made in one market since the UTC day began, from the venue's records alone
(design §6): realised, fees, funding, and what its position has not realised yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTrade:
    """One own trade: what it realised before fees, its fee, the position after it."""

    trade_id: int
    timestamp_ms: int
    realised_quote: Decimal
    fee_quote: Decimal
    after_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """One funding payment; `change_quote` is what it did to the collateral."""

    funding_id: int
    timestamp_ms: int
    change_quote: Decimal


def day_start_ms(wall_ms: int) -> int:
    return wall_ms - wall_ms % DAY_MS


def day_of(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1_000, tz=UTC).date().isoformat()


def day_end_ms(wall_ms: int) -> int:
    return day_start_ms(wall_ms) + DAY_MS


@dataclass(slots=True)
class DayBook:
    """The records of one day. A record enters once, however often it is read."""

    start_ms: int
    trades: dict[int, DayTrade] = field(default_factory=dict)
    fundings: dict[int, FundingPaid] = field(default_factory=dict)

    @property
    def newest_id(self) -> int:
        return max(self.trades, default=0)

    def add(self, trades: Iterable[DayTrade]) -> None:
        self.trades |= {
            each.trade_id: each for each in trades if each.timestamp_ms >= self.start_ms
        }

    def add_fundings(self, paid: Iterable[FundingPaid]) -> None:
        self.fundings |= {
            each.funding_id: each for each in paid if each.timestamp_ms >= self.start_ms
        }

    def result_quote(self, *, position_lots: int, unrealised_quote: Decimal) -> Decimal | None:
        """None: the position read and the trades do not speak of the same moment."""
        if self.trades and self.trades[self.newest_id].after_lots != position_lots:
            return None
        settled = sum(
            (each.realised_quote - each.fee_quote for each in self.trades.values()), Decimal(0)
        )
        paid = sum((each.change_quote for each in self.fundings.values()), Decimal(0))
        return settled + paid + unrealised_quote
