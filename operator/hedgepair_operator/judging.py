"""Conditions from what is observed: Accepted, Ready, and the pair of kstatus.

`Ready` tells GitOps, `Hedged` tells the trader: no trading state in Ready (operators.md §0.7).
Trading is judged in `trading.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hedgepair_operator import names
from hedgepair_operator.conditions import Condition
from hedgepair_operator.facts import Kind, Observed, PodFact, Refusal
from hedgepair_operator.pods import account_of
from hedgepair_operator.proofs import heeds
from hedgepair_operator.reasons import ConditionType, Reason, Truth
from hedgepair_operator.rolling import Roll, Stage
from hedgepair_runner.contract.desired import Desired, config_hash
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.status import RunnerState

_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_LEASE = (RunnerState.WAITING_FOR_LEASE,)
_PART_OF_A_ROLL = (
    Reason.POD_PENDING,
    Reason.RUNNER_UNREACHABLE,
    Reason.RUNNER_STARTING,
    Reason.LEASE_HELD_ELSEWHERE,
)
_STARTING = (RunnerState.STARTING, RunnerState.FENCING, RunnerState.READING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One pair at one moment, with what was decided about it.

    `manifest` is the one in force: where the present spec is refused, the last one that was not;
    None where there is none. `refusal`: why the present spec is not acted on. `version` is the
    operator's.
    """

    observed: Observed
    manifest: HedgePair | None
    refusal: Refusal | None
    roles: tuple[Role, ...]
    desired: Desired | None
    roll: Roll
    is_deleting: bool
    is_hands_off: bool
    version: str
    now: datetime


def judge_accepted(case: Case) -> Condition:
    refusal = acceptance(case)
    if refusal is not None:
        return Condition(
            type=ConditionType.ACCEPTED,
            status=Truth.FALSE,
            reason=Reason(refusal.reason),
            message=refusal.sentence,
        )
    return Condition(
        type=ConditionType.ACCEPTED,
        status=Truth.TRUE,
        reason=Reason.ACCEPTED,
        message="The operator acts on this spec.",
    )


def acceptance(case: Case) -> Refusal | None:
    """Why the pair is not accepted: its spec, the release, its Secret, or its market."""
    if case.refusal is not None:
        return case.refusal
    for role in case.roles:
        fault = _fault_of(case, role)
        if fault is not None:
            return fault
        fact = case.observed.reports.get(role)
        if fact is not None and fact.is_fresh and fact.report.reason_code in _REPORTED:
            return Refusal(reason=fact.report.reason_code, sentence=f"{fact.report.reason}.")
    return None


_REPORTED = (Reason.UNKNOWN_MARKET.value,)


def _fault_of(case: Case, role: Role) -> Refusal | None:
    """The account's Secret, as the kubelet misses it: the operator itself reads no Secret."""
    if case.manifest is None:
        return None
    secret = account_of(case.manifest.spec, role).secret_ref
    if secret is None:
        return None
    waiting = {pod.uid for pod in case.observed.pods_of(role) if not pod.has_run}
    ours = (
        fault
        for fault in case.observed.faults
        if fault.pod_uid in waiting
        and fault.object_name == (secret.key if fault.is_key_missing else secret.name)
    )
    fault = max(ours, key=lambda fault: fault.seen_at, default=None)
    if fault is None:
        return None
    namespace = case.observed.pair.key.namespace
    if fault.is_key_missing:
        return Refusal(
            reason=Reason.SECRET_KEY_MISSING,
            sentence=f"Secret {secret.name} has no key {secret.key} for the {role.label}: add it, "
            f"or name another with {role.label}.account.secretRef.key.",
        )
    return Refusal(
        reason=Reason.SECRET_MISSING,
        sentence=f"Secret {secret.name} of the {role.label} does not exist in namespace "
        f"{namespace}: create it with key {secret.key}.",
    )


def judge_ready(case: Case) -> Condition:
    reason, message = _readiness(case)
    good = (Reason.RUNNERS_UP, Reason.ROLLOUT_PENDING)
    return Condition(
        type=ConditionType.READY,
        status=Truth.TRUE if reason in good else Truth.FALSE,
        reason=reason,
        message=message,
    )


