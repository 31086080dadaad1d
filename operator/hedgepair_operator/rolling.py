"""When runners are restarted for a change, and in which order (design §7).

Pause the maker → hedged or timeout → restart the hedger → ready → restart the maker → run. Each
step follows from what is observed; nothing waits, and a restarted operator goes on where it was.

WhenFlat begins at a moment when both positions are zero; Immediate at once; Manual only when a
person asks with `hedgepair.io/restartedAt`. A pair that does not trade is restarted at once under
any of the two first. A runner that does not work has nothing to lose: it is restarted alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hedgepair_operator import names
from hedgepair_operator.facts import Kind, Observed, PodFact, ReportFact
from hedgepair_operator.proofs import proves
from hedgepair_runner.contract.desired import Desired, Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.spec import RolloutPolicy
from hedgepair_runner.contract.status import RunnerState


class Stage(StrEnum):
    SETTLED = "Settled"
    """Every pod runs what is wanted."""
    BY_HAND = "ByHand"
    """Outdated, and the policy is Manual."""
    AWAITING_FLAT = "AwaitingFlat"
    PAUSING = "Pausing"
    RESTARTING = "Restarting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """`pause`: the wish must be to suspend. `restart`: the pod to delete now, if any."""

    stage: Stage
    pause: bool = False
    restart: PodFact | None = None


def decide_roll(
    observed: Observed,
    manifest: HedgePair,
    *,
    roles: tuple[Role, ...],
    before: Desired | None,
    wish: Wish,
    paused_since: datetime | None,
    now: datetime,
) -> Roll:
    """`wish` is what would be wanted without a roll, `before` what was published last."""
    outdated = [pod for role in roles for pod in _outdated(observed, role)]
    is_paused_for_roll = wish is Wish.RUN and before is not None and before.wish is not Wish.RUN
    if not outdated:
        # The last pod restarted must be ready before the pair trades on.
        waits = is_paused_for_roll and not all(_is_up(observed, role) for role in roles)
        return Roll(stage=Stage.RESTARTING if waits else Stage.SETTLED, pause=waits)
    if manifest.spec.rollout_policy is RolloutPolicy.MANUAL and not _is_asked_for(
        observed, outdated
    ):
        return Roll(stage=Stage.BY_HAND)
    idle = next((pod for pod in outdated if not _works(observed, pod)), None)
    if idle is not None:
        return Roll(stage=Stage.RESTARTING, pause=is_paused_for_roll, restart=_once(idle))
    may_begin = (
        is_paused_for_roll
        or wish is not Wish.RUN
        or manifest.spec.rollout_policy is RolloutPolicy.IMMEDIATE
        or _is_flat(observed, roles)
    )
    if not may_begin:
        return Roll(stage=Stage.AWAITING_FLAT)
    if not _is_quiet(observed, roles, before, wish) and not _is_overdue(
        manifest, paused_since if is_paused_for_roll else None, now
    ):
        return Roll(stage=Stage.PAUSING, pause=True)
    return Roll(stage=Stage.RESTARTING, pause=True, restart=_next(observed, roles, outdated))


def _next(observed: Observed, roles: tuple[Role, ...], outdated: list[PodFact]) -> PodFact | None:
    """Hedgers first, a standby before the one in charge; then the maker, once they are ready."""
    for role in roles:
        stale = [pod for pod in outdated if pod.role is role]
        others = [pod for pod in observed.pods_of(role) if pod not in stale]
        if any(not pod.is_ready or pod.is_deleting for pod in others):
            return None
        if stale:
            return _once(max(stale, key=lambda pod: pod.key.name))
        if not _is_up(observed, role):
            return None
    return None


def _once(pod: PodFact) -> PodFact | None:
    return None if pod.is_deleting else pod


def _outdated(observed: Observed, role: Role) -> list[PodFact]:
    child = observed.child(Kind.STATEFUL_SET, names.stateful_set(observed.pair.key.name, role))
    if child is None or child.rollout is None or child.rollout.revision is None:
        return []
    return [
        pod
        for pod in observed.pods_of(role)
        if pod.revision is not None and pod.revision != child.rollout.revision
    ]


def _is_asked_for(observed: Observed, outdated: list[PodFact]) -> bool:
    wanted = observed.pair.annotations.get(names.RESTARTED_AT)
    return wanted is not None and any(pod.restarted_at != wanted for pod in outdated)


def _works(observed: Observed, pod: PodFact) -> bool:
    fact = observed.reports.get(pod.role)
    return pod.is_ready or (pod.has_run and fact is not None and fact.is_fresh)


def _is_up(observed: Observed, role: Role) -> bool:
    """As many as wanted are ready, and one of them reports."""
    child = observed.child(Kind.STATEFUL_SET, names.stateful_set(observed.pair.key.name, role))
    pods = observed.pods_of(role)
    fact = observed.reports.get(role)
    wanted = child.rollout.replicas if child is not None and child.rollout is not None else 1
    return (
        len(pods) >= wanted
        and any(pod.is_ready for pod in pods)
        and not any(pod.is_deleting for pod in pods)
        and fact is not None
        and fact.is_fresh
        and fact.report.state not in _STARTING
    )


_STARTING = (
    RunnerState.STARTING,
    RunnerState.WAITING_FOR_LEASE,
    RunnerState.FENCING,
    RunnerState.READING,
    RunnerState.STOPPING,
    RunnerState.STOPPED,
)


def _is_flat(observed: Observed, roles: tuple[Role, ...]) -> bool:
    """Both positions are zero: unknown is not flat."""
    facts = [observed.reports.get(role) for role in roles]
    return all(
        fact is not None and fact.is_fresh and fact.report.position_lots == 0 for fact in facts
    ) and not any(_has_gap(fact) for fact in facts)


def _is_quiet(
    observed: Observed, roles: tuple[Role, ...], before: Desired | None, wish: Wish
) -> bool:
    """No order rests and everything filled is hedged, proved under the wish in force."""
    if before is None or before.wish is Wish.RUN:
        return False
    least = Wish.SUSPEND if before.wish is not Wish.RELEASE else Wish.RELEASE
    return all(
        proves(observed.reports.get(role), least, before.version)
        and not _has_gap(observed.reports.get(role))
        for role in roles
    )


def _has_gap(fact: ReportFact | None) -> bool:
    if fact is None:
        return False
    report = fact.report
    return report.in_flight > 0 or (
        report.gap_lots is not None and abs(report.gap_lots) > abs(report.carried_lots)
    )


def _is_overdue(manifest: HedgePair, paused_since: datetime | None, now: datetime) -> bool:
    """A hedge that does not come is no reason to keep a broken hedger: §7 says flat or timeout."""
    if paused_since is None:
        return False
    return now - paused_since >= timedelta(seconds=manifest.spec.timeout_seconds)
