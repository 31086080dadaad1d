"""Tells what happened in a ring, line by line, for whoever must understand a failed test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hedgepair_runner.contract.identity import NONCE_BITS
from hedgepair_runner.contract.status import RunnerReport
from hedgepair_runner.venues.paper.records import TxRecord, TxStatus
from tests.flow import auditing

if TYPE_CHECKING:
    from tests.flow.ring import Ring

SHOWN_LINES = 400
_TX_NAMES = {14: "create", 15: "cancel", 16: "cancel-all", 17: "modify"}


def timeline(ring: Ring) -> str:
    lines = [*_notes(ring), *_reports(ring), *_txs(ring), *_trades(ring)]
    lines.sort(key=lambda line: line[0])
    return "\n".join(f"{at_s:9.4f}  {text}" for at_s, text in lines[-SHOWN_LINES:])


def _notes(ring: Ring) -> Iterator[tuple[float, str]]:
    for at_s, text in ring.notes:
        yield at_s, f"--- {text} ---"


def _reports(ring: Ring) -> Iterator[tuple[float, str]]:
    last: dict[str, str] = {}
    for at_s, report in ring.store.reports_seen:
        text = _told(report)
        if last.get(report.holder) != text:
            last[report.holder] = text
            yield at_s, f"{report.holder:10} {text}"


def _told(report: RunnerReport) -> str:
    parts = [report.state.value, report.reason, f"position {report.position_lots}"]
    if report.role == "hedger":
        parts.append(f"maker {report.maker_chain_lots} @ {report.maker_chain_trade_id}")
        parts.append(f"gap {report.gap_lots} in flight {report.in_flight}")
    parts += [f"rests {order.remaining_lots} @ {order.price_ticks}" for order in report.resting]
    return ", ".join(part for part in parts if part)


def _txs(ring: Ring) -> Iterator[tuple[float, str]]:
    for account in ring.judged.accounts:
        for record in ring.exchange.account_txs(account, limit=auditing.EVERYTHING):
            at_us = record.executed_us or record.queued_us
            yield _at_s(ring, at_us), f"exchange   account {account} {_tx(record)}"


def _tx(record: TxRecord) -> str:
    nonce = f"{record.nonce >> NONCE_BITS}:{record.nonce & ((1 << NONCE_BITS) - 1)}"
    kind = _TX_NAMES.get(record.tx_type, str(record.tx_type))
    info = json.loads(record.info)
    order = (
        f" {'sell' if info['IsAsk'] else 'buy'} {info['BaseAmount']} @ {info['Price']}"
        if (kind == "create")
        else ""
    )
    failed = f" {record.event_info}" if record.status is TxStatus.FAILED else ""
    return f"{kind}{order} nonce {nonce} {record.status.name.lower()}{failed}"


def _trades(ring: Ring) -> Iterator[tuple[float, str]]:
    for trade in auditing.trades_of(ring.exchange, ring.judged):
        for account in ring.judged.accounts:
            lots = auditing.lots_for(trade, account)
            if lots:
                text = f"account {account} trades {lots:+} @ {trade.price_ticks}"
                yield _at_s(ring, trade.executed_us), f"exchange   {text} ({trade.trade_id})"


def _at_s(ring: Ring, at_us: int) -> float:
    return ring.now_s - (ring.clock.now_us() - at_us) / 1_000_000
