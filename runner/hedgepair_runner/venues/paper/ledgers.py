"""What an account did hour by hour: its volumes by period, and its profit over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

HOUR_US = 3_600_000_000
_DAY, _WEEK, _MONTH = 24, 168, 720
"""In hours; a period is the hour under way and the full ones before it."""


@dataclass(slots=True, kw_only=True)
class Hour:
    """One hour's sums. An hour without anything has no entry."""

    start_us: int
    trades_count: int = 0
    volume_micro: int = 0
    gain_pico: int = 0
    """Realised profit − fees + funding."""
    inflow_pico: int = 0
    outflow_pico: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    trades_count: int
    volume_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    daily: Volume
    weekly: Volume
    monthly: Volume


class Ledger:
    """The last 30 days of one account."""

    __slots__ = ("_hours",)

    def __init__(self) -> None:
        self._hours: deque[Hour] = deque(maxlen=_MONTH)

    def __iter__(self) -> Iterator[Hour]:
        """Oldest first."""
        return iter(self._hours)

    def note_trade(self, quote_micro: int, gain_pico: int, *, now_us: int) -> None:
        hour = self._hour(now_us)
        hour.trades_count += 1
        hour.volume_micro += quote_micro
        hour.gain_pico += gain_pico

    def note_funding(self, change_pico: int, *, now_us: int) -> None:
        self._hour(now_us).gain_pico += change_pico

    def note_transfer(self, amount_pico: int, *, now_us: int) -> None:
        hour = self._hour(now_us)
        hour.inflow_pico += max(0, amount_pico)
        hour.outflow_pico += max(0, -amount_pico)

    def volumes(self, now_us: int) -> Volumes:
        return Volumes(
            daily=self._volume(now_us, _DAY),
            weekly=self._volume(now_us, _WEEK),
            monthly=self._volume(now_us, _MONTH),
        )

    def _volume(self, now_us: int, hours: int) -> Volume:
        after_us = now_us - now_us % HOUR_US - hours * HOUR_US
        within = [hour for hour in self._hours if hour.start_us > after_us]
        return Volume(
            trades_count=sum(hour.trades_count for hour in within),
            volume_micro=sum(hour.volume_micro for hour in within),
        )

    def _hour(self, now_us: int) -> Hour:
        start_us = now_us - now_us % HOUR_US
        if not self._hours or self._hours[-1].start_us != start_us:
            self._hours.append(Hour(start_us=start_us))
        return self._hours[-1]
