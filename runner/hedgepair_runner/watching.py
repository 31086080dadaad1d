"""When a runner reads its own account again (design §6): seldom while nothing happens, since a
Standard account has sixty requests a minute, and soon where a limit is near. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.venues.tiers import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between reads: while all is calm, after a trade, and while a limit is near."""

    calm_s: float
    traded_s: float
    near_s: float


SPARING = Pace(calm_s=20.0, traded_s=8.0, near_s=2.0)
AT_EASE = Pace(calm_s=5.0, traded_s=2.0, near_s=1.0)
FEW_REQUESTS = 300
"""A tier with no more than so many requests a minute is spared."""


def pace_of(tier: Tier) -> Pace:
    few = 0 < tier.weight_per_minute <= FEW_REQUESTS * max(tier.least_weight, 300)
    return SPARING if few else AT_EASE


def is_due(pace: Pace, *, since_s: float | None, has_traded: bool, is_near: bool) -> bool:
    """`since_s` is how long ago the last read was tried; None: never."""
    if since_s is None:
        return True
    if is_near:
        return since_s >= pace.near_s
    return since_s >= (pace.traded_s if has_traded else pace.calm_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """`wants_day`: a daily loss is limited, so that the day's records are read as well."""

    min_distance_bps: int
    wants_day: bool
    pace: Pace
