"""The schema of the values: closed, complete, and it refuses what the operator would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.charts.rendering import CHART, template

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
WRONG = (
    "typo=1",
    "operator.replica=2",
    "operator.replicas=many",
    "redis.appendfsync=never",
    "redis.acl=None",
    "redis.maxmemory=lots",
    "redis.runnerUrl=redis://user:password@host",
    "redis.rotation=next",
    "exchange.latency=fast",
    "images.runner.digest=sha256:abc",
    "limits.maxNotional=-1",
    "watchNamespaces={UPPER}",
    "runner.extraEgressCidrs={everywhere}",
    "networkPolicy.apiServer.ports={0}",
    "tests.timeoutSeconds=1",
)


@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_value_is_refused_by_name(value: str) -> None:
    refused = template("--set", value)
    assert refused.returncode != 0
    words = value.partition("=")[0].split(".")
    assert words[-1] in refused.stderr or words[0] in refused.stderr


def test_every_section_is_closed_and_every_value_is_named() -> None:
    assert dict(differences(SCHEMA, VALUES, "")) == {}


def test_every_value_has_a_comment_or_a_speaking_name() -> None:
    text = (CHART / "values.yaml").read_text()
    for section in VALUES:
        assert f"\n{section}:" in text


def differences(schema: dict[str, Any], values: Any, path: str) -> Iterator[tuple[str, str]]:
    schema = resolved(schema)
    if "properties" not in schema:
        return
    if schema.get("additionalProperties") is not False:
        yield path, "is open"
    named = set(schema["properties"]) - {"global", "claims"}
    if path.endswith("resources"):
        return
    for name in named ^ set(values):
        yield f"{path}.{name}", "stands in one of both only"
    for name in named & set(values):
        yield from differences(schema["properties"][name], values[name], f"{path}.{name}")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema
