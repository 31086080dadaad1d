"""A pair's status, whole, from observation alone; and when it is worth a write (design §9–10).

A condition that changed is written at once, numbers at most every 15 s, ages never for themselves.
What is not known is written as "Unknown": the last good number stands in the message, with its
time, and never alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hedgepair_operator.conditions import Condition, find, render
from hedgepair_operator.facts import Observed, ReportFact
from hedgepair_operator.judging import Case
from hedgepair_operator.reasons import ConditionType
from hedgepair_operator.trading import UNKNOWN, in_base, net_of, position_of
from hedgepair_operator.trimming import read_time, write_time
from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.contract.identity import Role

NUMBERS_EVERY: Final = timedelta(seconds=15)
_AGES: Final = ("observedAt", "sources")
_SLOW_LEG: Final = ("pod", "epoch", "version", "configHash")


def status_of(
    case: Case,
    conditions: list[Condition],
    halts: tuple[Halt, ...],
    *,
    runner_image: str | None,
) -> dict[str, Any]:
    observed, now = case.observed, case.now
    before = observed.pair.status
    status: dict[str, Any] = {
        "observedGeneration": observed.pair.generation,
        "conditions": render(
            conditions, before=before, generation=observed.pair.generation, now=now
        ),
    }
    for role in (Role.MAKER, Role.HEDGER):
        if role in case.roles or role.label in before:
            leg = _leg(observed, role, before.get(role.label) or {})
            if leg:
                status[role.label] = leg
    seen = any(fact.is_fresh for fact in observed.reports.values()) or "netExposure" in before
    if seen:
        net = net_of(case).net
        status["netExposure"] = UNKNOWN if net is None else f"{net:f}"
    unhedged = _unhedged_since(case, before)
    if unhedged is not None:
        status["unhedgedSince"] = unhedged
    if halts:
        first = halts[0]
        since = datetime.fromtimestamp(first.since_ms / 1000, UTC)
        status["halt"] = {"id": first.id, "reason": first.reason.value, "since": write_time(since)}
    pnl = _realized(observed)
    if pnl is not None or "realizedPnl" in before:
        status["realizedPnl"] = pnl if pnl is not None else UNKNOWN
    if runner_image is not None:
        status["runnerImage"] = runner_image
    status["observedAt"] = write_time(now)
    status["sources"] = _sources(observed, now)
    return status


def _leg(observed: Observed, role: Role, before: Mapping[str, Any]) -> dict[str, Any]:
    fact = observed.reports.get(role)
    if fact is None or not fact.is_fresh:
        # Who it was stays; what it had is not known.
        kept = {name: before[name] for name in _SLOW_LEG if name in before}
        return kept | {"position": UNKNOWN} if kept else {}
    report = fact.report
    position = position_of(fact)
    chain = report.maker_chain_lots if role is Role.MAKER else report.hedger_chain_lots
    pods = observed.pods_of(role)
    leg: dict[str, Any] = {
        "pod": report.pod or _pod_of(report.holder, [pod.key.name for pod in pods]),
        "epoch": report.epoch,
        "position": UNKNOWN if position is None else f"{position:f}",
        "entryPrice": report.entry_price,
        "openOrders": report.open_orders,
        "chainPosition": None if chain is None else f"{in_base(report, chain):f}",
        "lastFillTime": _moment(report.last_fill_ms),
        "version": report.version,
        "configHash": report.config_hash,
    }
    return {name: value for name, value in leg.items() if value not in (None, "")}


def _pod_of(holder: str, pods: list[str]) -> str:
    """A holder begins with its host's name, which is the pod's."""
    host = holder.partition("/")[0]
    return host if host in pods else next(iter(pods), "")


def _moment(unix_ms: int | None) -> str | None:
    return None if unix_ms is None else write_time(datetime.fromtimestamp(unix_ms / 1000, UTC))


def _unhedged_since(case: Case, before: Mapping[str, Any]) -> str | None:
    """Absent while hedged. Kept while it is open or unknown; a new one counts back from now."""
    open_s = _open_for(case)
    if open_s is None:
        return None
    since: str | None = before.get("unhedgedSince")
    return since or write_time(case.now - timedelta(seconds=open_s))


def _open_for(case: Case) -> float | None:
    fact = case.observed.reports.get(Role.HEDGER)
    if fact is None or not fact.is_fresh:
        return 0.0 if "unhedgedSince" in case.observed.pair.status else None
    report = fact.report
    is_open = report.in_flight > 0 or (
        report.gap_lots is not None and abs(report.gap_lots) > abs(report.carried_lots)
    )
    return (report.unhedged_s or 0.0) if is_open else None


def _realized(observed: Observed) -> str | None:
    for role in (Role.HEDGER, Role.MAKER):
        fact = observed.reports.get(role)
        if fact is not None and fact.is_fresh and fact.report.realized_pnl is not None:
            return fact.report.realized_pnl
    return None


def _sources(observed: Observed, now: datetime) -> list[dict[str, Any]]:
    """Ages, at `observedAt`, of the reports and of what the runners themselves rest on."""
    ages: dict[str, float] = {}
    for role, fact in sorted(observed.reports.items()):
        ages[f"{role.label}Report"] = max(0.0, (now - fact.changed_at).total_seconds())
        if fact.is_fresh:
            ages |= _runner_sources(role, fact)
    return [{"name": name, "ageSeconds": int(age)} for name, age in ages.items()][:16]


def _runner_sources(role: Role, fact: ReportFact) -> dict[str, float]:
    return {
        f"{role.label}/{name}": age
        for name, age in sorted(fact.report.source_ages_s.items())
        if age is not None and age >= 0
    }


def image_in_force(case: Case, settings_image: str | None) -> str | None:
    """Of the pods that run; where none does, what the next one will have."""
    for role in case.roles:
        for pod in case.observed.pods_of(role):
            if pod.image:
                return pod.image
    return settings_image


def write_due(
    before: Mapping[str, Any], after: Mapping[str, Any], now: datetime
) -> tuple[bool, float | None]:
    """(whether to write now, else in how many seconds). (False, None): nothing differs."""
    if _without_ages(before) == _without_ages(after):
        return False, None
    if _urgent(before) != _urgent(after):
        return True, None
    observed_at = read_time(before.get("observedAt"))
    if observed_at is None or now - observed_at >= NUMBERS_EVERY:
        return True, None
    return False, (NUMBERS_EVERY - (now - observed_at)).total_seconds()


def _without_ages(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name not in _AGES}


def _urgent(status: Mapping[str, Any]) -> Any:
    conditions = [
        (one["type"], one["status"], one["reason"]) for one in status.get("conditions") or ()
    ]
    legs = [
        {name: (status.get(role.label) or {}).get(name) for name in _SLOW_LEG}
        | {"unknown": (status.get(role.label) or {}).get("position") == UNKNOWN}
        for role in Role
    ]
    return (
        status.get("observedGeneration"),
        conditions,
        legs,
        status.get("halt"),
        status.get("runnerImage"),
        status.get("netExposure") == UNKNOWN,
        # A message without a changed word may still name another remedy.
        [
            (find(status, kind) or {}).get("message")
            for kind in (ConditionType.ACCEPTED, ConditionType.STALLED, ConditionType.HALTED)
        ],
    )
