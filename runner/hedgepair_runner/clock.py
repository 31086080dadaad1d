"""Clocks as a port, so that everything runs under virtual time.

`wall_ms` is Unix time for the venue; `boot_s` never jumps and counts through a suspend, for
leases (design §4.4).
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def wall_ms(self) -> int:
        """Unix milliseconds."""
        ...

    def boot_s(self) -> float:
        """Seconds since boot, through suspends."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def boot_s(self) -> float:
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()
