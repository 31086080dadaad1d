"""Whether a live object already is what is wanted: fields that others set do not count.

Server-side apply owns the fields that it names. What is compared is therefore: everything wanted
is there. An apply that changes nothing costs the API server as much as one that does (design §10).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from hedgepair_operator import names
from hedgepair_operator.facts import ChildFact

_NAMED_BY: Final = ("name", "uid", "topologyKey")
_QUANTITY: Final = re.compile(r"([0-9.]+)(m|k|[KMGTPE]i?|n|u|e[0-9]+|E[0-9]+)?\Z")
_SUFFIXES: Final = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(10**3),
    "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "E": Decimal(10**18), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip


def digest_of(wanted: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(wanted, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def stamped(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """With an annotation that names the content: so that what is no longer wanted is seen, too."""
    meta = wanted["metadata"]
    annotations = {**(meta.get("annotations") or {}), names.APPLIED: digest_of(wanted)}
    return {**wanted, "metadata": {**meta, "annotations": annotations}}


def is_settled(wanted: Mapping[str, Any], live: ChildFact | None) -> bool:
    """Whether nothing is left to apply. `wanted` is stamped."""
    if live is None or live.is_deleting:
        return False
    meta = wanted["metadata"]
    if live.settled_for is not None and live.settled_for == meta["annotations"][names.APPLIED]:
        return True
    ours = {
        "metadata": {
            part: meta[part]
            for part in ("labels", "annotations", "ownerReferences")
            if part in meta
        }
    } | {part: wanted[part] for part in ("spec", "data", "type") if part in wanted}
    return contains(orjson.loads(live.body), ours)


def contains(live: Any, wanted: Any) -> bool:
    """Whether `live` holds everything of `wanted`. Lists of named things match by name."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            contains(live[name], value) if name in live else _is_nothing(value)
            for name, value in wanted.items()
        )
    if isinstance(wanted, (list, tuple)):
        return isinstance(live, list) and _contains_all(live, wanted)
    return bool(live == wanted) or _is_same_quantity(live, wanted)


def _contains_all(live: list[Any], wanted: Any) -> bool:
    for name in _NAMED_BY:
        if wanted and all(isinstance(item, Mapping) and name in item for item in wanted):
            there = {item.get(name): item for item in live if isinstance(item, Mapping)}
            return all(item[name] in there and contains(there[item[name]], item) for item in wanted)
    return len(live) == len(wanted) and all(
        contains(one, other) for one, other in zip(live, wanted, strict=True)
    )


def _is_nothing(value: Any) -> bool:
    """The API server drops empty maps, lists and nulls."""
    return value is None or (isinstance(value, (Mapping, list, tuple)) and not value)


def _is_same_quantity(live: Any, wanted: Any) -> bool:
    """`0.5` comes back as `500m`: the API server writes quantities its own way."""
    one, other = _quantity(live), _quantity(wanted)
    return one is not None and one == other


def _quantity(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    match = _QUANTITY.match(str(value))
    if match is None or match[1].count(".") > 1 or match[1] == ".":
        return None
    number, suffix = Decimal(match[1]), match[2]
    if suffix is None:
        return number
    if suffix in _SUFFIXES:
        return number * _SUFFIXES[suffix]
    return number.scaleb(int(suffix[1:]))
