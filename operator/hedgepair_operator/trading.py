"""Conditions of trading: Hedged, Degraded, Suspended, Completed, Halted.

Unknown is not flat (law 3): what no fresh report tells is Unknown, with the time of the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from hedgepair_operator.conditions import Condition, find
from hedgepair_operator.facts import ReportFact
from hedgepair_operator.judging import Case
from hedgepair_operator.proofs import proves
from hedgepair_operator.reasons import ConditionType, Reason, Truth
from hedgepair_operator.trimming import read_time, write_time
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState

HOLD_DOWN: Final = timedelta(seconds=10)
"""A blip of Redis or of one report is not yet a trouble for people."""
UNKNOWN: Final = "Unknown"
_SUSPENDING: Final = (Wish.SUSPEND, Wish.FLATTEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Both positions and what is open between them, in base units; None: not known."""

    maker: Decimal | None
    hedger: Decimal | None
    net: Decimal | None


def position_of(fact: ReportFact | None) -> Decimal | None:
    if fact is None or not fact.is_fresh or fact.report.position_lots is None:
        return None
    if fact.report.is_deaf:
        return None
    return in_base(fact.report, fact.report.position_lots)


def in_base(report: RunnerReport, lots: int) -> Decimal:
    return Decimal(lots).scaleb(-report.size_decimals)


def net_of(case: Case) -> Net:
    maker = position_of(case.observed.reports.get(Role.MAKER))
    hedger = position_of(case.observed.reports.get(Role.HEDGER))
    net = None
    if maker is not None and hedger is not None and case.manifest is not None:
        net = maker + hedger - case.manifest.spec.risk.accepted_net
    return Net(maker=maker, hedger=hedger, net=net)


def judge_hedged(case: Case) -> Condition:
    status, reason, message = _hedged(case)
    return Condition(type=ConditionType.HEDGED, status=status, reason=reason, message=message)


def _hedged(case: Case) -> tuple[Truth, Reason, str]:
    reports = case.observed.reports
    if case.manifest is not None and Role.HEDGER not in case.roles:
        fact = reports.get(Role.HEDGER)
        if fact is None or not fact.is_fresh:
            return (
                Truth.UNKNOWN,
                Reason.HEDGED_ELSEWHERE,
                ("This resource runs no hedger (mode MakerOnly), and no hedger reports for it."),
            )
    if not case.observed.pair.status.get("maker") and not reports:
        return Truth.UNKNOWN, Reason.NOT_YET_KNOWN, "No runner has reported yet."
    net = net_of(case)
    for role, position in ((Role.MAKER, net.maker), (Role.HEDGER, net.hedger)):
        if position is None:
            return Truth.UNKNOWN, Reason.LEG_UNKNOWN, _last_words(role, reports.get(role))
    hedger = reports[Role.HEDGER].report
    carried = abs(hedger.carried_lots)
    both = f"maker {net.maker:+f}, hedger {net.hedger:+f}"
    is_open = hedger.gap_lots is None or abs(hedger.gap_lots) > carried or hedger.in_flight > 0
    if hedger.gap_lots is None:
        return (
            Truth.UNKNOWN,
            Reason.LEG_UNKNOWN,
            (f"The hedger does not know the gap{f': {hedger.reason}' if hedger.reason else ''}."),
        )
    if not is_open:
        dust = f", {in_base(hedger, hedger.carried_lots):f} carried" if carried else ""
        return Truth.TRUE, Reason.NET_FLAT, f"{both}{dust}."
    late = hedger.unhedged_s is not None and hedger.unhedged_s > _patience_s(case)
    reason = Reason.UNHEDGED if late else Reason.FILL_PENDING
    return Truth.FALSE, reason, f"{both}: {in_base(hedger, hedger.gap_lots):+f} is not hedged."


def _last_words(role: Role, fact: ReportFact | None) -> str:
    if fact is None:
        return f"The {role.label} has not reported."
    if fact.is_fresh:
        why = f": {fact.report.reason}" if fact.report.reason else ""
        return f"The {role.label} does not know its position{why}.{_heard(fact)}"
    lots = fact.report.position_lots
    then = f"{in_base(fact.report, lots):+f}" if lots is not None else "unknown"
    return (
        f"The {role.label} last reported at {write_time(fact.changed_at)}; "
        f"its position was {then} then."
    )


def _heard(fact: ReportFact) -> str:
    """The last position that a runner heard of, as what it is."""
    lots = fact.report.position_lots
    return "" if lots is None else f" It last heard of {in_base(fact.report, lots):+f}."


def _patience_s(case: Case) -> int:
    return case.manifest.spec.risk.max_unhedged_seconds if case.manifest is not None else 10


def judge_degraded(case: Case) -> Condition:
    found = next(_impairments(case), None)
    if found is None:
        return Condition(
            type=ConditionType.DEGRADED,
            status=Truth.FALSE,
            reason=Reason.HEALTHY,
            message="Trading is not impaired.",
        )
    reason, message = found
    return Condition(type=ConditionType.DEGRADED, status=Truth.TRUE, reason=reason, message=message)


_REPORTED: Final = {
    reason.value: reason
    for reason in (
        Reason.RISK_BREACHED,
        Reason.VENUE_UNREACHABLE,
        Reason.REDIS_UNREACHABLE,
        Reason.HEDGE_REJECTED,
        Reason.FENCING_DEGRADED,
    )
}


