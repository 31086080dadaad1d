"""The verdict of an audit, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hedgepair_runner.audit_verdicts import Audit, Exposure, LegSummary, OutsideTrade

_MICROS: Final = 1_000_000
_LABEL_WIDTH: Final = 18
_LISTED: Final = 10
"""So many trades past the pair are listed one by one."""


def audit_words(audit: Audit, *, title: str) -> str:
    """Lines for a terminal; the last is the verdict."""
    lines = [f"{title}, {audit.market.symbol}", *(_line(*row) for row in _rows(audit))]
    lines += [f"  not told by the venue: {gap}" for gap in audit.gaps]
    if audit.is_clean:
        lines.append("clean: no violation found")
    else:
        count = len(audit.violations)
        lines.append(f"{count} violation{'' if count == 1 else 's'}:")
        lines += [f"  {each.sentence} (formula {each.formula})" for each in audit.violations]
    return "\n".join(lines) + "\n"


def _line(label: str, words: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}{words}"


def _rows(audit: Audit) -> Iterator[tuple[str, str]]:
    yield "period", f"{_moment(audit.from_us)} to {_moment(audit.to_us)}"
    for leg in audit.legs:
        yield leg.role, _leg_words(leg, audit)
    unwinds = f", {audit.unwinds} unwinds" if audit.unwinds else ""
    yield "trades", f"{audit.fills} fills, {audit.hedges} hedges{unwinds}"
    if audit.exposure is None:
        yield "net", "one leg alone has none: cover is not judged"
    else:
        yield from _exposure_rows(audit.exposure, audit)
    yield from _outside_rows("foreign trades", audit.foreign, audit)
    yield from _outside_rows("forced trades", audit.forced, audit)


def _leg_words(leg: LegSummary, audit: Audit) -> str:
    base = audit.market.base
    return (
        f"account {leg.account_index}: {leg.trades} trades of {_plain(base(leg.traded_lots))}, "
        f"{leg.orders} orders ({leg.resting_orders} resting), {leg.executed_txs} transactions, "
        f"{leg.fences} fences, funding {_plain(leg.funding_quote)}, "
        f"position {_plain(base(leg.position_lots))}"
    )


def _exposure_rows(exposure: Exposure, audit: Audit) -> Iterator[tuple[str, str]]:
    base = audit.market.base
    symbol = audit.market.symbol
    yield "worst unhedged", f"{_plain(base(exposure.worst_lots))} {symbol}"
    times = base(exposure.worst_lot_us) / _MICROS
    yield "  times its time", f"{_short(times)} {symbol}·s"
    yield "longest gap", f"{exposure.longest_us / _MICROS:.3f} s"
    yield "worst overshoot", f"{_plain(base(exposure.worst_overshoot_lots))} {symbol}"
    since = f", for {exposure.open_us / _MICROS:.1f} s" if exposure.open_us else ""
    yield "net at the end", f"{_plain(base(exposure.open_lots))} {symbol}{since}"


def _outside_rows(
    label: str, trades: tuple[OutsideTrade, ...], audit: Audit
) -> Iterator[tuple[str, str]]:
    yield label, str(len(trades)) if trades else "none"
    for trade in trades[:_LISTED]:
        lots = _plain(audit.market.base(trade.signed_lots))
        kind = "" if trade.kind == "trade" else f", {trade.kind}"
        at = _moment(trade.at_us)
        yield "", f"{at} account {trade.account_index} {lots} (trade {trade.trade_id}{kind})"


def audit_json(audit: Audit) -> dict[str, Any]:
    """Amounts as decimal text in base units, times in seconds or ISO 8601."""
    base = audit.market.base
    exposure = audit.exposure
    return {
        "clean": audit.is_clean,
        "market": audit.market.symbol,
        "from": _moment(audit.from_us),
        "to": _moment(audit.to_us),
        "fills": audit.fills,
        "hedges": audit.hedges,
        "unwinds": audit.unwinds,
        "exposure": None
        if exposure is None
        else {
            "worst_unhedged": _plain(base(exposure.worst_lots)),
            "worst_unhedged_seconds": _plain(base(exposure.worst_lot_us) / _MICROS),
            "longest_gap_s": exposure.longest_us / _MICROS,
            "worst_overshoot": _plain(base(exposure.worst_overshoot_lots)),
            "net_at_end": _plain(base(exposure.open_lots)),
            "open_for_s": exposure.open_us / _MICROS,
        },
        "legs": [
            {
                "role": leg.role,
                "account": leg.account_index,
                "position": _plain(base(leg.position_lots)),
                "trades": leg.trades,
                "traded": _plain(base(leg.traded_lots)),
                "orders": leg.orders,
                "resting_orders": leg.resting_orders,
                "executed_transactions": leg.executed_txs,
                "fences": leg.fences,
                "funding": _plain(leg.funding_quote),
            }
            for leg in audit.legs
        ],
        "foreign_trades": [_outside_json(trade, audit) for trade in audit.foreign],
        "forced_trades": [_outside_json(trade, audit) for trade in audit.forced],
        "violations": [
            {"formula": each.formula, "sentence": each.sentence} for each in audit.violations
        ],
        "not_told": list(audit.gaps),
    }


def _outside_json(trade: OutsideTrade, audit: Audit) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "at": _moment(trade.at_us),
        "account": trade.account_index,
        "size": _plain(audit.market.base(trade.signed_lots)),
        "kind": trade.kind,
    }


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / _MICROS, tz=UTC).isoformat(timespec="milliseconds")


def _plain(amount: Decimal) -> str:
    """No trailing zeros, no exponent, no negative zero."""
    return f"{amount.normalize():f}" if amount else "0"


def _short(amount: Decimal) -> str:
    return _plain(Decimal(f"{amount:.6f}"))
