"""Journey 2: what the API server refuses, with our own sentences; what runs is untouched."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.contract.pairs import ROOT, a_testnet_pair
from tests.contract.wrong_limits import WRONG_LIMITS
from tests.contract.wrong_places import WRONG_PLACES
from tests.e2e.kubectl import Kubectl, refusal
from tests.e2e.pairs import Pair, merged

OUR_RULES = str(yaml.safe_load((ROOT / "crds" / "hedgepairs.yaml").read_text()))
WRONG = [*WRONG_PLACES, *WRONG_LIMITS]


def test_wrong_manifests_are_refused_with_the_intended_sentences(namespace: Kubectl) -> None:
    """All of them in one go, each a dry run. What no rule of ours says the server says by itself:
    then it has to name the field."""
    missing = []
    for name, changes, field, _, crd_says in WRONG:
        pair: dict[str, Any] = a_testnet_pair(changes)
        pair["metadata"].pop("namespace", None)
        words = ("kubectl", "-n", namespace.namespace, "create", "--dry-run=server", "-f", "-")
        said = refusal(*words, stdin=json.dumps(pair))
        expected = crd_says if crd_says in OUR_RULES else field
        if expected not in said:
            missing.append(f"{name}: no {expected!r} in {said}")
    assert not missing, "\n".join(missing)
    assert len(WRONG) >= 30


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"market": "BTC"}, "market is immutable"),
        ({"makerSide": "Sell"}, "may change only after suspend"),
        ({"depth": 90}, "depth"),
        ({"risk": {"maxPosition": "0.01"}}, "risk.maxPosition must be at least quantity"),
    ],
)
def test_a_refused_edit_leaves_a_running_pair_as_it_is(
    trading: Pair, namespace: Kubectl, changes: dict[str, Any], sentence: str
) -> None:
    before, runners = trading.read(), trading.restarts()
    kept = trading.spec
    trading.spec = merged(kept, changes)
    assert sentence in namespace.refused(trading.manifest())
    trading.spec = kept
    assert trading.read()["metadata"]["generation"] == before["metadata"]["generation"]
    assert trading.restarts() == runners
