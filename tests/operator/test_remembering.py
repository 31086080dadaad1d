"""What is remembered between looks is never stale: other inputs are judged and rendered anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hedgepair_operator import names
from hedgepair_operator.facts import ChildFact, Key, Kind, PairFact
from hedgepair_operator.pods import stateful_set
from hedgepair_operator.remembering import is_settled_for
from hedgepair_operator.trimming import pair_fact
from hedgepair_runner.contract.identity import Role
from tests.operator.deciding import SETTINGS, Paper


def test_a_status_write_does_not_have_the_spec_judged_again() -> None:
    item = Paper().item
    fact = pair_fact(item)
    again = pair_fact({**item, "status": {"observedGeneration": 1}}, known=fact)
    assert again.manifest is fact.manifest
    assert again.status == {"observedGeneration": 1}


def test_another_spec_is_judged_even_where_its_generation_is_the_same() -> None:
    item = Paper().item
    fact = pair_fact(item)
    other = pair_fact({**item, "spec": {**item["spec"], "quantity": "0.06"}}, known=fact)
    assert other.manifest is not None
    assert str(other.manifest.spec.quantity) == "0.06"
    refused = pair_fact({**item, "spec": {**item["spec"], "quantity": "none"}}, known=other)
    assert refused.manifest is None
    assert refused.problems
    assert pair_fact(item, known=refused).manifest == fact.manifest


def test_a_stateful_set_is_settled_only_for_what_it_was_applied_for() -> None:
    pair = pair_fact(Paper().item)
    live = _live(pair)
    assert _is_settled(live, pair)
    assert not _is_settled(None, pair)
    assert not _is_settled(replace(live, settled_for=None), pair)
    assert not _is_settled(replace(live, is_deleting=True), pair)
    assert not _is_settled(live, replace(pair, uid="another"))
    assert not _is_settled(live, replace(pair, annotations={names.RESTARTED_AT: "now"}))
    item = Paper().item
    edited = pair_fact({**item, "spec": {**item["spec"], "runner": {"image": "runner:9"}}})
    assert not _is_settled(live, edited)
    other = replace(SETTINGS, runner_image="runner:9")
    assert pair.manifest is not None
    assert not is_settled_for(live, pair, pair.manifest, Role.MAKER, other)
    assert not is_settled_for(live, pair, pair.manifest, Role.HEDGER, SETTINGS)


def _is_settled(live: ChildFact | None, pair: PairFact) -> bool:
    assert pair.manifest is not None
    return is_settled_for(live, pair, pair.manifest, Role.MAKER, SETTINGS)


def _live(pair: PairFact) -> ChildFact:
    """As the operator's own application left it."""
    assert pair.manifest is not None
    wanted: dict[str, Any] = stateful_set(pair, pair.manifest, Role.MAKER, SETTINGS)
    return ChildFact(
        kind=Kind.STATEFUL_SET,
        key=Key(pair.key.namespace, wanted["metadata"]["name"]),
        uid="child",
        resource_version="1",
        owner_uid=pair.uid,
        pair=pair.key.name,
        role=Role.MAKER,
        is_deleting=False,
        body=b"{}",
        settled_for=wanted["metadata"]["annotations"][names.APPLIED],
    )
