"""Texts that are no manifest, and secrets that must not come out again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.contract.manifest import HedgePair, load_manifest, read_resource
from hedgepair_runner.contract.problems import ManifestRefused, Problem
from tests.contract.pairs import PRIVATE_KEY, a_testnet_pair, as_yaml

PAIR = as_yaml(a_testnet_pair())
SECRET = "apiVersion: v1\nkind: Secret\nstringData: {key: hunter2}\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)

NO_MANIFEST = [
    pytest.param("", "manifest", "is empty: write a HedgePair", id="empty"),
    pytest.param("# later\n---\n", "manifest", "is empty: write a HedgePair", id="comments"),
    pytest.param("a: [1", "manifest", "not valid YAML at line 1, column 6", id="not closed"),
    pytest.param("a: hunter2: 3", "manifest", "check the indentation", id="colons"),
    pytest.param("a: *hunter2", "manifest", "not valid YAML at line 1", id="unknown alias"),
    pytest.param("a: !hunter2 3", "manifest", "not valid YAML at line 1", id="unknown tag"),
    pytest.param("a: \x00", "manifest", "not readable as YAML", id="zero byte"),
    pytest.param("a: " + "9" * 5000, "manifest", "not readable as YAML", id="endless number"),
    pytest.param("[" * 1500, "manifest", "The manifest is not", id="endless nesting"),
    pytest.param("a: &a [*a]", "manifest", "not readable as YAML", id="cycle"),
    pytest.param(BOMB, "manifest", "not readable as YAML", id="aliases that explode"),
    pytest.param("#" * 1_000_001, "manifest", "larger than 1 MB", id="too large"),
    pytest.param("- 1\n- 2\n", "manifest", "not a mapping: begin with apiVersion", id="list"),
    pytest.param("hunter2", "manifest", "not a mapping", id="word"),
    pytest.param(
        f"{PAIR}---\n{PAIR}", "manifest", "2 documents (HedgePair, HedgePair)", id="two pairs"
    ),
    pytest.param(
        f"{SECRET}---\n{PAIR}", "manifest", "keep exactly one HedgePair", id="with its secret"
    ),
    pytest.param(SECRET, "apiVersion", "write `apiVersion: hedgepair.io/v1alpha1`", id="a secret"),
    pytest.param(
        PAIR.replace("v1alpha1", "v1"), "apiVersion", "is not that of a HedgePair", id="version"
    ),
    pytest.param(PAIR.replace("kind: HedgePair\n", ""), "kind", "is missing", id="no kind"),
    pytest.param(
        PAIR + "  market: BTC\n",
        "spec.market",
        "is written twice, the second time at line",
        id="a field twice",
    ),
    pytest.param(
        PAIR.replace("    network: Testnet", "    network: Testnet\n    network: Mainnet"),
        "spec.exchange.network",
        "keep one of them",
        id="a nested field twice",
    ),
    pytest.param(
        "apiVersion: hedgepair.io/v1alpha1\nkind: HedgePair\nmetadata: {name: a}\n",
        "spec",
        "is missing: add spec with market",
        id="no spec",
    ),
    pytest.param(
        "apiVersion: hedgepair.io/v1alpha1\nkind: HedgePair\nmetadata: {name: a}\nspec: 3\n",
        "spec",
        "must be a section of fields below it, not 3",
        id="spec is a number",
    ),
    pytest.param(
        PAIR.replace("  name: eth-main\n", ""),
        "metadata.name",
        "give the pair a name",
        id="no name",
    ),
    pytest.param(
        PAIR + "  4: 5\n", "spec[4]", "must have a name that is text", id="number as name"
    ),
]


@pytest.mark.parametrize(("text", "field", "words"), NO_MANIFEST)
def test_what_is_no_manifest_is_refused_with_a_sentence(text: str, field: str, words: str) -> None:
    with pytest.raises(ManifestRefused) as refused:
        load_manifest(text)

    problem = refused.value.problems[0]
    assert problem.field == field
    assert words in problem.sentence
    assert "hunter2" not in str(refused.value)


def test_nulls_and_fields_of_the_server_are_no_problem() -> None:
    from_the_server = PAIR.replace(
        "metadata:\n",
        "status: {netExposure: '0'}\nmetadata:\n  uid: u\n  generation: 3\n  managedFields: [{}]\n"
        "  creationTimestamp: 2026-01-01T00:00:00Z\n  resourceVersion: '7'\n",
    )

    pair = load_manifest(from_the_server + "  pairing:\n  runner: ~\n")

    assert (pair.metadata.uid, pair.metadata.generation) == ("u", 3)
    assert pair.metadata.creation_timestamp == "2026-01-01T00:00:00Z"
    assert pair.spec == load_manifest(PAIR).spec


KEY_PLACES = [
    pytest.param("spec/maker/account/apiKeyPrivateKey", PRIVATE_KEY, id="beside the account"),
    pytest.param("spec/maker/account/secretRef", PRIVATE_KEY, id="for the reference"),
    pytest.param("spec/maker/account/secretRef/name", PRIVATE_KEY, id="for the name"),
    pytest.param("spec/maker/account/accountIndex", int(PRIVATE_KEY, 16), id="as a number"),
    pytest.param("spec/pairing", PRIVATE_KEY[2:], id="for the pairing"),
    pytest.param("spec/market", PRIVATE_KEY, id="for the market"),
    pytest.param("metadata/name", PRIVATE_KEY, id="for the name of the pair"),
    pytest.param("spec/secret", {"deep": [PRIVATE_KEY]}, id="deep in an unknown field"),
    pytest.param(f"spec/{PRIVATE_KEY}", 1, id="as the name of a field"),
    pytest.param("spec/maker/account/password", "correct horse", id="password"),
    pytest.param("spec/hedger/account/secretRef", "correct horse", id="password for a reference"),
    pytest.param("spec/exchange/authToken", "correct horse", id="token"),
    pytest.param("spec/exchange/url", "https://me:correct horse@x", id="in an address"),
]


@pytest.mark.parametrize(("path", "value"), KEY_PLACES)
def test_a_secret_in_a_manifest_is_refused_and_never_repeated(path: str, value: Any) -> None:
    text = as_yaml(a_testnet_pair({path: value}))

    with pytest.raises(ManifestRefused) as refused:
        load_manifest(text)

    said = f"{refused.value} {refused.value!r} {refused.value.problems!r}"
    for secret in (PRIVATE_KEY, PRIVATE_KEY[2:], str(int(PRIVATE_KEY, 16)), "correct horse"):
        assert secret not in said
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(("path", "value"), KEY_PLACES[:8])
def test_who_puts_a_key_into_a_manifest_is_told_where_it_belongs(path: str, value: Any) -> None:
    with pytest.raises(
        ManifestRefused, match="keys never go into a manifest; put it into a Secret"
    ):
        load_manifest(as_yaml(a_testnet_pair({path: value})))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
PLACES = (
    "metadata",
    "spec",
    "spec/market",
    "spec/exchange",
    "spec/maker/account",
    "spec/hedger",
    "spec/risk/maxPosition",
    "spec/stopAfter",
    "spec/runner",
    "spec/runner/affinity",
    "spec/runner/resources",
    "status",
)


@given(place=st.sampled_from(PLACES), value=PLAIN)
def test_anything_anywhere_is_accepted_or_refused_with_sentences(place: str, value: Any) -> None:
    resource = a_testnet_pair({place: value})

    pair, problems = judged(resource)

    assert (pair is None) == bool(problems)
    assert all(problem.sentence.endswith((".", "?")) for problem in problems)
    if pair is not None:
        assert read_resource(pair.as_manifest()) == pair


def judged(resource: dict[str, Any]) -> tuple[HedgePair | None, tuple[Problem, ...]]:
    try:
        return read_resource(resource), ()
    except ManifestRefused as refused:
        return None, refused.problems


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_at_all_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ManifestRefused) as refused:
        load_manifest(text)

    assert refused.value.problems
