"""Wrong manifests: the command line and the CRD both refuse each, with a sentence (law 10)."""

from __future__ import annotations

from typing import Any

import pytest

from hedgepair_runner.contract.manifest import load_manifest, read_resource
from hedgepair_runner.contract.problems import ManifestRefused
from tests.contract.pairs import CRD, a_testnet_pair, as_yaml
from tests.contract.wrong_limits import WRONG_LIMITS
from tests.contract.wrong_places import WRONG_PLACES

WRONG = [*WRONG_PLACES, *WRONG_LIMITS]
CASES = [pytest.param(*case[1:], id=case[0]) for case in WRONG]


@pytest.mark.parametrize(("changes", "field", "sentence", "crd_says"), CASES)
def test_a_wrong_manifest_is_refused_by_the_command_line(
    changes: dict[str, Any], field: str, sentence: str, crd_says: str
) -> None:
    with pytest.raises(ManifestRefused) as refused:
        load_manifest(as_yaml(a_testnet_pair(changes)))

    matching = [p for p in refused.value.problems if p.field == field and sentence in p.sentence]
    assert matching, refused.value
    assert len(refused.value.problems) == 1, refused.value
    assert field.removeprefix("spec.").split("[")[0] in matching[0].sentence


@pytest.mark.parametrize(("changes", "field", "sentence", "crd_says"), CASES)
def test_a_wrong_manifest_is_refused_by_the_crd(
    changes: dict[str, Any], field: str, sentence: str, crd_says: str
) -> None:
    errors = CRD.errors(a_testnet_pair(changes))

    assert any(crd_says in error for error in errors), errors


@pytest.mark.parametrize(("changes", "field", "sentence", "crd_says"), CASES)
def test_an_operator_says_the_same_of_what_a_lenient_server_let_through(
    changes: dict[str, Any], field: str, sentence: str, crd_says: str
) -> None:
    with pytest.raises(ManifestRefused) as refused:
        read_resource(a_testnet_pair(changes))

    assert any(sentence in problem.sentence for problem in refused.value.problems)


def test_the_sentences_are_all_different_in_field_or_words() -> None:
    sentences = set()
    for _, changes, _, _, _ in WRONG:
        with pytest.raises(ManifestRefused) as refused:
            load_manifest(as_yaml(a_testnet_pair(changes)))
        sentences.add(str(refused.value))

    assert len(sentences) >= 55


UNKNOWN = [
    pytest.param("spec/timeoutSecond", 5, "did you mean timeoutSeconds?", id="a letter short"),
    pytest.param("spec/max_position", "1", "did you mean spec.risk.maxPosition?", id="snake case"),
    pytest.param("spec/maxPosition", "1", "did you mean spec.risk.maxPosition?", id="wrong place"),
    pytest.param("spec/onTimeout", "Halt", "did you mean spec.risk.onUnhedged?", id="old name"),
    pytest.param("spec/redis", {"type": "Managed"}, "--redis", id="redis"),
    pytest.param("spec/risk/zzz", 1, "use one of acceptedNet, maxDailyLoss", id="nothing near"),
    pytest.param("spec/maker/account/secret", "s3cr3t", "keys never go into a manifest", id="key"),
    pytest.param("spec/runner/hostNetwork", True, "is not a field of a HedgePair", id="pod field"),
    pytest.param("extra", 1, "is not a field of a HedgePair", id="at the top"),
]


@pytest.mark.parametrize(("path", "value", "remedy"), UNKNOWN)
def test_an_unknown_field_is_refused_with_the_nearest_known_one(
    path: str, value: Any, remedy: str
) -> None:
    pair = a_testnet_pair({path: value})

    with pytest.raises(ManifestRefused) as refused:
        load_manifest(as_yaml(pair))

    (problem,) = refused.value.problems
    assert problem.field == path.replace("/", ".")
    assert remedy in problem.sentence
    assert "s3cr3t" not in problem.sentence
    assert CRD.unknown_fields(pair) == [problem.field]


@pytest.mark.parametrize(("path", "value", "remedy"), UNKNOWN)
def test_an_unknown_field_is_tolerated_by_the_operator(path: str, value: Any, remedy: str) -> None:
    assert read_resource(a_testnet_pair({path: value})) == read_resource(
        a_testnet_pair({"spec/runner": {}} if "runner" in path else {})
    )


def test_all_problems_are_told_at_once() -> None:
    pair = a_testnet_pair(
        {
            "metadata/name": "Big",
            "spec/depth": 99,
            "spec/mode": "Hegde",
            "spec/runner": {"tolerations": [{"effect": 3}], "podLabels": {"hedgepair.io/x": "y"}},
            "spec/hedger/account/accountIndex": 101,
            "spec/risk/maxPosition": "0.01",
            "spec/zzz": 1,
        }
    )

    with pytest.raises(ManifestRefused) as refused:
        load_manifest(as_yaml(pair))

    assert [problem.field for problem in refused.value.problems] == [
        "metadata.name",
        "spec.mode",
        "spec.depth",
        "spec.runner.tolerations[0].effect",
        "spec.zzz",
        "spec.hedger.account.accountIndex",
        "spec.risk.maxPosition",
    ]


def test_a_rule_is_not_judged_by_a_field_that_could_not_be_read() -> None:
    pair = a_testnet_pair({"spec/quantity": 3, "spec/risk/maxPosition": "0.01"})

    with pytest.raises(ManifestRefused) as refused:
        load_manifest(as_yaml(pair))

    assert [problem.field for problem in refused.value.problems] == ["spec.quantity"]
