"""One rolling minute of one resource: alone, or as one of several who share it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hedgepair_runner.budgeting import TRUST_S, Claim, Grant, Needs, lone_capacity, shares
from hedgepair_runner.venues.venue import Lane

WINDOW_S = 60.0
SYNC_S = 1.0
"""Grants come about so often: whoever lacks one asks again after it."""
_FLATTEN_SHARE = 3
_CROWD = 4
"""How many share a budget while nobody has said: two pairs."""


@dataclass(slots=True)
class Bucket:
    """`capacity`, `reserve` and `read_extra` are in units of cost."""

    capacity: int
    reserve: int
    read_extra: int
    used: int = 0
    spent: deque[tuple[float, int]] = field(default_factory=deque)
    needs: Needs | None = None
    held: int = 0
    held_until_s: float = float("-inf")
    members: int = _CROWD
    _total: int = 0
    """Ever spent: what went out while a claim was under way is the difference."""
    _total_claimed: int = 0

    @property
    def is_shared(self) -> bool:
        return self.needs is not None and self.capacity > 0

    def inherit(self, old: Bucket) -> None:
        """Another tier's bucket of the same resource goes on here."""
        self.used, self.spent, self.needs, self._total = old.used, old.spent, old.needs, old._total
        self._total_claimed = old._total_claimed

    # -- alone --

    def ceiling(self, lane: Lane, *, share: int = 1) -> int:
        """The most that may be used within the window; a lone share of it while cut off."""
        capacity, reserve = self.capacity, self.reserve
        if share > 1:
            capacity, reserve = lone_capacity(capacity, members=share), reserve // share
        match lane:
            case Lane.HEDGE | Lane.CANCEL:
                return capacity
            case Lane.FLATTEN:
                return capacity - reserve // _FLATTEN_SHARE
            case Lane.QUOTE:
                return capacity - reserve
            case Lane.READ:
                return capacity - reserve - self.read_extra // share

    def forget(self, now_s: float) -> None:
        while self.spent and self.spent[0][0] + WINDOW_S <= now_s:
            self.used -= self.spent.popleft()[1]

    def room(self, lane: Lane, now_s: float) -> int:
        """Units that the lane could spend right now."""
        if not self.is_shared:
            return max(self.ceiling(lane) - self.used, 0)
        if now_s < self.held_until_s:
            return max(self.held - self._kept_from(lane), 0)
        return max(self.ceiling(lane, share=self.members) - self.used, 0)

    def delay_s(self, lane: Lane, cost: int, now_s: float) -> float:
        """Until enough of the window has passed for this cost under the lane's ceiling."""
        if self.is_shared and now_s < self.held_until_s:
            return 0.0 if self.held - cost >= self._kept_from(lane) else SYNC_S
        share = self.members if self.is_shared else 1
        surplus = self.used + cost - self.ceiling(lane, share=share)
        if surplus <= 0:
            return 0.0
        for spent_at_s, spent in self.spent:
            surplus -= spent
            if surplus <= 0:
                return max(spent_at_s + WINDOW_S - now_s, 0.0)
        return WINDOW_S

    def spend(self, cost: int, now_s: float) -> None:
        self.used += cost
        self.held = max(self.held - cost, 0)
        self._total += cost
        self.spent.append((now_s, cost))

    # -- shared --

    def share(self, needs: Needs) -> None:
        self.needs = needs

    def claim(self, now_s: float) -> Claim:
        self.forget(now_s)
        reserve, working = self._wants()
        # The answer may be lost after it took effect: then more than this was never granted.
        self.held = min(self.held, reserve + working)
        self._total_claimed = self._total
        return Claim(
            spent=tuple((int((now_s - at_s) * 1_000), units) for at_s, units in self.spent),
            reserve=reserve,
            working=working,
            capacity=self.capacity,
        )

    def granted(self, answer: Grant, *, asked_s: float) -> None:
        self.members = answer.members
        self.held = max(answer.held - (self._total - self._total_claimed), 0)
        self.held_until_s = asked_s + TRUST_S

    @property
    def is_low(self) -> bool:
        if not self.is_shared:
            return False
        reserve, working = self._wants()
        return self.held < reserve + working // 2

    def _wants(self) -> tuple[int, int]:
        if self.needs is None:
            raise AssertionError("only a shared bucket claims")
        return shares(self.needs, capacity=self.capacity, members=self.members)

    def _kept_from(self, lane: Lane) -> int:
        """Of what is held, the part that this lane leaves alone."""
        reserve, working = self._wants()
        match lane:
            case Lane.HEDGE | Lane.CANCEL:
                return 0
            case Lane.FLATTEN:
                return reserve // _FLATTEN_SHARE
            case Lane.QUOTE:
                return reserve
            case Lane.READ:
                return reserve + working // _FLATTEN_SHARE
