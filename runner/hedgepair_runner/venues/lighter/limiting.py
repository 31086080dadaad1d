"""The client's own rate limiter: who may ask now, and who waits (protocol §8, design §5).

Budgets count over a rolling minute. Lanes have ceilings instead of queues: the lower a lane, the
sooner it stops, so that hedges and cancels always find the reserve untouched. Deterministic; time
is an argument (any clock in seconds that only moves forward).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hedgepair_runner.venues.venue import Lane

WINDOW_S = 60.0
FIREWALL_S = 60.0
"""A 405 comes from the firewall: all traffic stops for this long (protocol §8)."""
FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 16.0
SEND_WEIGHT = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What an account may ask for in a minute (protocol §7.12, §8).

    Every request costs its weight, at least `least_weight`: on a Standard account that makes 60
    requests of 24,000 whatever their weight. `sends_per_minute` is a bucket of transactions of
    its own; None: they draw on the weight like anything else. The reserves are what only hedges
    and cancels may use.
    """

    name: str
    weight_per_minute: int
    least_weight: int
    sends_per_minute: int | None
    reserved_requests: int = 15


STANDARD = Tier(name="standard", weight_per_minute=24_000, least_weight=400, sends_per_minute=None)
PREMIUM = Tier(name="premium", weight_per_minute=24_000, least_weight=1, sends_per_minute=4_000)
PLUS = Tier(name="plus", weight_per_minute=120_000, least_weight=1, sends_per_minute=8_000)
UNLIMITED = Tier(
    name="unlimited",
    weight_per_minute=0,
    least_weight=0,
    sends_per_minute=None,
    reserved_requests=0,
)
"""A paper exchange without limits. Back-offs still hold."""

_FLATTEN_SHARE, _READ_EXTRA = 3, 10
_RESERVE_SHARE = 4


@dataclass(slots=True)
class _Bucket:
    """One rolling minute of one resource."""

    capacity: int
    reserve: int
    read_extra: int
    used: int = 0
    spent: deque[tuple[float, int]] = field(default_factory=deque)

    def ceiling(self, lane: Lane) -> int:
        match lane:
            case Lane.HEDGE | Lane.CANCEL:
                return self.capacity
            case Lane.FLATTEN:
                return self.capacity - self.reserve // _FLATTEN_SHARE
            case Lane.QUOTE:
                return self.capacity - self.reserve
            case Lane.READ:
                return self.capacity - self.reserve - self.read_extra

    def forget(self, now_s: float) -> None:
        while self.spent and self.spent[0][0] + WINDOW_S <= now_s:
            self.used -= self.spent.popleft()[1]

    def delay_s(self, lane: Lane, cost: int, now_s: float) -> float:
        """Until enough of the window has passed for this cost under the lane's ceiling."""
        surplus = self.used + cost - self.ceiling(lane)
        if surplus <= 0:
            return 0.0
        for spent_at_s, spent in self.spent:
            surplus -= spent
            if surplus <= 0:
                return max(spent_at_s + WINDOW_S - now_s, 0.0)
        return WINDOW_S

    def spend(self, cost: int, now_s: float) -> None:
        self.used += cost
        self.spent.append((now_s, cost))


class Limiter:
    """The budget of one L1 address, as far as this process uses it."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self._requests = _requests_bucket(tier)
        self._sends = _sends_bucket(tier)
        self._closed_until_s = float("-inf")
        self._back_off_s = FIRST_BACK_OFF_S

    def admit(self, lane: Lane, weight: int, now_s: float, *, is_send: bool = False) -> float:
        """Seconds to wait before asking again; 0.0 means go, and the cost is booked."""
        if now_s < self._closed_until_s:
            return self._closed_until_s - now_s
        if self.tier is UNLIMITED:
            return 0.0
        bucket, cost = self._cost(weight, is_send=is_send)
        bucket.forget(now_s)
        delay_s = bucket.delay_s(lane, cost, now_s)
        if delay_s == 0.0:
            bucket.spend(cost, now_s)
        return delay_s

    def spend_elsewhere(self, requests: int, now_s: float) -> None:
        """Books what others on the same L1 address used (they share the window)."""
        bucket, cost = self._cost(SEND_WEIGHT, is_send=True)
        bucket.spend(requests * cost, now_s)

    def headroom(self, lane: Lane, now_s: float) -> int:
        """Transactions that the lane could send right now."""
        if now_s < self._closed_until_s:
            return 0
        bucket, cost = self._cost(SEND_WEIGHT, is_send=True)
        if self.tier is UNLIMITED:
            return 1_000_000
        bucket.forget(now_s)
        return max(bucket.ceiling(lane) - bucket.used, 0) // cost

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

    def _cost(self, weight: int, *, is_send: bool) -> tuple[_Bucket, int]:
        if is_send and self._sends is not None:
            return self._sends, 1
        return self._requests, max(weight, self.tier.least_weight)


def _requests_bucket(tier: Tier) -> _Bucket:
    unit = max(tier.least_weight, 300)
    # Where transactions have a bucket of their own, the reserve stands there.
    reserve = tier.reserved_requests * unit if tier.sends_per_minute is None else 0
    return _Bucket(capacity=tier.weight_per_minute, reserve=reserve, read_extra=_READ_EXTRA * unit)


def _sends_bucket(tier: Tier) -> _Bucket | None:
    if tier.sends_per_minute is None:
        return None
    reserve = max(tier.reserved_requests, tier.sends_per_minute // _RESERVE_SHARE)
    return _Bucket(capacity=tier.sends_per_minute, reserve=reserve, read_extra=0)
