"""A world on paper for the pure decision: observe, decide, carry out, all in memory, by a clock of
the test's own: what the API server and runners do, in their essence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from hedgepair_operator import names
from hedgepair_operator.facts import (
    ChildFact,
    Kind,
    Observed,
    PairFact,
    PodFact,
    RedisFact,
    Refusal,
    ReportFact,
    Rollout,
)
from hedgepair_operator.plans import Plan
from hedgepair_operator.reconcile import decide
from hedgepair_operator.settings import OperatorSettings
from hedgepair_operator.trimming import child_fact, pair_fact
from hedgepair_runner.contract.desired import Desired, Wish, config_hash
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from tests.operator.world import pair_object

SETTINGS = OperatorSettings(
    runner_image="runner:1",
    own_namespace="hedgepair",
    paper_url="http://exchange:8080",
    version="test",
)
START = datetime(2026, 1, 1, tzinfo=UTC)
_STATES = {
    Wish.RUN: RunnerState.RUNNING,
    Wish.SUSPEND: RunnerState.SUSPENDED,
    Wish.FLATTEN: RunnerState.FLAT,
    Wish.RELEASE: RunnerState.RELEASED,
}


@dataclass
class Runner:
    role: Role
    pod: PodFact
    lots: int = 0
    gap_lots: int = 0
    obeys: bool = True
    is_mute: bool = False
    confirmations: int = 0
    told: Desired | None = None


@dataclass
class Paper:
    """One pair. `log` is what was done, in order."""

    item: dict[str, Any] = field(default_factory=lambda: pair_object("eth"))
    children: dict[tuple[Kind, str], dict[str, Any]] = field(default_factory=dict)
    runners: dict[Role, Runner] = field(default_factory=dict)
    now: datetime = START
    settings: OperatorSettings = SETTINGS
    redis: RedisFact = field(default_factory=RedisFact)
    refusal: Refusal | None = None
    is_user_ready: bool = False
    log: list[str] = field(default_factory=list)
    finalized: bool = False
    _version: int = 1

    def __post_init__(self) -> None:
        self.item["metadata"] |= {
            "uid": "uid-1",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }

    # -- what people do --

    def edit(self, **spec: Any) -> None:
        self.item["spec"] |= spec
        self.item["metadata"]["generation"] += 1

    def annotate(self, **words: str) -> None:
        self.item["metadata"].setdefault("annotations", {}).update(
            {f"hedgepair.io/{key.replace('_', '-')}": word for key, word in words.items()}
        )

    def delete(self) -> None:
        self.item["metadata"]["deletionTimestamp"] = self.now.isoformat()
        self.item["metadata"]["generation"] += 1

    # -- one look --

    def fact(self) -> PairFact:
        return pair_fact(self.item)

    def observed(self, *, is_live: bool = False) -> Observed:
        children = {}
        for (kind, name), item in self.children.items():
            fact = child_fact(kind, item)
            if kind is Kind.STATEFUL_SET:
                rollout = Rollout(replicas=item["spec"]["replicas"], ready=1, revision=_rev(item))
                fact = replace(fact, rollout=rollout)
            children[kind, name] = fact
        reports = {
            role: self._report(runner)
            for role, runner in self.runners.items()
            if not runner.is_mute
        }
        return Observed(
            pair=self.fact(),
            children=children,
            pods=tuple(runner.pod for runner in self.runners.values()),
            reports=reports,
            redis=self.redis,
            refusal=self.refusal,
            is_live=is_live,
            redis_digest="abc123",
            is_user_ready=self.is_user_ready,
        )

    def look(self) -> Plan:
        """Decides once, live where it is asked for, and carries the plan out."""
        plan = decide(self.observed(), self.settings, self.now)
        if plan.needs_live:
            plan = decide(self.observed(is_live=True), self.settings, self.now)
            assert not plan.needs_live
        self._carry_out(plan)
        return plan

    def settle(self, *, looks: int = 40, step_s: float = 1.0) -> None:
        """Looks again and again, while runners do what they are told."""
        for _ in range(looks):
            if self.finalized:
                return
            self.look()
            self.live(step_s)

    def live(self, seconds: float) -> None:
        """Time passes; StatefulSets make pods; runners report once more."""
        self.now += timedelta(seconds=seconds)
        wanted = {
            role
            for role in Role
            if (Kind.STATEFUL_SET, names.stateful_set("eth", role)) in self.children
        }
        for role in set(self.runners) - wanted:
            del self.runners[role]
            self.log.append(f"end {role.label}")
        for role in wanted - set(self.runners):
            item = self.children[Kind.STATEFUL_SET, names.stateful_set("eth", role)]
            self._version += 1
            pod = PodFact(
                key=self.fact().key._replace(name=f"{names.stateful_set('eth', role)}-0"),
                uid=f"pod-{self._version}",
                pair="eth",
                role=role,
                revision=_rev(item),
                is_ready=True,
                has_run=True,
                restarted_at=item["spec"]["template"]["metadata"]["annotations"].get(
                    names.RESTARTED_AT
                ),
                image=item["spec"]["template"]["spec"]["containers"][0]["image"],
            )
            self.runners[role] = Runner(role=role, pod=pod)
            self.log.append(f"start {role.label}")
        for runner in self.runners.values():
            runner.confirmations += 1
            if runner.told is not None and runner.told.wish is Wish.FLATTEN and runner.obeys:
                runner.lots = 0

    # -- carrying out --

    def _carry_out(self, plan: Plan) -> None:
        meta = self.item["metadata"]
        if plan.add_finalizer:
            meta["finalizers"] = [names.FINALIZER]
        if plan.ensure_user:
            self.is_user_ready = True
        for role, desired in plan.tell.items():
            runner = self.runners.get(role)
            if runner is not None and runner.obeys and runner.told != desired:
                runner.told, runner.confirmations = desired, 0
        for wanted in plan.applies:
            self._apply(wanted)
        if plan.status is not None:
            self.item["status"] = orjson.loads(orjson.dumps(plan.status))
        for going in plan.deletes:
            if isinstance(going, ChildFact):
                self.children.pop((going.kind, going.key.name), None)
                self.log.append(f"delete {going.key.name}")
            else:
                self.runners.pop(going.role, None)
                self.log.append(f"restart {going.role.label}")
        if plan.remove_finalizer:
            self.finalized = True
            self.log.append("released")

    def _apply(self, wanted: Mapping[str, Any]) -> None:
        kind = Kind(wanted["kind"])
        name = wanted["metadata"]["name"]
        self._version += 1
        item = orjson.loads(orjson.dumps(wanted))
        item["metadata"] |= {"uid": f"child-{name}", "resourceVersion": str(self._version)}
        if (kind, name) not in self.children and kind is Kind.STATEFUL_SET:
            self.log.append(f"make {name}")
        self.children[kind, name] = item

    def _report(self, runner: Runner) -> ReportFact:
        told = runner.told
        wish = Wish.RUN if told is None else told.wish
        quiet = wish is not Wish.RUN
        manifest = self.fact().manifest
        is_flat = quiet and runner.lots == 0
        report = RunnerReport(
            role=runner.role.label,
            holder=f"{runner.pod.key.name}/{runner.pod.uid}",
            version="test",
            state=_STATES[wish],
            epoch=1,
            reported_ms=round(self.now.timestamp() * 1000),
            size_decimals=4,
            position_lots=runner.lots,
            gap_lots=runner.gap_lots,
            wish=wish.value,
            generation=told.generation if told else 0,
            step=told.step if told else 0,
            config_hash=config_hash(manifest) if manifest and told else "",
            withdrawn_ms=1 if quiet else None,
            flat_ms=1 if is_flat else None,
        )
        return ReportFact(
            report=report,
            changed_at=self.now,
            is_fresh=True,
            confirmations=runner.confirmations,
        )


def _rev(item: Mapping[str, Any]) -> str:
    return str(hash(orjson.dumps(item["spec"]["template"], option=orjson.OPT_SORT_KEYS)))
