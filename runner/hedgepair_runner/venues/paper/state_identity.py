"""Whose state a directory holds: only the same exchange can take it up again.

Seed, chain id, markets and settings decide what the noted calls lead to; so does the code itself,
hence the build: a digest over the sources of this package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.settings import ExchangeSettings

Identity = dict[str, Any]
_NAMES = {
    "seed": "another seed",
    "chain_id": "another chain id",
    "markets": "other markets",
    "settings": "other settings",
    "build": "another build",
}


def identity_of(
    *, seed: str, chain_id: int, markets: Sequence[MarketRules], settings: ExchangeSettings
) -> Identity:
    """Plain JSON, the same in every process."""
    return {
        "seed": seed,
        "chain_id": chain_id,
        "markets": {rules.symbol: plain(rules) for rules in markets},
        "settings": plain(settings),
        "build": build(),
    }


def digest(identity: Identity) -> str:
    text = orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]


def difference(held: Mapping[str, Any], wanted: Identity) -> str | None:
    """The end of a sentence: what kind of exchange the state is of. None: of this one."""
    for key, name in _NAMES.items():
        before, now = held.get(key), wanted[key]
        if before == now:
            continue
        if isinstance(before, dict) and isinstance(now, dict):
            changed = sorted(k for k in before | now if before.get(k) != now.get(k))
            return f"an exchange with {name} ({', '.join(changed)})"
        return f"an exchange with {name} ({before}, not {now})"
    return None


@lru_cache(maxsize=1)
def build() -> str:
    """A digest of the sources that make the exchange."""
    folder = Path(__file__).parent
    sources = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        sources.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return sources.hexdigest()[:12]


def plain(value: object) -> Any:
    """Facts as JSON. Sets are sorted: their own order differs from process to process."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in value}
    if isinstance(value, set | frozenset):
        return sorted(plain(each) for each in value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
