"""A correct HedgePair, and ways to spoil it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from tests.crd_judge import CrdJudge

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
CRD = CrdJudge(ROOT / "crds" / "hedgepairs.yaml")

GONE = object()
PRIVATE_KEY = "0x" + "5eC4e7" * 13 + "ab"

_TESTNET: dict[str, Any] = {
    "apiVersion": "hedgepair.io/v1alpha1",
    "kind": "HedgePair",
    "metadata": {"name": "eth-main", "namespace": "trading"},
    "spec": {
        "market": "ETH",
        "quantity": "0.05",
        "exchange": {"network": "Testnet"},
        "maker": {"account": {"accountIndex": 101, "secretRef": {"name": "lighter-maker"}}},
        "hedger": {"account": {"accountIndex": 102, "secretRef": {"name": "lighter-hedger"}}},
        "risk": {"maxPosition": "0.5"},
    },
}


def a_testnet_pair(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A correct Testnet pair with `changes`: path (a/b/c) → value, or GONE to leave it out."""
    pair = copy.deepcopy(_TESTNET)
    for path, value in (changes or {}).items():
        *parents, last = path.split("/")
        section = pair
        for parent in parents:
            section = section.setdefault(parent, {})
        if value is GONE:
            del section[last]
        else:
            section[last] = copy.deepcopy(value)
    return pair


def as_yaml(resource: Any) -> str:
    return yaml.safe_dump(resource, sort_keys=False)
