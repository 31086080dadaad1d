"""How a pair ends: drain, hedge out, prove, and only then take the runners away (design §7).

Draining: the runners are told what `deletionPolicy` says, and are kept alive to do it. When each
that may have traded proved it twice, that is written into the status *before* anything is taken
away: ScalingAway. Then makers go, then hedgers, each seen gone live, and then the finalizer.
Nothing but a person's `force-delete`, or a namespace that ends under us, skips the proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hedgepair_operator import names
from hedgepair_operator.conditions import Condition, find
from hedgepair_operator.describing import describe
from hedgepair_operator.differing import is_settled
from hedgepair_operator.facts import ChildFact, Kind, Observed
from hedgepair_operator.judging import Case, abnormal
from hedgepair_operator.plans import Plan
from hedgepair_operator.pods import roles_of, stateful_set
from hedgepair_operator.proofs import is_proved_twice
from hedgepair_operator.publishing import config_of, is_secret_due, live_of, stateful_sets
from hedgepair_operator.reasons import ConditionType, EventReason, Reason
from hedgepair_operator.rolling import Roll, Stage
from hedgepair_operator.settings import OperatorSettings
from hedgepair_operator.telling import Telling
from hedgepair_operator.wishing import farewell_of, next_desired
from hedgepair_runner.contract.desired import Desired, Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair

LOOK_AGAIN_S: Final = 2.0
_ORPHAN_PATIENCE: Final = timedelta(seconds=30)
_DEFAULT_TIMEOUT_S: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """One teardown at one moment. `roles` are those that the pair has or should have."""

    observed: Observed
    settings: OperatorSettings
    manifest: HedgePair | None
    before: Desired | None
    wish: Wish
    roles: tuple[Role, ...]
    now: datetime

    @property
    def traders(self) -> tuple[Role, ...]:
        """Who may have orders or positions at the venue."""
        return tuple(role for role in self.roles if may_have_traded(self.observed, role))

    @property
    def is_overdue(self) -> bool:
        deleted_at = self.observed.pair.deleted_at
        patience_s = (
            self.manifest.spec.teardown_timeout_seconds
            if self.manifest is not None
            else _DEFAULT_TIMEOUT_S
        )
        return deleted_at is not None and self.now - deleted_at >= timedelta(seconds=patience_s)


def decide_teardown(
    observed: Observed,
    settings: OperatorSettings,
    *,
    manifest: HedgePair | None,
    before: Desired | None,
    now: datetime,
) -> Plan:
    pair = observed.pair
    if names.FINALIZER not in pair.finalizers:
        return Plan()
    existing = {child.role for child in stateful_sets(observed) if child.role is not None}
    wanted = set(roles_of(manifest.spec)) if manifest is not None else set()
    farewell = Farewell(
        observed=observed,
        settings=settings,
        manifest=manifest,
        before=before,
        wish=farewell_of(manifest),
        roles=tuple(sorted(existing | wanted, reverse=True)),
        now=now,
    )
    if pair.annotations.get(names.FORCE_DELETE) == "true":
        return _break_glass(farewell)
    if _is_recorded(farewell):
        return _take_away(farewell)
    if not farewell.traders:
        return _take_away(farewell) if observed.is_live else Plan(needs_live=True)
    if observed.is_namespace_ending and not observed.pods:
        return _give_up(farewell) if observed.is_live else Plan(needs_live=True)
    return _drain(farewell)


def may_have_traded(observed: Observed, role: Role) -> bool:
    leg = observed.pair.status.get(role.label) or {}
    return (
        "epoch" in leg
        or role in observed.reports
        or any(pod.has_run for pod in observed.pods_of(role))
    )


def _is_recorded(farewell: Farewell) -> bool:
    """Whether the proof of this very deletion is in the status already."""
    pair = farewell.observed.pair
    recorded = find(pair.status, ConditionType.RECONCILING)
    return (
        recorded is not None
        and recorded["reason"] == Reason.SCALING_AWAY.value
        and recorded.get("observedGeneration") == pair.generation
    )


def _drain(farewell: Farewell) -> Plan:
    observed, before = farewell.observed, farewell.before
    desired = next_desired(observed, before, farewell.wish, farewell.manifest)
    missing = [role for role in farewell.traders if not _is_proved(farewell, role, desired)]
    words = {
        Wish.SUSPEND: "that no order rests and everything filled is hedged",
        Wish.FLATTEN: "that no order rests and its position is zero",
        Wish.RELEASE: "that it has let go",
    }
    if missing:
        who = " and ".join(role.label for role in missing)
        verb = "has" if len(missing) == 1 else "have"
        sentence = f"{who.capitalize()} {verb} not proved yet {words[farewell.wish]}."
        progress = [abnormal(ConditionType.RECONCILING, Reason.DRAINING, sentence)]
        progress += _overdue(farewell, sentence)
    else:
        sentence = "Everything is proved at the exchange; the runners go."
        progress = [abnormal(ConditionType.RECONCILING, Reason.SCALING_AWAY, sentence)]
    status, tellings, _ = _describe(farewell, desired, progress)
    if before is None or before.wish is not farewell.wish:
        note = f"The pair is torn down ({farewell.wish.value})."
        tellings = (*tellings, Telling(reason=EventReason.TEARDOWN_STARTED, note=note))
    redis_is_there = observed.redis.lost_since is None
    return Plan(
        ensure_user=redis_is_there and not observed.is_user_ready,
        tell=dict.fromkeys(farewell.roles, desired) if redis_is_there else {},
        write_secret=is_secret_due(observed) and not observed.is_namespace_ending,
        applies=_lifelines(farewell, desired),
        status=status,
        tellings=tellings,
        again_in_s=LOOK_AGAIN_S,
    )


def _is_proved(farewell: Farewell, role: Role, desired: Desired) -> bool:
    fact = farewell.observed.reports.get(role)
    if is_proved_twice(fact, farewell.wish, desired.version):
        return True
    deleted_at = farewell.observed.pair.deleted_at
    return (
        # An orphan is left as it is: a runner that is not there has let go already.
        farewell.wish is Wish.RELEASE
        and (fact is None or not fact.is_fresh)
        and deleted_at is not None
        and farewell.now - deleted_at >= _ORPHAN_PATIENCE
    )


def _lifelines(farewell: Farewell, desired: Desired) -> tuple[Mapping[str, Any], ...]:
    """Runners must live to drain: what is missing of them comes back. Nothing else is changed: the
    end of a pair is no moment for a rollout."""
    observed, manifest = farewell.observed, farewell.manifest
    if manifest is None or observed.is_namespace_ending:
        return ()
    config = config_of(
        observed, manifest, before=farewell.before, desired=desired, now=farewell.now
    )
    found = [] if is_settled(config, live_of(observed, config)) else [config]
    for role in farewell.traders:
        name = names.stateful_set(observed.pair.key.name, role)
        wanted = stateful_set(observed.pair, manifest, role, farewell.settings)
        if observed.child(Kind.STATEFUL_SET, name) is None or _is_scaled(observed, name):
            found.append(wanted)
    return tuple(found)


def _is_scaled(observed: Observed, name: str) -> bool:
    child = observed.child(Kind.STATEFUL_SET, name)
    return child is not None and child.rollout is not None and child.rollout.replicas == 0


def _take_away(farewell: Farewell) -> Plan:
    """Makers, then hedgers, then the finalizer; each step only when the last is seen done, live."""
    observed = farewell.observed
    if not observed.is_live:
        return Plan(needs_live=True)
    for role in (Role.MAKER, Role.HEDGER):
        there = [child for child in stateful_sets(observed) if child.role is role]
        pods = observed.pods_of(role)
        if there or pods:
            goes = tuple(child for child in there if not child.is_deleting)
            status, tellings, _ = _describe(farewell, farewell.before, _scaling(farewell))
            return Plan(deletes=goes, status=status, tellings=tellings, again_in_s=LOOK_AGAIN_S / 2)
    note = "The pair is gone; its runners ended in order."
    return _let_go(farewell, Telling(reason=EventReason.TORN_DOWN, note=note))


def _scaling(farewell: Farewell) -> list[Condition]:
    sentence = "The runners are being taken away, makers first."
    found = [abnormal(ConditionType.RECONCILING, Reason.SCALING_AWAY, sentence)]
    return found + _overdue(farewell, "The runners' pods are not gone.")


def _overdue(farewell: Farewell, sentence: str) -> list[Condition]:
    if not farewell.is_overdue:
        return []
    remedy = (
        f"{sentence} The teardown is overdue: see the runners' logs. To let the pair go without "
        f"proof, look at the exchange yourself and annotate {names.FORCE_DELETE}=true."
    )
    return [abnormal(ConditionType.STALLED, Reason.TEARDOWN_TIMED_OUT, remedy)]


def _give_up(farewell: Farewell) -> Plan:
    """The namespace ends and took the runners with it: nobody can act for the pair any more."""
    note = (
        "The namespace was deleted before the pair: its runners were stopped, which withdraws "
        "their orders, but nothing is proved. Look at both accounts on the exchange."
    )
    return _let_go(
        farewell, Telling(reason=EventReason.RELEASED_UNPROVEN, note=note, is_warning=True)
    )


def _break_glass(farewell: Farewell) -> Plan:
    if not farewell.observed.is_live:
        return Plan(needs_live=True)
    note = (
        f"Let go without proof, by {names.FORCE_DELETE}: look at both accounts on the exchange, "
        "orders may rest and positions stay."
    )
    goes = tuple(child for child in stateful_sets(farewell.observed) if not child.is_deleting)
    return _let_go(
        farewell,
        Telling(reason=EventReason.FORCE_DELETED, note=note, is_warning=True),
        deletes=goes,
    )


def _let_go(farewell: Farewell, telling: Telling, *, deletes: tuple[ChildFact, ...] = ()) -> Plan:
    redis_is_there = farewell.observed.redis.lost_since is None
    return Plan(
        deletes=deletes,
        tellings=(telling,),
        # Without Redis they are left behind; the next pair of that name writes its own over them.
        remove_user=redis_is_there,
        forget_desired=redis_is_there,
        remove_finalizer=True,
    )


def _describe(
    farewell: Farewell, desired: Desired | None, progress: list[Condition]
) -> tuple[Mapping[str, Any] | None, tuple[Telling, ...], float | None]:
    case = Case(
        observed=farewell.observed,
        manifest=farewell.manifest,
        refusal=None,
        roles=farewell.roles,
        desired=desired,
        roll=Roll(stage=Stage.SETTLED),
        is_deleting=True,
        is_hands_off=False,
        version=farewell.settings.version,
        now=farewell.now,
    )
    return describe(case, farewell.settings, progress=progress)
