"""Label and field selectors, as far as the operator uses them: `a=b,c=d`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(item: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    return all(
        labels.get(name) == value for name, value in _terms(query.get("labelSelector", ""))
    ) and all(_field(item, name) == value for name, value in _terms(query.get("fieldSelector", "")))


def _terms(selector: str) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, _, value in (term.partition("=") for term in selector.split(",") if term)
    ]


def _field(item: Any, path: str) -> Any:
    for part in path.split("."):
        item = (item or {}).get(part)
    return item
