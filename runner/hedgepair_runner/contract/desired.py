"""What the operator, or a person, wants of a pair's runners now (design §8).

It reaches a runner twice: as the Redis key `…:desired:{role}` and as `desired.json` beside the
manifest in the mounted ConfigMap, both the JSON text of `write_desired`. The one with the higher
(generation, step) counts. A runner that has neither acts on its manifest alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from hedgepair_runner.contract.halts import Halt, HaltReason
from hedgepair_runner.contract.manifest import HedgePair

DESIRED_FILE = "desired.json"
MANIFEST_FILE = "pair.yaml"
SCHEMA_VERSION = 1


class Wish(StrEnum):
    """What the pair shall do. All but Run end with proof from the venue (design §7)."""

    RUN = "Run"
    SUSPEND = "Suspend"
    """No order rests, everything filled is hedged; positions stay, runners stay up."""
    FLATTEN = "Flatten"
    """As Suspend, and then both legs are closed."""
    RELEASE = "Release"
    """Orphan: act no more; orders and positions stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """One state that is wanted. `step` counts changes of the wish within a generation.

    `manifest` is the whole resource in its JSON form (camelCase), None to keep the one in force.
    `halts` puts back what a loss of Redis took; `acknowledged` are halt ids that a person ended.
    """

    generation: int
    step: int
    wish: Wish
    manifest: Mapping[str, Any] | None = None
    halts: tuple[Halt, ...] = ()
    acknowledged: tuple[str, ...] = ()

    @property
    def version(self) -> tuple[int, int]:
        return self.generation, self.step


def write_desired(desired: Desired) -> str:
    """JSON text, the same for the same content."""
    # Field by field: `asdict` would copy the manifest deeply, for nothing.
    content = {
        "schema_version": SCHEMA_VERSION,
        "generation": desired.generation,
        "step": desired.step,
        "wish": desired.wish,
        "manifest": None if desired.manifest is None else dict(desired.manifest),
        "halts": [asdict(halt) for halt in desired.halts],
        "acknowledged": desired.acknowledged,
    }
    return json.dumps(content, sort_keys=True)


def read_desired(text: str | bytes) -> Desired:
    """Raises ValueError for what is no desired state. Unknown fields of newer writers pass."""
    try:
        raw = json.loads(text)
        return Desired(
            generation=int(raw["generation"]),
            step=int(raw["step"]),
            wish=Wish(raw["wish"]),
            manifest=raw.get("manifest"),
            halts=tuple(_read_halt(halt) for halt in raw.get("halts", ())),
            acknowledged=tuple(str(halt_id) for halt_id in raw.get("acknowledged", ())),
        )
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"not a desired state: {wrong!r}") from wrong


def newer(one: Desired | None, other: Desired | None) -> Desired | None:
    """The one that counts; of two with the same version, the first."""
    if one is None or other is None:
        return other if one is None else one
    return other if other.version > one.version else one


def config_hash(pair: HedgePair) -> str:
    """Names a configuration: the spec without what only steers (suspend) or concerns pods."""
    spec = pair.as_manifest()["spec"]
    steering = {"suspend", "suspendPolicy", "deletionPolicy", "teardownTimeoutSeconds"}
    pods = {"rolloutPolicy", "runner"}
    kept = {name: value for name, value in spec.items() if name not in steering | pods}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def _read_halt(raw: Mapping[str, Any]) -> Halt:
    return Halt(
        id=str(raw["id"]),
        reason=HaltReason(raw["reason"]),
        message=str(raw["message"]),
        since_ms=int(raw["since_ms"]),
        role=str(raw["role"]),
    )
