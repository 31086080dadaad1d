"""Account tiers: what an account may ask of the venue in a minute (protocol §7.12, §8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What an account may ask for in a minute (protocol §7.12, §8).

    Every request costs its weight, at least `least_weight`: on a Standard account that makes 60
    requests of 24,000 whatever their weight. `sends_per_minute` is a bucket of transactions of
    its own; None: they draw on the weight like anything else. The reserves are what only hedges
    and cancels may use. `has_volume_quota`: transactions have to be earned by trading.
    """

    name: str
    weight_per_minute: int
    least_weight: int
    sends_per_minute: int | None
    reserved_requests: int = 15
    has_volume_quota: bool = False


STANDARD = Tier(name="standard", weight_per_minute=24_000, least_weight=400, sends_per_minute=None)
PREMIUM = Tier(
    name="premium",
    weight_per_minute=24_000,
    least_weight=1,
    sends_per_minute=4_000,
    has_volume_quota=True,
)
PLUS = Tier(
    name="plus",
    weight_per_minute=120_000,
    least_weight=1,
    sends_per_minute=8_000,
    has_volume_quota=True,
)
UNLIMITED = Tier(
    name="unlimited",
    weight_per_minute=0,
    least_weight=0,
    sends_per_minute=None,
    reserved_requests=0,
)
"""A paper exchange without limits. Back-offs still hold."""

_PREMIUM_SENDS = (
    (500_000, 40_000),
    (300_000, 24_000),
    (100_000, 12_000),
    (30_000, 8_000),
    (10_000, 7_000),
    (3_000, 6_000),
    (1_000, 5_000),
    (0, 4_000),
)
"""Staked LIT and the transactions a minute that it gives a Premium account (protocol §7.12)."""

_WEIGHTS = {
    "nextNonce": 6,
    "sendTx": 6,
    "sendTxBatch": 6,
    "accountInactiveOrders": 100,
    "apikeys": 150,
    "transferFeeInfo": 500,
    "trades": 600,
    "recentTrades": 600,
}
_OTHER_WEIGHT = 300

USES_QUOTA = frozenset({14, 16, 17, 28})
"""Transaction types that cost volume quota: create, cancel-all, modify, grouped orders. Single
cancels are free (protocol §8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """What `accountLimits` says of an account (protocol §3.10). Fees in millionths.

    `are_enforced` is False on a paper exchange whose limits are off, and nowhere else.
    """

    tier_name: str
    staked_lit: Decimal
    maker_fee_millionths: int
    taker_fee_millionths: int
    are_enforced: bool = True


def tier_of(limits: AccountLimits) -> Tier:
    """A tier that is not known by its name counts as Standard, the smallest."""
    if not limits.are_enforced:
        return UNLIMITED
    if limits.tier_name == PLUS.name:
        return PLUS
    if limits.tier_name.startswith(PREMIUM.name):
        sends = next(sends for lit, sends in _PREMIUM_SENDS if limits.staked_lit >= lit)
        return replace(PREMIUM, sends_per_minute=sends)
    return STANDARD


def weight_of(endpoint: str) -> int:
    """Of one request, by the last part of its path (protocol §8)."""
    return _WEIGHTS.get(endpoint.rpartition("/")[2], _OTHER_WEIGHT)