def _readiness(case: Case) -> tuple[Reason, str]:
    if case.is_deleting:
        return Reason.TERMINATING, "The pair is being torn down."
    refusal = acceptance(case)
    if refusal is not None:
        return Reason.NOT_ACCEPTED, f"{refusal.reason}: {refusal.sentence}"
    if case.observed.apply_error:
        return Reason.APPLY_FAILED, case.observed.apply_error
    is_rolling = case.roll.stage in (Stage.PAUSING, Stage.RESTARTING)
    for role in case.roles:
        wrong = _pod_trouble(case, role) or _report_trouble(case, role)
        if wrong is not None and not (is_rolling and wrong[0] in _PART_OF_A_ROLL):
            return wrong
    generation = case.observed.pair.generation
    match case.roll.stage:
        case Stage.AWAITING_FLAT:
            return Reason.AWAITING_FLAT, (
                "A change needs a restart, which waits until both positions are zero "
                "(rolloutPolicy WhenFlat)."
            )
        case Stage.PAUSING | Stage.RESTARTING:
            return Reason.ROLLING_OUT, "The runners are being restarted, hedger first."
        case Stage.BY_HAND:
            return Reason.ROLLOUT_PENDING, (
                "The runners are up; a change needs a restart (rolloutPolicy Manual): annotate "
                f"{names.RESTARTED_AT} with the time."
            )
        case Stage.SETTLED:
            who = " and ".join(role.label for role in reversed(case.roles))
            return Reason.RUNNERS_UP, f"{who} run generation {generation}".capitalize() + "."


def _pod_trouble(case: Case, role: Role) -> tuple[Reason, str] | None:
    pods = case.observed.pods_of(role)
    name = names.stateful_set(case.observed.pair.key.name, role)
    if not pods:
        if case.observed.child(Kind.STATEFUL_SET, name) is None and case.observed.redis.lost_since:
            return Reason.REDIS_UNREACHABLE, (
                "Redis does not answer, so the runners cannot be started yet."
            )
        return Reason.POD_PENDING, f"StatefulSet {name} has no pod yet."
    troubles = [_trouble_of(pod, role) for pod in pods]
    # Of a hedger and its standby, one that works is enough for the pair to trade.
    return None if None in troubles else troubles[0]


def _trouble_of(pod: PodFact, role: Role) -> tuple[Reason, str] | None:
    who, why = pod.key.name, f": {pod.message}" if pod.message else ""
    if pod.is_node_lost:
        return Reason.NODE_UNREACHABLE, (
            f"The node of {who} does not answer: make sure that the machine is off, then taint it "
            "node.kubernetes.io/out-of-service, or replace the account's API key."
        )
    if pod.waiting in _IMAGE:
        return Reason.IMAGE_PULL, f"The image of {who} cannot be pulled ({pod.waiting}){why}"
    if pod.waiting == "CrashLoopBackOff":
        return Reason.CRASH_LOOP, (
            f"{who} ended {pod.restarts} times: see `kubectl logs {who} --previous`."
        )
    if not pod.has_run:
        return Reason.POD_PENDING, f"{who} has not started{why or ' yet'}"
    if pod.is_deleting:
        return Reason.POD_PENDING, f"{who} is being replaced."
    return None


def _report_trouble(case: Case, role: Role) -> tuple[Reason, str] | None:
    fact = case.observed.reports.get(role)
    if fact is None or not fact.is_fresh:
        lost = case.observed.redis.lost_since is not None
        why = "Redis does not answer" if lost else f"no report of the {role.label} arrives"
        return Reason.RUNNER_UNREACHABLE, (
            f"Nothing is known of the {role.label}: {why}; see `kubectl logs "
            f"{names.stateful_set(case.observed.pair.key.name, role)}-0`."
        )
    report = fact.report
    if report.state in _LEASE:
        return Reason.LEASE_HELD_ELSEWHERE, (
            f"The {role.label} waits for the lease of its key{_why(report.reason)}"
        )
    if report.state in _STARTING:
        return Reason.RUNNER_STARTING, (
            f"The {role.label} is starting ({report.state.value}){_why(report.reason)}"
        )
    if case.desired is not None and case.roll.stage is Stage.SETTLED:
        # A runner of another version fills in other defaults: its hash cannot be compared.
        is_comparable = report.version == case.version
        is_other = is_comparable and report.config_hash not in ("", _hash_of(case.manifest))
        if not heeds(fact, case.desired.version) or is_other:
            return Reason.CONFIG_PENDING, (
                f"The {role.label} has not taken in generation {case.desired.generation} yet"
                f"{_why(report.reason)}"
            )
    return None


def _hash_of(manifest: HedgePair | None) -> str:
    return "" if manifest is None else config_hash(manifest)


def _why(reason: str) -> str:
    return f": {reason}" if reason else "."


def judge_progress(case: Case, ready: Condition) -> list[Condition]:
    """Reconciling and Stalled: there only while it is so (kstatus)."""
    refusal = acceptance(case)
    if refusal is not None:
        return [abnormal(ConditionType.STALLED, Reason(refusal.reason), refusal.sentence)]
    if case.is_hands_off:
        message = f"{names.RECONCILE}: {names.DISABLED}: the operator changes nothing."
        return [abnormal(ConditionType.RECONCILING, Reason.HANDS_OFF, message)]
    if ready.status is Truth.TRUE:
        return []
    return [abnormal(ConditionType.RECONCILING, ready.reason, ready.message)]


def abnormal(kind: ConditionType, reason: Reason, message: str) -> Condition:
    return Condition(type=kind, status=Truth.TRUE, reason=reason, message=message)
