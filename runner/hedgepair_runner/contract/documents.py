"""YAML text → one plain tree, with no surprises: no duplicate fields, dates or second documents.

Parser messages are not passed on, since they quote the text, and the text may hold a secret.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from hedgepair_runner.contract.problems import ManifestRefused, Problem, looks_secret

MAX_CHARACTERS: Final = 1_000_000  # etcd takes no larger object either


class _Loader(yaml.SafeLoader):
    """Safe YAML without dates: `2026-01-01` stays text, as it is in Kubernetes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_document(text: str) -> dict[str, Any]:
    """The one mapping in the text, without fields that are null (they count as absent).

    Raises ManifestRefused for anything else: bad YAML, nothing, several documents, a list.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refused("The manifest is larger than 1 MB; a HedgePair fits on a page.")
    try:
        documents = _load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refused(
            f"The manifest is not valid YAML{where}: "
            "check the indentation, quotes and colons there."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _refused(
            "The manifest is not readable as YAML: it holds a character, a number or a nesting "
            "that cannot be read; write it as plain text."
        ) from None
    if not documents:
        raise _refused(
            "The manifest is empty: write a HedgePair into it, such as examples/minimum.yaml."
        )
    if len(documents) > 1:
        kinds = ", ".join(_kind(document) for document in documents)
        raise _refused(
            f"The manifest holds {len(documents)} documents ({kinds}): "
            "keep exactly one HedgePair in the file and move the others to files of their own."
        )
    (document,) = documents
    if not isinstance(document, dict):
        raise _refused("The manifest is not a mapping: begin with apiVersion, kind and metadata.")
    return document


def without_nulls(value: Any) -> Any:
    """Fields that are null count as absent, as the API server has it."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _load(text: str) -> list[Any]:
    loader = _Loader(text)
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            duplicates = tuple(_duplicates(node, "", set()))
            if duplicates:
                raise ManifestRefused(duplicates)
            document = without_nulls(_acyclic(loader.construct_document(node)))
            if document is not None:
                documents.append(document)
    finally:
        loader.dispose()
    return documents


def _duplicates(node: Any, path: str, seen: set[int]) -> list[Problem]:
    if id(node) in seen:
        return []
    seen.add(id(node))
    found: list[Problem] = []
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            found += _duplicates(item, f"{path}[{index}]", seen)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, item in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            field = f"{path}.{name}" if path else name
            if name in names and not looks_secret(name):
                found.append(
                    Problem(
                        field=field,
                        sentence=f"{field} is written twice, the second time at line "
                        f"{key.start_mark.line + 1}: keep one of them.",
                    )
                )
            names.add(name)
            found += _duplicates(item, field, seen)
    return found


def _acyclic(document: Any) -> Any:
    """Refuses what YAML aliases can do and a manifest never needs: cycles and explosions."""
    budget = 20_000
    stack = [document]
    while stack:
        item = stack.pop()
        budget -= 1
        if budget < 0:
            raise ValueError("more than 20,000 values, or a cycle")
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, (list, tuple, set)):
            stack.extend(item)
    return document


def _kind(document: Any) -> str:
    kind = document.get("kind") if isinstance(document, dict) else None
    if isinstance(kind, str) and kind.isalnum() and len(kind) <= 63 and not looks_secret(kind):
        return kind
    return "one without a kind"


def _refused(sentence: str) -> ManifestRefused:
    return ManifestRefused((Problem(field="manifest", sentence=sentence),))
