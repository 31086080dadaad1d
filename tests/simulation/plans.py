"""What a seed composes: the pair, its exchange, and which faults strike when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hedgepair_runner.contract.identity import BAND
from hedgepair_runner.noncing import BAND_RESERVE
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow.ring import SAME_L1, RingOptions
from tests.simulation.faults import CATALOGUE, spell_s

HARMFUL_S = (5.0, 12.0)
SHARE_AT_FILLS = 0.65
DUST_LOTS = 60
"""More than the smallest order of the market: what a network with a minimum makes carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault, at a time of its own or around the first fill after it."""

    number: int
    fault: str
    at_s: float
    is_at_fill: bool
    after_fill_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`harmful_s`: no fault begins later."""

    seed: int
    options: RingOptions
    strikes: tuple[Strike, ...]
    harmful_s: float
    starts_clean: bool


def plan_of(seed: int, *, among: Sequence[str] = ()) -> Plan:
    """`among`: only these faults, and no others."""
    chance = Random(f"plan {seed}")
    harmful_s = chance.uniform(*HARMFUL_S)
    return Plan(
        seed=seed,
        options=_options(seed, chance),
        strikes=_strikes(chance, harmful_s, among or sorted(CATALOGUE)),
        harmful_s=harmful_s,
        starts_clean=chance.random() < 0.8,
    )


def _options(seed: int, chance: Random) -> RingOptions:
    has_minimum = chance.random() < 0.1
    return RingOptions(
        seed=seed,
        spec=_spec(chance),
        exchange=ExchangeSettings(
            default_tier=chance.choice(("none", "none", "standard")),
            same_l1=SAME_L1 if chance.random() < 0.3 else frozenset(),
            ioc_dust_refused=has_minimum,
        ),
        latency_s=chance.choice((0.0005, 0.001, 0.005, 0.04)),
        bus_latency_s=chance.choice((0.0002, 0.001, 0.01)),
        carried_lots=DUST_LOTS if has_minimum else 0,
        band_reserve=BAND - chance.choice((6, 15, 40)) if chance.random() < 0.12 else BAND_RESERVE,
    )


def _spec(chance: Random) -> Mapping[str, Any]:
    return {
        "timeoutSeconds": chance.choice((2, 5, 60)),
        "cycle": chance.choice(("RoundTrip", "RoundTrip", "Accumulate")),
        "makerSide": chance.choice(("Buy", "Sell")),
        "depth": chance.choice((1, 2)),
        "risk": {
            "maxPosition": chance.choice(("0.5", "0.2")),
            "maxNetExposure": "0.15",
            "maxUnhedgedSeconds": chance.choice((1, 3, 10)),
        },
    }


def _strikes(chance: Random, harmful_s: float, names: Sequence[str]) -> tuple[Strike, ...]:
    weights = [CATALOGUE[name].weight for name in names]
    strikes = []
    for number, name in enumerate(chance.choices(names, weights, k=chance.randint(2, 6))):
        is_at_fill = chance.random() < SHARE_AT_FILLS
        strikes.append(
            Strike(
                number=number,
                fault=name,
                at_s=chance.uniform(0.5, harmful_s - 0.5),
                is_at_fill=is_at_fill,
                # From a little before the fill to well after its hedge.
                after_fill_s=spell_s(chance, 0.002, 0.5) if is_at_fill else 0.0,
            )
        )
    return tuple(strikes)
