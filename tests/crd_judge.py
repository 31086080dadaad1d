"""An API server in small: judges an object by a CRD alone, knowing nothing of our models.

In the server's order: unknown fields are pruned, nulls dropped, defaults filled in, the structural
schema checked, then the CEL rules. As on a real server, a failed type, enum, required or length
keeps the CEL rules from being evaluated at all.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import celpy
import jsonschema
import yaml
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError

# The server goes on to CEL after these; everything else blocks it.
_NOT_BLOCKING = frozenset({"pattern", "minimum", "maximum"})


class CrdJudge:
    """The rules of one CRD file; `errors` is what the server would answer."""

    def __init__(self, path: Path) -> None:
        self.crd = yaml.safe_load(path.read_text())
        (self.version,) = self.crd["spec"]["versions"]
        self.schema: dict[str, Any] = self.version["schema"]["openAPIV3Schema"]
        self._structure = jsonschema.Draft202012Validator(_as_json_schema(self.schema))

    def unknown_fields(self, resource: Mapping[str, Any]) -> list[str]:
        """What strict field validation (`kubectl apply`) refuses and the server itself prunes."""
        return list(_unknown(self.schema, resource, ""))

    def errors(
        self, resource: Mapping[str, Any], old: Mapping[str, Any] | None = None
    ) -> list[str]:
        """One line for each refusal, as `path: message`; with `old`, of an update."""
        new = self.stored(resource)
        found = []
        blocked = False
        for error in self._structure.iter_errors(new):
            path = ".".join(str(part) for part in error.absolute_path)
            blocked |= error.validator not in _NOT_BLOCKING
            found.append(f"{path}: {error.message}")
        if not blocked:
            before = None if old is None else self.stored(old)
            found += _broken_rules(self.schema, new, before, "")
        return found

    def stored(self, resource: Mapping[str, Any]) -> Any:
        """The object as the server would keep it: pruned, with defaults."""
        return _defaulted(
            self.schema, _pruned(self.schema, copy.deepcopy(dict(resource)), root=True)
        )


def _as_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI v3 as Kubernetes has it → JSON schema: only the int-or-string extension differs."""
    converted: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            converted[key] = {name: _as_json_schema(item) for name, item in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            converted[key] = _as_json_schema(value)
        elif not key.startswith("x-kubernetes-") and key not in ("format", "default"):
            converted[key] = value
    return converted


def _unknown(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping) and "properties" in schema:
        for name, item in value.items():
            below = schema["properties"].get(name)
            if below is None and path != "metadata":
                yield f"{path}.{name}".lstrip(".")
            elif below is not None:
                yield from _unknown(below, item, f"{path}.{name}".lstrip("."))
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _unknown(schema["items"], item, f"{path}[{index}]")


def _pruned(schema: dict[str, Any], value: Any, *, root: bool = False) -> Any:
    if isinstance(value, dict):
        properties = schema.get("properties")
        more = schema.get("additionalProperties")
        kept = {}
        for name, item in value.items():
            below = properties.get(name) if properties is not None else more
            if root and name == "metadata":
                kept[name] = item
            elif isinstance(below, dict) and item is not None:
                kept[name] = _pruned(below, item)
        return kept
    if isinstance(value, list) and "items" in schema:
        return [_pruned(schema["items"], item) for item in value]
    return value


def _defaulted(schema: dict[str, Any], value: Any) -> Any:
    if isinstance(value, dict):
        for name, below in schema.get("properties", {}).items():
            if name not in value and "default" in below:
                value[name] = copy.deepcopy(below["default"])
            if name in value:
                value[name] = _defaulted(below, value[name])
    if isinstance(value, list) and "items" in schema:
        return [_defaulted(schema["items"], item) for item in value]
    return value


def _broken_rules(schema: dict[str, Any], new: Any, old: Any, path: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        if is_transition(rule) and old is None:
            continue
        if not _holds(rule["rule"], new, old):
            yield f"{path}{rule.get('fieldPath', '')}: {rule['message']}".lstrip(".")
    if isinstance(new, dict):
        for name, below in schema.get("properties", {}).items():
            if name in new:
                before = old.get(name) if isinstance(old, dict) else None
                yield from _broken_rules(below, new[name], before, f"{path}.{name}")


def is_transition(rule: Mapping[str, str]) -> bool:
    return re.search(r"\boldSelf\b", rule["rule"]) is not None


@functools.cache
def _program(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule))


def _holds(rule: str, new: Any, old: Any) -> bool:
    """An evaluation error refuses as well: on the server it is an error of the request."""
    facts = {"self": json_to_cel(new)}
    if old is not None:
        facts["oldSelf"] = json_to_cel(old)
    try:
        return bool(_program(rule).evaluate(facts))
    except CELEvalError:
        return False
