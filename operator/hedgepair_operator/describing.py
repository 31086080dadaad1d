"""From a case to the plan's part that people see: status and Events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hedgepair_operator.conditions import Condition
from hedgepair_operator.facts import ReportFact
from hedgepair_operator.judging import Case, judge_accepted, judge_progress, judge_ready
from hedgepair_operator.pods import image_of
from hedgepair_operator.rolling import Stage
from hedgepair_operator.settings import OperatorSettings
from hedgepair_operator.statuses import image_in_force, status_of, write_due
from hedgepair_operator.telling import Telling, tell_changes
from hedgepair_operator.trading import (
    HOLD_DOWN,
    is_unknown_for,
    judge_completed,
    judge_degraded,
    judge_halted,
    judge_hedged,
    judge_suspended,
)
from hedgepair_runner.contract.halts import Halt, standing
from hedgepair_runner.contract.identity import Role

_ROLL_S = 5.0


def describe(
    case: Case, settings: OperatorSettings, *, progress: list[Condition] | None = None
) -> tuple[Mapping[str, Any] | None, tuple[Telling, ...], float | None]:
    """(status to write now or None, Events with it, when to look again). `progress` None: by
    readiness."""
    ready = judge_ready(case)
    halts = halts_of(case)
    conditions = [
        judge_accepted(case),
        ready,
        judge_hedged(case),
        judge_degraded(case),
        judge_suspended(case),
        judge_completed(case),
        judge_halted(halts),
        *(judge_progress(case, ready) if progress is None else progress),
    ]
    image = None if case.manifest is None else image_of(case.manifest.spec, settings)
    status = status_of(case, conditions, halts, runner_image=image_in_force(case, image))
    before = case.observed.pair.status
    is_due, later_s = write_due(before, status, case.now)
    again = [second for second in (later_s, *_wakes(case)) if second is not None]
    again_in_s = max(0.1, min(again)) if again else None
    if not is_due:
        return None, (), again_in_s
    return status, tell_changes(before, status), again_in_s


def halts_of(case: Case) -> tuple[Halt, ...]:
    if case.desired is not None:
        return case.desired.halts
    reported = (halt for fact in case.observed.reports.values() for halt in fact.report.halts)
    return standing(reported, acknowledged=())


def _wakes(case: Case) -> list[float | None]:
    """Moments at which a judgement changes by the clock alone."""
    now, redis = case.now, case.observed.redis
    wakes: list[float | None] = []
    if redis.lost_since is not None:
        wakes.append(_until(redis.lost_since + HOLD_DOWN - now))
    for role in case.roles:
        fact = case.observed.reports.get(role)
        if fact is not None and not fact.is_fresh:
            wakes.append(_until(fact.changed_at + HOLD_DOWN - now))
        elif fact is not None and fact.report.is_deaf and not is_unknown_for(case, HOLD_DOWN):
            wakes.append(HOLD_DOWN.total_seconds() + 1.0)
    hedger = case.observed.reports.get(Role.HEDGER)
    if case.manifest is not None and hedger is not None and hedger.is_fresh:
        wakes.append(_until_late(hedger, case.manifest.spec.risk.max_unhedged_seconds))
    if case.roll.stage in (Stage.PAUSING, Stage.RESTARTING):
        wakes.append(_ROLL_S)
    return wakes


def _until(left: timedelta) -> float | None:
    return left.total_seconds() + 0.1 if left > timedelta(0) else None


def _until_late(fact: ReportFact, patience_s: int) -> float | None:
    open_s = fact.report.unhedged_s
    if open_s is None or open_s > patience_s:
        return None
    return patience_s - open_s + 0.1
