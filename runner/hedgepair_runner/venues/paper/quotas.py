"""The volume quota of the paying tiers (protocol §8): what sends cost, what trades earn."""

from __future__ import annotations

_START = 1_000
_CAP = 5_000_000
_MICRO_PER_UNIT = 7_000_000
"""One unit for each 7 USDC traded."""
_FREE_EVERY_US = 15_000_000


class VolumeQuota:
    """Of one L1 address; all its accounts share it."""

    __slots__ = ("_earned_micro", "_last_free_us", "remaining")

    def __init__(self) -> None:
        self.remaining = _START
        self._earned_micro = 0
        self._last_free_us: int | None = None

    def allows(self, now_us: int) -> bool:
        """At zero one transaction is free every 15 s."""
        if self.remaining > 0 or self._last_free_us is None:
            return True
        return now_us - self._last_free_us >= _FREE_EVERY_US

    def spend(self, now_us: int) -> None:
        if self.remaining > 0:
            self.remaining -= 1
        else:
            self._last_free_us = now_us

    def earn(self, quote_micro: int) -> None:
        self._earned_micro += quote_micro
        units, self._earned_micro = divmod(self._earned_micro, _MICRO_PER_UNIT)
        self.remaining = min(_CAP, self.remaining + units)

    def snapshot(self) -> tuple[int, int | None]:
        return self.remaining, self._last_free_us

    def restore(self, snapshot: tuple[int, int | None]) -> None:
        """As it was before the spending of a batch that was refused."""
        self.remaining, self._last_free_us = snapshot
