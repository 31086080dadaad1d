"""What is asked of a pair from outside, whether it is proved, and what is left (design §7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hedgepair_runner.contract.desired import Desired, Wish
from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.local.overview import UNKNOWN, base

_GONE = (RunnerState.STOPPED, RunnerState.STOPPING)
_AT_WORK = (RunnerState.RUNNING, RunnerState.HOLDING, RunnerState.HALTED, RunnerState.COMPLETED)

Reports = Mapping[Role, RunnerReport | None]


def silent_roles(reports: Reports, roles: Sequence[Role]) -> tuple[Role, ...]:
    """Those of the pair's roles that nobody plays now."""
    return tuple(
        role for role in roles if (report := reports.get(role)) is None or report.state in _GONE
    )


def next_desired(wish: Wish, reports: Reports, desired: Mapping[Role, Desired | None]) -> Desired:
    """Newer than all that was said so far, in the same generation: it changes no configuration."""
    versions = [each.version for each in desired.values() if each is not None]
    versions += [
        (report.generation, report.step) for report in reports.values() if report is not None
    ]
    generation, step = max(versions, default=(0, 0))
    return Desired(generation=generation, step=step + 1, wish=wish)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What was asked, and of whom."""

    desired: Desired
    roles: tuple[Role, ...]


def is_proved(demand: Demand, reports: Reports) -> bool:
    """Every role acts on it and has its proof from the venue; for Run, that it is at work."""
    return all(_has_done(demand, reports.get(role)) for role in demand.roles)


def _has_done(demand: Demand, report: RunnerReport | None) -> bool:
    if report is None or (report.generation, report.step) < demand.desired.version:
        return False
    match demand.desired.wish:
        case Wish.RUN:
            return report.state in _AT_WORK
        case Wish.SUSPEND:
            return report.withdrawn_ms is not None
        case Wish.FLATTEN:
            return report.withdrawn_ms is not None and report.flat_ms is not None
        case Wish.RELEASE:
            return report.state is RunnerState.RELEASED


def progress_words(demand: Demand, reports: Reports) -> str:
    """One line: how far each role is."""
    parts = []
    for role in demand.roles:
        report = reports.get(role)
        if report is None:
            parts.append(f"{role.label} does not report")
            continue
        words = report.state.value
        if (report.generation, report.step) < demand.desired.version:
            words += ", not heard it yet"
        elif report.reason and not _has_done(demand, report):
            words += f" ({report.reason})"
        parts.append(f"{role.label} {words}, {base(report, report.position_lots)}")
    return "; ".join(parts)


def leg_lines(demand: Demand, reports: Reports) -> list[str]:
    """What each leg holds at the end, and by when that was proved."""
    lines = []
    for role in demand.roles:
        report = reports.get(role)
        if report is None:
            lines.append(f"{role.label:<7} does not report: {UNKNOWN}")
            continue
        is_run = demand.desired.wish is Wish.RUN
        then = report.state.value if is_run else _orders(report)
        lines.append(f"{role.label:<7} position {base(report, report.position_lots)}, {then}")
    return lines


def _orders(report: RunnerReport) -> str:
    if report.withdrawn_ms is not None:
        return f"no order rests (proved at the exchange at {_clock(report.withdrawn_ms)})"
    if report.resting:
        return f"{len(report.resting)} order rests or is being placed"
    return "whether an order rests is not proved"


def left_lines(demand: Demand, reports: Reports, halts: Sequence[Halt]) -> list[str]:
    """What keeps it from being proved."""
    lines = []
    for role in demand.roles:
        report = reports.get(role)
        if report is not None and not _has_done(demand, report) and report.reason:
            lines.append(f"the {role.label} says: {report.reason}")
    hedger = reports.get(Role.HEDGER)
    if hedger is not None and hedger.gap_lots:
        lines.append(f"unhedged: {base(hedger, hedger.gap_lots)}")
    lines += [f"halt {halt.id} ({halt.reason.value}): {halt.message}" for halt in halts]
    return lines


def as_json(
    demand: Demand, reports: Reports, halts: Sequence[Halt], *, proved: bool
) -> dict[str, Any]:
    legs: dict[str, Any] = {}
    for role in demand.roles:
        report = reports.get(role)
        position = UNKNOWN if report is None else base(report, report.position_lots)
        legs[role.label] = {
            "state": None if report is None else report.state.value,
            "reason": "" if report is None else report.reason,
            "position": None if position == UNKNOWN else position.removeprefix("+"),
            "withdrawn_ms": None if report is None else report.withdrawn_ms,
            "flat_ms": None if report is None else report.flat_ms,
            "resting_orders": None if report is None else len(report.resting),
        }
    return {
        "wish": demand.desired.wish.value,
        "generation": demand.desired.generation,
        "step": demand.desired.step,
        "proved": proved,
        "roles": legs,
        "left": left_lines(demand, reports, halts),
    }


def _clock(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, tz=UTC):%H:%M:%S} UTC"