def _impairments(case: Case) -> Iterator[tuple[Reason, str]]:
    """The worst first."""
    redis, reports = case.observed.redis, case.observed.reports
    fresh = {role: fact for role, fact in reports.items() if fact.is_fresh and role in case.roles}
    for role in case.roles:
        if role in fresh:
            report = fresh[role].report
            late = report.unhedged_s is not None and report.unhedged_s > _patience_s(case)
            if late and report.unhedged_s is not None:
                yield (
                    Reason.UNHEDGED_TOO_LONG,
                    (
                        f"The pair has been unhedged for longer than risk.maxUnhedgedSeconds "
                        f"({_patience_s(case)} s)."
                    ),
                )
    if redis.refusal:
        yield Reason.REDIS_REFUSED, redis.refusal
    if redis.lost_since is not None and case.now - redis.lost_since >= HOLD_DOWN:
        yield (
            Reason.REDIS_UNREACHABLE,
            (f"Redis has not answered the operator since {write_time(redis.lost_since)}."),
        )
    for role, fact in fresh.items():
        report = fact.report
        if report.reason_code in _REPORTED:
            yield _REPORTED[report.reason_code], f"The {role.label} reports: {report.reason}."
        if report.fencing_degraded:
            yield (
                Reason.FENCING_DEGRADED,
                (
                    f"The exchange does not let the {role.label} fence its predecessor at once; "
                    "a takeover waits ten minutes."
                ),
            )
    for role, fact in fresh.items():
        if fact.report.is_deaf and is_unknown_for(case, HOLD_DOWN):
            yield Reason.VENUE_UNREACHABLE, f"The {role.label} does not hear the exchange."
    if redis.lost_since is None:
        for role in case.roles:
            stale = reports.get(role)
            if (
                stale is not None
                and not stale.is_fresh
                and case.now - stale.changed_at >= HOLD_DOWN
            ):
                yield Reason.STALE_REPORT, _last_words(role, stale)
    for concern, sentence in redis.concerns:
        yield Reason(concern.value), sentence


def is_unknown_for(case: Case, least: timedelta) -> bool:
    """Whether the status has said for so long that the hedge is unknown."""
    hedged = find(case.observed.pair.status, ConditionType.HEDGED)
    if hedged is None or hedged["status"] != Truth.UNKNOWN.value:
        return False
    since = read_time(hedged.get("lastTransitionTime"))
    return since is not None and case.now - since >= least


def judge_suspended(case: Case) -> Condition:
    status, reason, message = _suspended(case)
    return Condition(type=ConditionType.SUSPENDED, status=status, reason=reason, message=message)


def _suspended(case: Case) -> tuple[Truth, Reason, str]:
    desired = case.desired
    if not is_suspension_wanted(case) or desired is None or desired.wish not in _SUSPENDING:
        return Truth.FALSE, Reason.NOT_SUSPENDED, "The pair is not suspended."
    flatten = desired.wish is Wish.FLATTEN
    missing = [
        role
        for role in case.roles
        if not proves(case.observed.reports.get(role), desired.wish, desired.version)
    ]
    if not missing:
        if flatten:
            return Truth.TRUE, Reason.FLATTENED, "No order rests, and both positions are zero."
        return Truth.TRUE, Reason.SUSPENDED, "No order rests, and everything filled is hedged."
    who = " and ".join(role.label for role in missing)
    if flatten:
        return Truth.FALSE, Reason.FLATTENING, f"The positions are being closed; {who} not proved."
    return Truth.FALSE, Reason.CANCELLING_ORDERS, f"Orders are withdrawn; {who} not proved."


def is_suspension_wanted(case: Case) -> bool:
    """By its user, by deletion, or by the release; a pause for a restart is none."""
    if case.is_deleting or case.refusal is not None:
        return True
    return case.manifest is not None and case.manifest.spec.suspend


def judge_completed(case: Case) -> Condition:
    states = [
        fact.report
        for role, fact in case.observed.reports.items()
        if role in case.roles and fact.is_fresh
    ]
    done = [report for report in states if report.state is RunnerState.COMPLETED]
    before = find(case.observed.pair.status, ConditionType.COMPLETED)
    if not states and before is not None and before["status"] == Truth.TRUE.value:
        # No report says otherwise.
        return Condition(
            type=ConditionType.COMPLETED,
            status=Truth.TRUE,
            reason=Reason.STOP_AFTER_REACHED,
            message=before["message"],
        )
    if done:
        return Condition(
            type=ConditionType.COMPLETED,
            status=Truth.TRUE,
            reason=Reason.STOP_AFTER_REACHED,
            message=f"stopAfter was reached: {done[0].reason or 'the pair ended flat'}.",
        )
    return Condition(
        type=ConditionType.COMPLETED,
        status=Truth.FALSE,
        reason=Reason.NOT_COMPLETED,
        message="stopAfter was not reached.",
    )


def judge_halted(halts: tuple[Halt, ...]) -> Condition:
    """A halt stays until a person acknowledges it (law 11), whatever is reachable meanwhile."""
    if not halts:
        return Condition(
            type=ConditionType.HALTED,
            status=Truth.FALSE,
            reason=Reason.NO_HALT,
            message="No halt stands.",
        )
    first = halts[0]
    more = f" ({len(halts) - 1} more stand.)" if len(halts) > 1 else ""
    return Condition(
        type=ConditionType.HALTED,
        status=Truth.TRUE,
        reason=Reason(first.reason.value),
        message=f"{first.message} Acknowledge it with the annotation "
        f"hedgepair.io/acknowledge: {first.id}.{more}",
    )
