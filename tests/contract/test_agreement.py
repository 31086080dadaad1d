"""The CRD and the command line's model are one spec: fields, defaults, limits and sentences."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hedgepair_runner.contract.changing import CHANGE_RULES
from hedgepair_runner.contract.manifest import HedgePair, read_resource
from hedgepair_runner.contract.rules import RULES
from hedgepair_runner.contract.spec import CHAIN_IDS, HedgePairSpec, Network
from tests.contract.pairs import CRD, a_testnet_pair
from tests.crd_judge import is_transition

pytestmark = pytest.mark.slow

LIMITS = (
    "type",
    "format",
    "enum",
    "default",
    "minimum",
    "maximum",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-int-or-string",
)


def flat(schema: dict[str, Any], path: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Path → what is said of that field, from either kind of schema."""
    schema = plain(schema, definitions)
    said = {key: schema[key] for key in LIMITS if key in schema}
    said["required"] = sorted(schema.get("required", ()))
    found = {path: said}
    for name, below in schema.get("properties", {}).items():
        found |= flat(below, f"{path}.{name}", definitions)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            found |= flat(schema[key], f"{path}[{key}]", definitions)
    return found


def plain(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Without references, and without the null that an optional field of a model may be."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = definitions[name] | {k: v for k, v in schema.items() if k != "$ref"}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema = plain(choices[0], definitions) | {
            key: value for key, value in schema.items() if key != "anyOf"
        }
    if schema.get("default", 0) in (None, []):  # absent, for both
        schema = {key: value for key, value in schema.items() if key != "default"}
    if "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    return schema


def of_the_model() -> dict[str, Any]:
    schema = HedgePairSpec.model_json_schema(by_alias=True)
    return flat(schema, "spec", schema["$defs"])


def of_the_crd() -> dict[str, Any]:
    return flat(CRD.schema["properties"]["spec"], "spec", {})


@pytest.mark.parametrize("path", sorted(of_the_crd().keys() | of_the_model().keys()))
def test_a_field_is_the_same_in_the_crd_and_in_the_model(path: str) -> None:
    assert of_the_model().get(path) == of_the_crd().get(path)


def test_the_name_is_limited_alike() -> None:
    schema = HedgePair.model_json_schema(by_alias=True)
    model = flat(schema, "", schema["$defs"])[".metadata.name"]
    crd = flat(CRD.schema, "", {})[".metadata.name"]

    model.pop("minLength")  # a server never has an empty name
    assert model == crd


def test_the_crd_has_the_rules_of_the_command_line_word_for_word() -> None:
    messages = {rule["message"] for rule in _crd_rules(CRD.schema) if not is_transition(rule)}

    assert messages == {rule.sentence for rule in RULES}


def test_the_crd_has_the_transition_rules_of_the_command_line_word_for_word() -> None:
    messages = {rule["message"] for rule in _crd_rules(CRD.schema) if is_transition(rule)}

    assert messages == {rule.sentence for rule in CHANGE_RULES}


def test_a_rule_names_a_field_that_exists() -> None:
    known = {re.sub(r"^spec\.", "", path) for path in of_the_crd()}

    for rule in (*RULES, *CHANGE_RULES):
        assert rule.field in known
        assert rule.field in rule.sentence or rule.field.split(".")[0] in rule.sentence
    for rule in RULES:
        assert set(rule.needs) <= known


def test_every_field_of_spec_and_status_is_described() -> None:
    for part in ("spec", "status"):
        for path, described in _descriptions(CRD.schema["properties"][part], part):
            assert described.endswith("."), path


def test_nothing_unknown_is_kept() -> None:
    assert "x-kubernetes-preserve-unknown-fields" not in str(CRD.crd)
    assert CRD.crd["spec"].get("preserveUnknownFields") is None


def test_defaults_are_the_same_when_filled_in_by_either() -> None:
    pair = a_testnet_pair(
        {
            "spec/stopAfter": {"rounds": 3},
            "spec/runner": {
                "proxy": {"url": "http://proxy:3128"},
                "caBundleRef": {"name": "trust"},
            },
        }
    )

    ours = read_resource(pair).as_manifest()["spec"]

    for empty in ("imagePullSecrets", "tolerations"):
        assert ours["runner"].pop(empty) == []
    assert ours["runner"]["proxy"].pop("noProxy") == []
    assert ours == CRD.stored(pair)["spec"]


def test_the_chain_ids_in_the_crd_are_those_of_the_networks() -> None:
    rule = next(r["rule"] for r in _crd_rules(CRD.schema) if "? 304 : 300" in r["rule"])

    assert "'Mainnet' ? 304 : 300" in rule
    assert CHAIN_IDS == {Network.PAPER: 300, Network.TESTNET: 300, Network.MAINNET: 304}


def _crd_rules(schema: dict[str, Any]) -> list[dict[str, str]]:
    rules = list(schema.get("x-kubernetes-validations", ()))
    for below in schema.get("properties", {}).values():
        rules += _crd_rules(below)
    return rules


def _descriptions(schema: dict[str, Any], path: str) -> list[tuple[str, str]]:
    found = []
    for name, below in schema.get("properties", {}).items():
        found.append((f"{path}.{name}", below.get("description", "")))
        found += _descriptions(below, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        found += _descriptions(schema["items"], f"{path}[]")
    return found
