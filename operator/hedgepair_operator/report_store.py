"""What runners last reported, and when that was by the operator's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from hedgepair_operator.facts import ReportFact
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.status import RunnerReport, read_report

STALE: Final = timedelta(seconds=10)
"""A runner reports at least once a second (contract/status.py)."""


class News(Enum):
    """What a reading told."""

    NOTHING = 0
    NUMBERS = 1
    """Only what the status shows at its leisure."""
    CHANGE = 2


@dataclass(slots=True)
class _Entry:
    text: bytes
    report: RunnerReport
    changed_at: datetime
    is_there: bool
    confirmations: int


class ReportStore:
    def __init__(self) -> None:
        self._entries: dict[tuple[PairId, Role], _Entry] = {}

    def put(self, pair: PairId, role: Role, text: bytes | None, now: datetime) -> News:
        """One reading of Redis; None: there is no report. A broken report counts as none."""
        entry = self._entries.get((pair, role))
        if text is not None and entry is not None and text == entry.text:
            return self._unchanged(entry, now)
        report = None if text is None else _read(text)
        if report is None or text is None:
            if entry is None or not entry.is_there:
                return News.NOTHING
            entry.is_there = False
            return News.CHANGE
        # Read for the first time, it is as old as its expiry allows: seconds.
        confirmations = 1
        if entry is not None and _proof(entry.report) == _proof(report):
            confirmations = entry.confirmations + (report.reported_ms > entry.report.reported_ms)
        self._entries[pair, role] = _Entry(
            text=text, report=report, changed_at=now, is_there=True, confirmations=confirmations
        )
        if entry is None or not entry.is_there or now - entry.changed_at >= STALE:
            return News.CHANGE
        if _substance(entry.report) != _substance(report):
            return News.CHANGE
        return News.NUMBERS if _numbers(entry.report) != _numbers(report) else News.NOTHING

    def _unchanged(self, entry: _Entry, now: datetime) -> News:
        """The very same text: fresh for as long as a runner may be silent."""
        if not entry.is_there:
            entry.is_there = True
            return News.CHANGE
        age = now - entry.changed_at
        return News.CHANGE if STALE <= age < 2 * STALE else News.NOTHING

    def facts_of(self, pair: PairId, now: datetime) -> dict[Role, ReportFact]:
        found = {}
        for role in Role:
            entry = self._entries.get((pair, role))
            if entry is not None:
                found[role] = ReportFact(
                    report=entry.report,
                    changed_at=entry.changed_at,
                    is_fresh=entry.is_there and now - entry.changed_at < STALE,
                    confirmations=entry.confirmations,
                )
        return found

    def forget(self, pair: PairId) -> None:
        for role in Role:
            self._entries.pop((pair, role), None)


def _read(text: bytes) -> RunnerReport | None:
    try:
        return read_report(text)
    except (ValueError, TypeError, KeyError):
        return None


def _proof(report: RunnerReport) -> Any:
    """What must be told twice in a row before it counts."""
    return (
        report.holder,
        report.state,
        report.generation,
        report.step,
        report.withdrawn_ms is not None,
        report.flat_ms is not None,
    )


def _substance(report: RunnerReport) -> Any:
    carried = abs(report.carried_lots)
    return (
        _proof(report),
        report.epoch,
        report.version,
        report.config_hash,
        report.reason_code,
        report.halts,
        report.fencing_degraded,
        report.pod,
        report.position_lots is None,
        report.is_deaf,
        report.gap_lots is None or abs(report.gap_lots) > carried,
        report.position_lots == 0,
    )


def _numbers(report: RunnerReport) -> Any:
    return (
        report.position_lots,
        report.maker_chain_lots,
        report.hedger_chain_lots,
        report.gap_lots,
        report.entry_price,
        report.open_orders,
        report.last_fill_ms,
        report.realized_pnl,
        report.reason,
    )
