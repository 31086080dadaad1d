"""What a pair needs now: one decision from everything observed (design §10).

Pure, and idempotent: carried out, and decided again on the world that results, it asks for nothing.
Nothing destructive rests on absence in a cache: such a plan asks for a live look first. A spec that
is refused touches nothing that runs (law 10); a pair that the release no longer takes is suspended.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hedgepair_operator import names
from hedgepair_operator.describing import describe
from hedgepair_operator.differing import is_settled
from hedgepair_operator.facts import ChildFact, Kind, Observed, PairFact, Refusal
from hedgepair_operator.judging import Case
from hedgepair_operator.plans import Plan
from hedgepair_operator.pods import roles_of, stateful_set
from hedgepair_operator.proofs import is_proved_twice
from hedgepair_operator.publishing import (
    config_of,
    is_secret_due,
    live_of,
    stateful_sets,
    wish_since,
)
from hedgepair_operator.reasons import EventReason, Reason
from hedgepair_operator.remembering import is_settled_for
from hedgepair_operator.rolling import Roll, Stage, decide_roll
from hedgepair_operator.settings import OperatorSettings
from hedgepair_operator.tearing import decide_teardown
from hedgepair_operator.telling import Telling
from hedgepair_operator.wishing import next_desired, published, published_manifest, suspension_of
from hedgepair_runner.contract.changing import refuse_change
from hedgepair_runner.contract.desired import Desired, Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair

# Changes that no suspension allows; the others are the CRD's to refuse, since a suspend must
# never be held up by what was edited beside it.
_IMMUTABLE = (
    "spec.market",
    "spec.exchange.network",
    "spec.maker.account.accountIndex",
    "spec.hedger.account.accountIndex",
)


def decide(observed: Observed, settings: OperatorSettings, now: datetime) -> Plan:
    """The plan for one pair. `now` is aware."""
    pair = observed.pair
    config = observed.child(Kind.CONFIG_MAP, names.config_map(pair.key.name))
    before = published(config, pair)
    if pair.deleted_at is not None:
        manifest = pair.manifest or published_manifest(before)
        return decide_teardown(observed, settings, manifest=manifest, before=before, now=now)
    refusal = _spec_refusal(pair, before)
    manifest = pair.manifest if refusal is None else published_manifest(before)
    is_hands_off = pair.annotations.get(names.RECONCILE) == names.DISABLED
    is_started = bool(stateful_sets(observed))
    touches_nothing = (
        manifest is None
        or refusal is not None
        or is_hands_off
        or (observed.refusal is not None and not is_started)
    )
    if touches_nothing or manifest is None:
        return _describe_only(
            observed,
            settings,
            manifest=manifest,
            refusal=refusal or observed.refusal,
            before=before,
            is_hands_off=is_hands_off,
            now=now,
        )
    return _decide_running(observed, settings, manifest=manifest, before=before, now=now)


def _spec_refusal(pair: PairFact, before: Desired | None) -> Refusal | None:
    if pair.manifest is None:
        return Refusal(reason=Reason.INVALID_SPEC, sentence=" ".join(pair.problems))
    old = published_manifest(before)
    if old is None:
        return None
    problems = [
        problem.sentence
        for problem in refuse_change(old, pair.manifest)
        if problem.field in _IMMUTABLE
    ]
    if not problems:
        return None
    return Refusal(reason=Reason.CHANGE_REFUSED, sentence=" ".join(problems))


def _describe_only(
    observed: Observed,
    settings: OperatorSettings,
    *,
    manifest: HedgePair | None,
    refusal: Refusal | None,
    before: Desired | None,
    is_hands_off: bool,
    now: datetime,
) -> Plan:
    case = Case(
        observed=observed,
        manifest=manifest,
        refusal=refusal,
        roles=roles_of(manifest.spec) if manifest is not None else (),
        desired=before,
        roll=Roll(stage=Stage.SETTLED),
        is_deleting=False,
        is_hands_off=is_hands_off,
        version=settings.version,
        now=now,
    )
    status, tellings, again_in_s = describe(case, settings)
    return Plan(status=status, tellings=tellings, again_in_s=again_in_s)


def _decide_running(
    observed: Observed,
    settings: OperatorSettings,
    *,
    manifest: HedgePair,
    before: Desired | None,
    now: datetime,
) -> Plan:
    pair, roles = observed.pair, roles_of(manifest.spec)
    wish = Wish.RUN
    if manifest.spec.suspend:
        wish = suspension_of(manifest)
    elif observed.refusal is not None:
        wish = Wish.SUSPEND
    roll = decide_roll(
        observed,
        manifest,
        roles=roles,
        before=before,
        wish=wish,
        paused_since=wish_since(observed),
        now=now,
    )
    extra = [child for child in stateful_sets(observed) if child.role not in roles]
    goes = _prunable(observed, extra, before)
    if wish is Wish.RUN and (roll.pause or len(goes) < len(extra)):
        wish = Wish.SUSPEND
    if goes and not observed.is_live:
        return Plan(needs_live=True)
    desired = next_desired(observed, before, wish, manifest)
    applies = _applies(observed, settings, manifest, before=before, desired=desired, now=now)
    case = Case(
        observed=observed,
        manifest=manifest,
        refusal=observed.refusal,
        roles=roles,
        desired=desired,
        roll=roll,
        is_deleting=False,
        is_hands_off=False,
        version=settings.version,
        now=now,
    )
    status, tellings, again_in_s = describe(case, settings)
    if roll.restart is not None:
        note = f"{roll.restart.key.name} is restarted for a change of what it runs."
        tellings = (*tellings, Telling(reason=EventReason.RUNNER_RESTARTED, note=note))
    redis_is_there = observed.redis.lost_since is None
    return Plan(
        add_finalizer=names.FINALIZER not in pair.finalizers,
        ensure_user=redis_is_there and not observed.is_user_ready,
        tell=dict.fromkeys(roles, desired) if redis_is_there else {},
        write_secret=is_secret_due(observed),
        applies=applies,
        deletes=(*goes, *([roll.restart] if roll.restart is not None else [])),
        status=status,
        tellings=tellings,
        again_in_s=again_in_s,
    )


def _prunable(
    observed: Observed, extra: list[ChildFact], before: Desired | None
) -> list[ChildFact]:
    """Of what the spec no longer wants, what may go now: makers at once, since that only takes risk
    away; a hedger when it proved that nothing is left to hedge, and no unwanted maker is left."""
    makers = [child for child in extra if child.role is Role.MAKER]
    if makers:
        return [child for child in makers if not child.is_deleting]
    return [
        child
        for child in extra
        if not child.is_deleting and _has_nothing_to_hedge(observed, before)
    ]


def _has_nothing_to_hedge(observed: Observed, before: Desired | None) -> bool:
    pods = observed.pods_of(Role.HEDGER)
    if not any(pod.has_run for pod in pods) and Role.HEDGER not in observed.reports:
        return True
    if before is None or before.wish is Wish.RUN:
        return False
    return is_proved_twice(observed.reports.get(Role.HEDGER), Wish.SUSPEND, before.version)


def _applies(
    observed: Observed,
    settings: OperatorSettings,
    manifest: HedgePair,
    *,
    before: Desired | None,
    desired: Desired,
    now: datetime,
) -> tuple[Mapping[str, Any], ...]:
    wanted = [config_of(observed, manifest, before=before, desired=desired, now=now)]
    # A first start needs Redis: its user, and no desired state of a namesake that is gone.
    may_create = observed.redis.lost_since is None and observed.redis_digest is not None
    for role in roles_of(manifest.spec):
        name = names.stateful_set(observed.pair.key.name, role)
        live = observed.child(Kind.STATEFUL_SET, name)
        if is_settled_for(live, observed.pair, manifest, role, settings):
            continue
        if may_create or live is not None:
            wanted.append(stateful_set(observed.pair, manifest, role, settings))
    return tuple(item for item in wanted if not is_settled(item, live_of(observed, item)))
