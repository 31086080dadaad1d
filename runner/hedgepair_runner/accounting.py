"""What trades earn and cost, to the venue's last unit (protocol §7.11, §7.13).

Money is whole parts: a part is a millionth of a unit (lot · tick), which is what a fee in
millionths comes to. Nothing here rounds but where the venue does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.units import Market

PARTS = 1_000_000
"""In a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one trade or many: realised before fees, and the fees. Both in parts."""

    pnl_parts: int = 0
    fee_parts: int = 0

    def __add__(self, other: Result) -> Result:
        return Result(
            pnl_parts=self.pnl_parts + other.pnl_parts, fee_parts=self.fee_parts + other.fee_parts
        )

    @property
    def net_parts(self) -> int:
        return self.pnl_parts - self.fee_parts


NOTHING = Result()


def result_of(trade: AccountTrade) -> Result | None:
    """None where the source did not tell the entry value before the trade."""
    entry_units = trade.entry_before_units
    if entry_units is None and trade.before_lots:
        return None
    pnl_units = realized_units(
        trade.before_lots, entry_units or 0, trade.signed_lots, trade.price_ticks
    )
    fee_parts = abs(trade.signed_lots) * trade.price_ticks * trade.fee_millionths
    return Result(pnl_parts=pnl_units * PARTS, fee_parts=fee_parts)


def entry_after_units(before_lots: int, entry_units: int, lots: int, price_ticks: int) -> int:
    """Unsigned entry value after a trade of signed `lots`, from the unsigned one before."""
    after_lots = before_lots + lots
    if before_lots == 0 or (before_lots > 0) == (lots > 0):
        return entry_units + abs(lots) * price_ticks
    if after_lots == 0 or (after_lots > 0) == (before_lots > 0):
        # The venue rounds what is left down, so what was realised takes the rest.
        return entry_units * abs(after_lots) // abs(before_lots)
    return price_ticks * abs(after_lots)


def realized_units(before_lots: int, entry_units: int, lots: int, price_ticks: int) -> int:
    """sign_new · entry_new − (sign_old · entry_old + trade's signed value)."""
    after_units = entry_after_units(before_lots, entry_units, lots, price_ticks)
    after_lots = before_lots + lots
    return _sign(after_lots) * after_units - (_sign(before_lots) * entry_units + lots * price_ticks)


def quote_of(parts: int, market: Market) -> Decimal:
    return Decimal(parts).scaleb(-market.size_decimals - market.price_decimals - 6)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
