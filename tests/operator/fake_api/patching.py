"""Merge patches, JSON patches, and server-side apply by ownership of leaf fields."""

from __future__ import annotations

import copy
import itertools
from typing import Any

Object = dict[str, Any]
Path = tuple[Any, ...]

# Lists that are maps, by their key; all others are one value (atomic).
_MAPS = {
    "conditions": "type",
    "sources": "name",
    "containers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "name",
    "ownerReferences": "uid",
    "imagePullSecrets": "name",
}


class PatchFailed(Exception):
    """A test of a JSON patch did not hold, or its path is not there."""


def merge(live: Any, change: Any) -> Any:
    """RFC 7396."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(live) if isinstance(live, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def json_patch(live: Object, steps: list[Object]) -> Object:
    """RFC 6902: test, add, remove, replace."""
    result = copy.deepcopy(live)
    for step in steps:
        parts = [_unescaped(part) for part in step["path"].split("/")[1:]]
        parent: Any = result
        for part in parts[:-1]:
            parent = _child(parent, part)
        last = parts[-1]
        match step["op"]:
            case "test":
                if _child(parent, last) != step["value"]:
                    raise PatchFailed(f"test of {step['path']} failed")
            case "remove":
                _child(parent, last)
                del parent[int(last) if isinstance(parent, list) else last]
            case "add" if isinstance(parent, list):
                parent.insert(len(parent) if last == "-" else int(last), step["value"])
            case "add" | "replace":
                parent[int(last) if isinstance(parent, list) else last] = step["value"]
            case other:
                raise PatchFailed(f"unknown op {other}")
    return result


def _child(parent: Any, part: str) -> Any:
    try:
        return parent[int(part) if isinstance(parent, list) else part]
    except (KeyError, IndexError, ValueError) as error:
        raise PatchFailed(f"no {part} here") from error


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def flatten(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Leaf fields by path. An empty map is a leaf."""
    if isinstance(value, dict) and value:
        found: dict[Path, Any] = {}
        for name, item in value.items():
            found |= flatten(item, (*path, name))
        return found
    key = _MAPS.get(path[-1]) if path and isinstance(path[-1], str) else None
    if key is not None and isinstance(value, list) and all(key in item for item in value):
        found = {}
        for item in value:
            found |= flatten(item, (*path, (key, item[key])))
        return found
    return {path: value}


def server_side_apply(live: Object, wanted: Object, owned: set[Path]) -> tuple[Object, set[Path]]:
    """(the object after it, what the manager owns now). `owned`: what it owned before."""
    leaves = flatten(wanted)
    result = copy.deepcopy(live)
    # The key of a list's item goes last: until then the item is found by it.
    gone = owned - set(leaves)
    for path in sorted(gone, key=lambda path: (_is_key(path), str(path))):
        if not any(other[: len(path)] == path for other in leaves):
            _remove(result, path)
    for path, value in leaves.items():
        _set(result, path, copy.deepcopy(value))
    return result, set(leaves)


def _is_key(path: Path) -> bool:
    return len(path) > 1 and isinstance(path[-2], tuple) and path[-2][0] == path[-1]


def _set(tree: Any, path: Path, value: Any) -> None:
    for part, following in itertools.pairwise(path):
        tree = _step(tree, part, is_list=isinstance(following, tuple))
    last = path[-1]
    if isinstance(last, tuple):
        item = _step(tree, last, is_list=False)
        item.update(value)
    elif value == {} and isinstance(tree.get(last), dict):
        return
    else:
        tree[last] = value


def _step(tree: Any, part: Any, *, is_list: bool) -> Any:
    if isinstance(part, tuple):
        key, name = part
        for item in tree:
            if item.get(key) == name:
                return item
        tree.append({key: name})
        return tree[-1]
    if not isinstance(tree.get(part), (dict, list)):
        tree[part] = [] if is_list else {}
    return tree[part]


def _remove(tree: Any, path: Path) -> None:
    """The leaf, and every map, item and list that is empty after it."""
    trail: list[tuple[Any, Any, Any]] = []
    for part in path:
        if isinstance(part, tuple):
            child = next((item for item in tree if item.get(part[0]) == part[1]), None)
        else:
            child = tree.get(part) if isinstance(tree, dict) else None
        if child is None:
            return
        trail.append((tree, part, child))
        tree = child
    for number, (parent, part, child) in enumerate(reversed(trail)):
        if isinstance(part, tuple):
            if set(child) <= {part[0]}:
                parent.remove(child)
        elif number == 0 or child in ({}, []):
            del parent[part]
