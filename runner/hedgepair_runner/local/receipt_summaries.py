"""What a pair's receipts come to: volume, fees, slippage, funding, result, and the price of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgepair_runner.contract.receipts import Purpose, Receipt

MILLION: Final = 1_000_000
_BPS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSummary:
    """Amounts in quote currency. `volume`: of the orders and of the fills that they covered.
    `slippage`: against those fills, positive is a cost; of `unmatched` orders it is not known.
    `cost` is fees and slippage; `result` is what both legs realised, after fees and funding."""

    orders: int
    by_purpose: dict[str, int]
    rebuilt: int
    unmatched: int
    volume_quote: Decimal
    hedger_fee_quote: Decimal
    maker_fee_quote: Decimal
    slippage_quote: Decimal
    slippage_bps: Decimal | None
    """Average, by volume; None: nothing is known."""
    funding_quote: Decimal
    result_quote: Decimal

    @property
    def cost_quote(self) -> Decimal:
        return self.hedger_fee_quote + self.maker_fee_quote + self.slippage_quote

    @property
    def cost_per_million(self) -> Decimal | None:
        """Of volume traded; None without any."""
        return self.cost_quote * MILLION / self.volume_quote if self.volume_quote else None


def summarise_receipts(receipts: Iterable[Receipt]) -> ReceiptSummary:
    orders = rebuilt = unmatched = 0
    by_purpose: dict[str, int] = {}
    zero = Decimal(0)
    volume = own_fees = maker_fees = slippage = measured = funding = pnl = zero
    for receipt in receipts:
        orders += 1
        rebuilt += receipt.rebuilt
        by_purpose[receipt.purpose.value] = by_purpose.get(receipt.purpose.value, 0) + 1
        own, covered = traded_quote(receipt), covered_quote(receipt)
        # What closes on A is counted where its hedge covers it.
        volume += covered if receipt.purpose is Purpose.CLOSE else own + covered
        cost = slippage_quote(receipt)
        if cost is None:
            unmatched += receipt.purpose is Purpose.HEDGE
        else:
            slippage += cost
            measured += covered
        own_fees += Decimal(receipt.fee_quote)
        maker_fees += Decimal(receipt.maker_fee_quote)
        funding += Decimal(receipt.funding_quote)
        pnl += Decimal(receipt.pnl_quote)
    return ReceiptSummary(
        orders=orders,
        by_purpose=by_purpose,
        rebuilt=rebuilt,
        unmatched=unmatched,
        volume_quote=volume,
        hedger_fee_quote=own_fees,
        maker_fee_quote=maker_fees,
        slippage_quote=slippage,
        slippage_bps=slippage * _BPS / measured if measured else None,
        funding_quote=funding,
        result_quote=pnl - own_fees - maker_fees + funding,
    )


def traded_quote(receipt: Receipt) -> Decimal:
    return _quote(receipt, receipt.quote_units)


def covered_quote(receipt: Receipt) -> Decimal:
    units = sum(abs(cover.signed_lots) * cover.price_ticks for cover in receipt.covers)
    return _quote(receipt, units)


def slippage_quote(receipt: Receipt) -> Decimal | None:
    """Of the order against what it covered; None where that is not known."""
    if receipt.slippage_bps is None:
        return None
    cost = traded_quote(receipt) - covered_quote(receipt)
    return cost if receipt.signed_lots > 0 else -cost


def size_base(receipt: Receipt) -> Decimal:
    """Signed."""
    return Decimal(receipt.signed_lots).scaleb(-receipt.size_decimals)


def average_price(receipt: Receipt) -> Decimal:
    return _rounded(traded_quote(receipt) / abs(size_base(receipt)), receipt)


def covered_price(receipt: Receipt) -> Decimal | None:
    """Average of what it covered; None where nothing is known of it."""
    lots = sum(abs(cover.signed_lots) for cover in receipt.covers)
    if not lots:
        return None
    base = Decimal(lots).scaleb(-receipt.size_decimals)
    return _rounded(covered_quote(receipt) / base, receipt)


def delay_ms(receipt: Receipt) -> int | None:
    """From the fill to the order's last trade, by the venue's clock."""
    return None if receipt.filled_ms is None else receipt.executed_ms - receipt.filled_ms


def _rounded(price: Decimal, receipt: Receipt) -> Decimal:
    """An average, shown finer than a tick by two digits."""
    return price.quantize(Decimal(1).scaleb(-receipt.price_decimals - 2))


def _quote(receipt: Receipt, units: int) -> Decimal:
    return Decimal(units).scaleb(-receipt.size_decimals - receipt.price_decimals)
