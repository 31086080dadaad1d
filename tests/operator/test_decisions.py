"""The pure decision: tables, and properties over whatever people may do in whatever order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hedgepair_operator import accepting, names
from hedgepair_operator.facts import Kind, RedisFact, Refusal
from hedgepair_operator.reasons import ALWAYS, EventReason, Reason
from hedgepair_operator.reconcile import decide
from hedgepair_operator.settings import Ceilings
from hedgepair_operator.trimming import pair_fact
from hedgepair_runner.contract.identity import Role
from tests.operator.deciding import SETTINGS, START, Paper
from tests.operator.world import accounts, pair_object

STEPS: dict[str, Any] = {
    "suspend": lambda paper: paper.edit(suspend=True),
    "resume": lambda paper: paper.edit(suspend=False),
    "flatten": lambda paper: paper.edit(suspend=True, suspendPolicy="Flatten"),
    "grow": lambda paper: paper.edit(quantity="0.06"),
    "wrong": lambda paper: paper.edit(quantity="9"),
    "image": lambda paper: paper.edit(runner={"image": "runner:2"}),
    "immediate": lambda paper: paper.edit(rolloutPolicy="Immediate"),
    "manual": lambda paper: paper.edit(rolloutPolicy="Manual"),
    "maker only": lambda paper: paper.edit(mode="MakerOnly", suspend=True),
    "hedger only": lambda paper: paper.edit(mode="HedgerOnly", suspend=True),
    "both": lambda paper: paper.edit(mode="Hedge"),
    "restart": lambda paper: (
        paper.item["metadata"]
        .setdefault("annotations", {})
        .update({names.RESTARTED_AT: str(paper.now)})
    ),
    "hands off": lambda paper: paper.annotate(reconcile="Disabled"),
    "hands on": lambda paper: paper.annotate(reconcile="Enabled"),
    "hold": lambda paper: hold(paper, 500),
    "release": lambda paper: hold(paper, 0),
    "mute": lambda paper: mute(paper, True),
    "speak": lambda paper: mute(paper, False),
    "redis lost": lambda paper: setattr(paper, "redis", RedisFact(lost_since=paper.now)),
    "redis back": lambda paper: setattr(paper, "redis", RedisFact()),
    "config lost": lambda paper: paper.children.pop((Kind.CONFIG_MAP, "eth-hedgepair"), None),
    "maker lost": lambda paper: paper.children.pop((Kind.STATEFUL_SET, "eth-maker"), None),
    "look": lambda paper: paper.look(),
    "live": lambda paper: paper.live(1),
}


def hold(paper: Paper, lots: int) -> None:
    for runner in paper.runners.values():
        runner.lots = lots if runner.role is Role.MAKER else -lots


def mute(paper: Paper, is_mute: bool) -> None:
    for runner in paper.runners.values():
        runner.is_mute = is_mute


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=14))
def test_once_the_world_rests_nothing_is_written(steps: list[str]) -> None:
    paper = Paper()
    paper.settle(looks=6)
    for step in steps:
        STEPS[step](paper)
    paper.settle(looks=30)

    assert decide(paper.observed(is_live=True), paper.settings, paper.now).writes == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=14), st.booleans())
def test_conditions_are_total_and_every_word_is_of_the_closed_lists(
    steps: list[str], is_deleted: bool
) -> None:
    paper = Paper()
    for step in [*steps, "look"]:
        STEPS[step](paper)
        if paper.look().status is not None:
            conditions = paper.item["status"]["conditions"]
            kinds = [one["type"] for one in conditions]
            assert kinds[: len(ALWAYS)] == [kind.value for kind in ALWAYS]
            assert len(kinds) == len(set(kinds))
            for one in conditions:
                assert Reason(one["reason"])
                assert one["message"]
                assert one["observedGeneration"] == paper.item["metadata"]["generation"]
    if is_deleted:
        paper.delete()
        paper.look()


@settings(max_examples=25, deadline=None)
@example(steps=["wrong", "config lost"], flatten=False)
@example(steps=["wrong", "config lost"], flatten=True)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=12), st.booleans())
def test_the_finalizer_goes_only_after_the_proofs_and_the_pods(
    steps: list[str], flatten: bool
) -> None:
    paper = Paper()
    paper.edit(deletionPolicy="Flatten" if flatten else "CancelOrders")
    paper.settle(looks=6)
    hold(paper, 500)
    for step in steps:
        STEPS[step](paper)
        paper.look()
    paper.delete()
    paper.log.clear()
    mute(paper, False)
    paper.redis = RedisFact()
    proved = False
    for _ in range(60):
        if paper.finalized:
            break
        reports = paper.observed().reports.values()
        proved = proved or all(fact.report.withdrawn_ms is not None for fact in reports)
        paper.look()
        assert not (paper.finalized and paper.runners)
        assert not (paper.finalized and not proved)
        paper.live(1)

    assert paper.finalized
    takes = [word for word in paper.log if word.startswith("delete")]
    if "delete eth-maker" in takes and "delete eth-hedger" in takes:
        assert takes.index("delete eth-maker") < takes.index("delete eth-hedger")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=14))
def test_a_hedger_is_never_pruned_while_an_unwanted_maker_is_there(steps: list[str]) -> None:
    paper = Paper()
    paper.settle(looks=6)
    for step in steps:
        STEPS[step](paper)
        before = set(paper.children)
        plan = paper.look()
        deleted = {
            going.key.name for going in plan.deletes if getattr(going, "kind", None) is not None
        }
        manifest = paper.fact().manifest
        if "eth-hedger" in deleted and manifest is not None and not manifest.spec.runs_maker:
            assert (Kind.STATEFUL_SET, "eth-maker") not in before


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans(), st.sampled_from("EB")),
        max_size=8,
    )
)
def test_of_the_pairs_that_are_taken_no_two_share_an_account_or_a_key(
    drawn: list[tuple[int, int, bool, str]],
) -> None:
    pairs = []
    for number, (maker, hedger, was_taken, market) in enumerate(drawn):
        if maker == hedger:
            continue
        item = pair_object(
            f"p{number}",
            market={"E": "ETH", "B": "BTC"}[market],
            maker={"account": {"accountIndex": maker, "apiKeyIndex": 4 + number % 2}},
            hedger={"account": {"accountIndex": hedger, "apiKeyIndex": 4 + number % 2}},
        )
        item["metadata"] |= {
            "uid": str(number),
            "creationTimestamp": f"2026-01-01T00:00:{number:02}Z",
            "finalizers": [names.FINALIZER] if was_taken else [],
        }
        pairs.append(pair_fact(item))

    refused = accepting.refusals(pairs, SETTINGS)

    taken = [pair for pair in pairs if pair.key not in refused]
    claims = [claim for pair in taken if pair.manifest for claim in accepting.claims(pair.manifest)]
    assert len(claims) == len(set(claims))
    assert all(refusal.reason == Reason.ACCOUNT_IN_USE for refusal in refused.values())


@pytest.mark.parametrize(
    ("ceilings", "spec", "reason"),
    [
        pytest.param(Ceilings(pairs=1), {}, Reason.TOO_MANY_PAIRS, id="one pair too many"),
        pytest.param(
            Ceilings(notional_per_pair=Decimal(1000), prices={"ETH": Decimal(4000)}),
            {},
            Reason.NOTIONAL_TOO_LARGE,
            id="worth more than a pair may be",
        ),
        pytest.param(
            Ceilings(notional=Decimal(3000), prices={"ETH": Decimal(4000)}),
            {},
            Reason.NOTIONAL_TOO_LARGE,
            id="worth more than is left",
        ),
        pytest.param(
            Ceilings(notional=Decimal(3000), prices={"ETH": Decimal(4000)}),
            {"market": "BTC"},
            Reason.PRICE_MISSING,
            id="of a market without a price",
        ),
    ],
)
def test_what_passes_a_ceiling_is_refused_with_the_value_to_raise(
    ceilings: Ceilings, spec: dict[str, Any], reason: Reason
) -> None:
    first, second = pair_object("a", **accounts(1)), pair_object("b", **accounts(2), **spec)
    for number, item in enumerate((first, second)):
        stamp = f"2026-01-01T00:00:0{number}Z"
        item["metadata"] |= {"uid": str(number), "creationTimestamp": stamp}
    pairs = [pair_fact(first), pair_fact(second)]

    found = accepting.refusals(pairs, replace(SETTINGS, ceilings=ceilings))

    assert found[pairs[1].key].reason == reason
    assert "chart's values" in found[pairs[1].key].sentence


def test_nothing_that_is_made_follows_from_the_operators_version() -> None:
    made = []
    for version, name in (("0.1.0", "pod-a"), ("99.0.0", "pod-b")):
        paper = Paper(settings=replace(SETTINGS, version=version, own_name=name))
        paper.settle(looks=6)
        made.append(json.dumps([*paper.children.values()], sort_keys=True))

    assert made[0] == made[1]


def test_a_pair_that_the_release_no_longer_takes_is_suspended_and_not_removed() -> None:
    paper = Paper()
    paper.settle(looks=6)

    paper.refusal = Refusal(reason=Reason.MAINNET_NOT_ALLOWED, sentence="Not here.")
    paper.settle(looks=6)

    assert set(paper.runners) == set(Role)
    states = {one["type"]: one for one in paper.item["status"]["conditions"]}
    assert states["Suspended"]["status"] == "True"
    assert states["Accepted"]["reason"] == "MainnetNotAllowed"


def test_without_redis_nothing_is_started_and_nothing_that_runs_is_touched() -> None:
    paper = Paper(redis=RedisFact(lost_since=START))
    paper.settle(looks=6)
    assert not any(kind is Kind.STATEFUL_SET for kind, _ in paper.children)
    ready = next(one for one in paper.item["status"]["conditions"] if one["type"] == "Ready")
    assert ready["reason"] == "RedisUnreachable"

    paper.redis = RedisFact()
    paper.settle(looks=6)
    running = paper.log[:]
    paper.redis = RedisFact(lost_since=paper.now)
    paper.settle(looks=6)

    assert paper.log == running
    assert set(paper.runners) == set(Role)


def test_numbers_are_written_every_fifteen_seconds_and_conditions_at_once() -> None:
    paper = Paper()
    paper.settle(looks=6)
    paper.now += timedelta(seconds=20)

    hold(paper, 1)
    assert paper.look().status is not None
    paper.now += timedelta(seconds=5)
    hold(paper, 2)
    plan = paper.look()
    assert plan.status is None
    assert plan.again_in_s is not None
    assert plan.again_in_s == pytest.approx(10, abs=1)

    paper.runners[Role.HEDGER].gap_lots = 5
    assert paper.look().status is not None


def test_a_halt_keeps_its_time_and_is_told_once() -> None:
    paper = Paper()
    paper.settle(looks=6)
    times = {one["type"]: one["lastTransitionTime"] for one in paper.item["status"]["conditions"]}

    paper.now += timedelta(seconds=60)
    paper.runners[Role.HEDGER].gap_lots = 5
    plan = paper.look()

    after = {one["type"]: one["lastTransitionTime"] for one in paper.item["status"]["conditions"]}
    assert after["Hedged"] != times["Hedged"]
    assert after["Accepted"] == times["Accepted"]
    assert [one.reason for one in plan.tellings] in ([], [EventReason.UNHEDGED])
