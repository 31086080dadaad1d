"""Receipts and alarms for people (a table), for spreadsheets (CSV) and for scripts (JSON)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hedgepair_runner.contract.alarms import Alarm
from hedgepair_runner.contract.receipts import Receipt
from hedgepair_runner.local.receipt_summaries import (
    ReceiptSummary,
    average_price,
    covered_price,
    delay_ms,
    size_base,
    slippage_quote,
    traded_quote,
)

_UNKNOWN: Final = "?"
_COLUMNS: Final = (
    "executed (UTC)",
    "purpose",
    "size",
    "price",
    "against",
    "slip bps",
    "fee",
    "after fill",
    "epoch",
    "order",
)
_LEFT: Final = frozenset({"executed (UTC)", "purpose", "order"})


def receipts_table(receipts: Sequence[Receipt]) -> str:
    """One line a receipt; figures stand right."""
    if not receipts:
        return "no receipts in this period\n"
    return _aligned([_COLUMNS, *map(_row, receipts)], left=_LEFT)


def _row(receipt: Receipt) -> tuple[str, ...]:
    against = covered_price(receipt)
    delay = delay_ms(receipt)
    return (
        moment(receipt.executed_ms),
        receipt.purpose.value + (" (rebuilt)" if receipt.rebuilt else ""),
        f"{size_base(receipt):+f}",
        _price(average_price(receipt), receipt),
        "" if against is None else _price(against, receipt),
        _UNKNOWN if receipt.slippage_bps is None else f"{Decimal(receipt.slippage_bps):.2f}",
        _plain(Decimal(receipt.fee_quote)),
        _UNKNOWN if delay is None else f"{delay} ms",
        str(receipt.epoch),
        f"{receipt.client_order_index:x}",
    )


def _price(price: Decimal, receipt: Receipt) -> str:
    return f"{price:.{receipt.price_decimals}f}"


def receipts_csv(receipts: Iterable[Receipt]) -> str:
    """A line with names, then a line a receipt. Unknown fields are empty."""
    text = io.StringIO()
    rows = [_record(receipt) for receipt in receipts]
    writer = csv.DictWriter(text, fieldnames=list(_FIELDS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def receipts_json(receipts: Iterable[Receipt]) -> list[dict[str, Any]]:
    return [
        {
            **_record(receipt),
            "trades": [asdict(trade) for trade in receipt.trades],
            "covers": [asdict(cover) for cover in receipt.covers],
        }
        for receipt in receipts
    ]


_FIELDS: Final = (
    "executed",
    "purpose",
    "role",
    "market",
    "account",
    "size",
    "price",
    "quote",
    "against_price",
    "slippage_bps",
    "slippage",
    "fee",
    "maker_fee",
    "pnl",
    "funding",
    "filled",
    "seen",
    "sent",
    "accepted",
    "epoch",
    "nonce",
    "client_order_index",
    "order_index",
    "tx_hash",
    "holder",
    "trade_ids",
    "covered_trade_ids",
    "rebuilt",
)


def _record(receipt: Receipt) -> dict[str, Any]:
    """Flat, amounts as decimal text, moments as ISO 8601; None where nobody knows."""
    against, slippage = covered_price(receipt), slippage_quote(receipt)
    times = {
        "filled": receipt.filled_ms,
        "seen": receipt.seen_ms,
        "sent": receipt.sent_ms,
        "accepted": receipt.accepted_ms,
    }
    return {
        "executed": moment(receipt.executed_ms),
        "purpose": receipt.purpose.value,
        "role": receipt.role,
        "market": receipt.market,
        "account": receipt.account_index,
        "size": _plain(size_base(receipt)),
        "price": _plain(average_price(receipt)),
        "quote": _plain(traded_quote(receipt)),
        "against_price": None if against is None else _plain(against),
        "slippage_bps": receipt.slippage_bps,
        "slippage": None if slippage is None else _plain(slippage),
        "fee": receipt.fee_quote,
        "maker_fee": receipt.maker_fee_quote,
        "pnl": receipt.pnl_quote,
        "funding": receipt.funding_quote,
        **{name: None if at_ms is None else moment(at_ms) for name, at_ms in times.items()},
        "epoch": receipt.epoch,
        "nonce": receipt.nonce,
        "client_order_index": receipt.client_order_index,
        "order_index": receipt.order_index,
        "tx_hash": receipt.tx_hash,
        "holder": receipt.holder,
        "trade_ids": " ".join(str(trade.trade_id) for trade in receipt.trades),
        "covered_trade_ids": " ".join(str(cover.trade_id) for cover in receipt.covers),
        "rebuilt": receipt.rebuilt,
    }


def summary_words(summary: ReceiptSummary) -> str:
    per_million = summary.cost_per_million
    slip = summary.slippage_bps
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(summary.by_purpose.items()))
    rows = [
        ("orders", f"{summary.orders}" + (f" ({kinds})" if kinds else "")),
        ("volume", _money(summary.volume_quote)),
        ("fees, hedger", _money(summary.hedger_fee_quote)),
        ("fees, maker", _money(summary.maker_fee_quote)),
        (
            "slippage",
            _money(summary.slippage_quote) + ("" if slip is None else f" ({slip:.2f} bps)"),
        ),
        ("funding", _money(summary.funding_quote)),
        ("realised, net", _money(summary.result_quote)),
        ("cost per million", "?" if per_million is None else _money(per_million)),
    ]
    if summary.unmatched:
        rows.append(("slippage unknown", f"{summary.unmatched} orders"))
    if summary.rebuilt:
        rows.append(("rebuilt", f"{summary.rebuilt} receipts, from the venue's records"))
    width = max(len(label) for label, _ in rows)
    return "".join(f"{label:<{width}}  {words}\n" for label, words in rows)


def summary_json(summary: ReceiptSummary) -> dict[str, Any]:
    per_million, slip = summary.cost_per_million, summary.slippage_bps
    return {
        "orders": summary.orders,
        "by_purpose": summary.by_purpose,
        "rebuilt": summary.rebuilt,
        "slippage_unknown": summary.unmatched,
        "volume": _plain(summary.volume_quote),
        "hedger_fees": _plain(summary.hedger_fee_quote),
        "maker_fees": _plain(summary.maker_fee_quote),
        "slippage": _plain(summary.slippage_quote),
        "slippage_bps": None if slip is None else f"{slip:.4f}",
        "funding": _plain(summary.funding_quote),
        "realized_net": _plain(summary.result_quote),
        "cost": _plain(summary.cost_quote),
        "cost_per_million": None if per_million is None else f"{per_million:.6f}",
    }


def summary_csv(summary: ReceiptSummary) -> str:
    text = io.StringIO()
    flat = {name: value for name, value in summary_json(summary).items() if name != "by_purpose"}
    writer = csv.DictWriter(text, fieldnames=list(flat), lineterminator="\n")
    writer.writeheader()
    writer.writerow(flat)
    return text.getvalue()


def alarms_table(alarms: Sequence[Alarm]) -> str:
    """The message comes last: it is as long as it is."""
    if not alarms:
        return "no alarms in this period\n"
    rows = [("told (UTC)", "severity", "kind", "by", "message")]
    rows += [
        (
            moment(each.at_ms),
            each.severity.value,
            each.kind,
            f"{each.role} {each.epoch}".strip() if each.epoch else each.role,
            each.message,
        )
        for each in alarms
    ]
    return _aligned(rows, left=frozenset(rows[0]))


def alarms_csv(alarms: Iterable[Alarm]) -> str:
    text = io.StringIO()
    rows = [alarm_json(alarm) for alarm in alarms]
    fields = ["at", "severity", "kind", "role", "epoch", "message"]
    writer = csv.DictWriter(text, fieldnames=fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    return {
        "at": moment(alarm.at_ms),
        "severity": alarm.severity.value,
        "kind": alarm.kind,
        "role": alarm.role,
        "epoch": alarm.epoch,
        "message": alarm.message,
    }


def moment(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1_000, tz=UTC)
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _aligned(rows: Sequence[Sequence[str]], *, left: frozenset[str]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            f"{cell:<{width}}" if name in left else f"{cell:>{width}}"
            for name, cell, width in zip(rows[0], row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _money(amount: Decimal) -> str:
    return f"{amount:,.6f}"


def _plain(amount: Decimal) -> str:
    """No trailing zeros, no exponent, no negative zero."""
    return f"{amount.normalize():f}" if amount else "0"
