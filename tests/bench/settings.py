"""The pair that is measured, and how much: a full run, or a quick one that proves it works."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MAKER, HEDGER = 111, 112
SEED: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long each row is measured."""

    samples: int
    warm_up: int
    floor_samples: int
    rates: tuple[int, ...]
    flow_s: float
    trading_s: float
    starts: int


FULL: Final = Effort(
    samples=500,
    warm_up=40,
    floor_samples=300,
    rates=(250, 500, 750, 1_000),
    flow_s=4.0,
    trading_s=30.0,
    starts=3,
)
QUICK: Final = Effort(
    samples=10,
    warm_up=2,
    floor_samples=10,
    rates=(100,),
    flow_s=1.0,
    trading_s=1.0,
    starts=1,
)


def write_manifest(home: Path, *, mode: str) -> Path:
    """A Paper pair in ETH. JSON is YAML."""
    spec: dict[str, Any] = {
        "market": "ETH",
        "mode": mode,
        "quantity": "0.05",
        "timeoutSeconds": 60,
        "exchange": {"network": "Paper"},
        "maker": {"account": {"accountIndex": MAKER}},
        "hedger": {"account": {"accountIndex": HEDGER}, "maxSlippageBps": 50},
        "risk": {"maxPosition": "10", "maxNetExposure": "10"},
    }
    manifest = {
        "apiVersion": "hedgepair.io/v1alpha1",
        "kind": "HedgePair",
        "metadata": {"name": f"bench-{mode.lower()}"},
        "spec": spec,
    }
    path = home / f"{mode.lower()}.yaml"
    path.write_text(json.dumps(manifest))
    return path
