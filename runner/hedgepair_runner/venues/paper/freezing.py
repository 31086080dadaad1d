"""A whole exchange as bytes, and back.

A pickle that may name only the classes of this package and a few plain containers: reading one
runs no code but theirs. A header line says whose state it is, its length and checksum; so a file
that is cut off or changed is never taken for a state.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson

from hedgepair_runner.venues.paper.recording import RecordedExchange

FORMAT: Final = 1
_PACKAGE: Final = "hedgepair_runner.venues.paper."
_FUNCTIONS: Final = frozenset(
    {
        (_PACKAGE + "keys", "l1_address"),
        (_PACKAGE + "keys", "PublicKeys"),
        ("functools", "partial"),
        ("collections", "deque"),
        ("collections", "OrderedDict"),
        ("collections", "Counter"),
        ("fractions", "Fraction"),
        ("builtins", "set"),
        ("builtins", "frozenset"),
    }
)


class BadSnapshotError(Exception):
    """These bytes are no whole snapshot of a paper exchange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What the header of a snapshot says."""

    generation: int
    identity: dict[str, Any]


def freeze(exchange: RecordedExchange, head: Frozen) -> bytes:
    written = io.BytesIO()
    _Writer(written, protocol=5).dump(exchange)
    body = written.getvalue()
    header = {
        "hedgepair_snapshot": FORMAT,
        "generation": head.generation,
        "identity": head.identity,
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return orjson.dumps(header) + b"\n" + body


def read_head(data: bytes) -> Frozen:
    """Raises BadSnapshotError unless the bytes are whole."""
    line, _, body = data.partition(b"\n")
    try:
        header = orjson.loads(line)
        told = header["hedgepair_snapshot"], header["length"], header["sha256"]
        head = Frozen(generation=header["generation"], identity=dict(header["identity"]))
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        raise BadSnapshotError("no header") from error
    if told[0] != FORMAT:
        raise BadSnapshotError(f"format {told[0]}, not {FORMAT}")
    if told[1:] != (len(body), hashlib.sha256(body).hexdigest()):
        raise BadSnapshotError("cut off or changed")
    return head


def thaw(data: bytes) -> RecordedExchange:
    """What `read_head` has found whole and of this very build. Raises BadSnapshotError."""
    try:
        exchange = _Reader(io.BytesIO(data[data.index(b"\n") + 1 :])).load()
    except (pickle.UnpicklingError, AttributeError, TypeError, EOFError) as error:
        raise BadSnapshotError(str(error)) from error
    if not isinstance(exchange, RecordedExchange):
        raise BadSnapshotError("not an exchange")
    return exchange


class _Writer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Members of enums by their value: some versions of Python 3.11 write them by `getattr`,
        which is no function that a snapshot may name."""
        if isinstance(value, Enum):
            return type(value), (value.value,)
        return NotImplemented


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if _may_name(module, name) else None
        is_own = module.startswith(_PACKAGE) and isinstance(found, type)
        if not is_own and (module, name) not in _FUNCTIONS:
            raise pickle.UnpicklingError(f"a snapshot has no {module}.{name}")
        return found


def _may_name(module: str, name: str) -> bool:
    return (module, name) in _FUNCTIONS or (module.startswith(_PACKAGE) and "." not in name)
