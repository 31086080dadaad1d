"""The client's own rate limiter: who may ask now, and who waits (protocol §8, design §5).

Budgets count over a rolling minute. Lanes have ceilings instead of queues: the lower a lane, the
sooner it stops, so that hedges and cancels always find the reserve untouched. Where several
processes live on one L1 address, each spends only what it was granted beforehand (`budgeting`).
Deterministic; time is an argument (any clock in seconds that only moves forward).
"""

from __future__ import annotations

from hedgepair_runner.budgeting import Claim, Grant, Needs, Resource
from hedgepair_runner.venues.lighter.buckets import WINDOW_S, Bucket
from hedgepair_runner.venues.lighter.rationing import Ration
from hedgepair_runner.venues.tiers import PLUS, PREMIUM, STANDARD, UNLIMITED, Tier
from hedgepair_runner.venues.venue import Lane

__all__ = [
    "FIREWALL_S",
    "PLUS",
    "PREMIUM",
    "SEND_WEIGHT",
    "STANDARD",
    "UNLIMITED",
    "WINDOW_S",
    "Limiter",
    "Tier",
]

FIREWALL_S = 60.0
"""A 405 comes from the firewall: all traffic stops for this long (protocol §8)."""
FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 16.0
SEND_WEIGHT = 6
PLENTY = 1_000_000

_READ_EXTRA = 10
_RESERVE_SHARE = 4
_LEAST_UNIT = 300


class Limiter:
    """The budget of one L1 address, as far as this process uses it."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.quota = Ration()
        self._buckets = _buckets_of(tier)
        self._closed_until_s = float("-inf")
        self._back_off_s = FIRST_BACK_OFF_S

    def adopt(self, tier: Tier) -> None:
        """The account's real tier became known. What was spent so far stays spent."""
        if tier == self.tier:
            return
        old, self.tier, self._buckets = self._buckets, tier, _buckets_of(tier)
        for resource, bucket in self._buckets.items():
            if resource in old:
                bucket.inherit(old[resource])

    def admit(
        self,
        lane: Lane,
        weight: int,
        now_s: float,
        *,
        is_send: bool = False,
        uses_quota: bool = False,
    ) -> float:
        """Seconds to wait before asking again; 0.0 means go, and the cost is booked."""
        delay_s = self.delay_s(lane, weight, now_s, is_send=is_send, uses_quota=uses_quota)
        if delay_s > 0.0:
            return delay_s
        if self.tier is not UNLIMITED:
            bucket, cost = self._cost(weight, is_send=is_send)
            bucket.spend(cost, now_s)
        if uses_quota:
            self.quota.spend(lane, now_s)
        return 0.0

    def delay_s(
        self,
        lane: Lane,
        weight: int,
        now_s: float,
        *,
        is_send: bool = False,
        uses_quota: bool = False,
    ) -> float:
        """As `admit`, and nothing is booked."""
        if now_s < self._closed_until_s:
            return self._closed_until_s - now_s
        delay_s = self.quota.delay_s(lane, now_s) if uses_quota else 0.0
        if delay_s > 0.0 or self.tier is UNLIMITED:
            return delay_s
        bucket, cost = self._cost(weight, is_send=is_send)
        bucket.forget(now_s)
        return bucket.delay_s(lane, cost, now_s)

    def spend_elsewhere(self, requests: int, now_s: float) -> None:
        """Books what others on the same L1 address used (they share the window)."""
        bucket, cost = self._cost(SEND_WEIGHT, is_send=True)
        bucket.spend(requests * cost, now_s)

    def headroom(self, lane: Lane, now_s: float) -> int:
        """Transactions that the lane could send right now."""
        if now_s < self._closed_until_s:
            return 0
        if self.tier is UNLIMITED:
            return PLENTY
        bucket, cost = self._cost(SEND_WEIGHT, is_send=True)
        bucket.forget(now_s)
        return bucket.room(lane, now_s) // cost

    # -- shared with others --

    def share(self, needs: Needs) -> None:
        """From now on it lives on grants, and on a safe share while there are none."""
        for bucket in self._buckets.values():
            bucket.share(needs)

    def claims(self, now_s: float) -> dict[Resource, Claim]:
        """What to ask for. Until the answer, no more than that is spent."""
        return {
            resource: bucket.claim(now_s)
            for resource, bucket in self._buckets.items()
            if bucket.is_shared
        }

    def granted(self, resource: Resource, answer: Grant, *, asked_s: float) -> None:
        self._buckets[resource].granted(answer, asked_s=asked_s)

    def is_low(self) -> bool:
        """A good part of what is held was spent: time to ask again."""
        return any(bucket.is_low for bucket in self._buckets.values())

    # -- what answers say --

    def note_firewall(self, now_s: float) -> None:
        """A 405: nothing at all for a minute."""
        self._close(now_s + FIREWALL_S)

    def note_rate_limited(self, now_s: float) -> None:
        """A 429: a short pause, doubled while they repeat, since repeated ones lead to the 405."""
        self._close(now_s + self._back_off_s)
        self._back_off_s = min(self._back_off_s * 2, LONGEST_BACK_OFF_S)

    def note_answered(self) -> None:
        """The venue served us: the next 429 is a first one again."""
        self._back_off_s = FIRST_BACK_OFF_S

    def closed_for_s(self, now_s: float) -> float:
        return max(self._closed_until_s - now_s, 0.0)

    def _close(self, until_s: float) -> None:
        self._closed_until_s = max(self._closed_until_s, until_s)

    def _cost(self, weight: int, *, is_send: bool) -> tuple[Bucket, int]:
        if is_send and Resource.SENDS in self._buckets:
            return self._buckets[Resource.SENDS], 1
        return self._buckets[Resource.REQUESTS], max(weight, self.tier.least_weight)


def _buckets_of(tier: Tier) -> dict[Resource, Bucket]:
    unit = max(tier.least_weight, _LEAST_UNIT)
    # Where transactions have a bucket of their own, the reserve stands there.
    reserve = tier.reserved_requests * unit if tier.sends_per_minute is None else 0
    buckets = {
        Resource.REQUESTS: Bucket(
            capacity=tier.weight_per_minute,
            reserve=reserve,
            read_extra=_READ_EXTRA * unit,
        )
    }
    if tier.sends_per_minute is not None:
        buckets[Resource.SENDS] = Bucket(
            capacity=tier.sends_per_minute,
            reserve=max(tier.reserved_requests, tier.sends_per_minute // _RESERVE_SHARE),
            read_extra=0,
        )
    return buckets
