"""When a generated market stands still."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Halts:
    """Open for so long, then halted for so long, round and round. `halted_us` 0: never halted."""

    open_us: int
    halted_us: int

    def is_halted(self, elapsed_us: int) -> bool:
        """At this time since the market began."""
        return elapsed_us % (self.open_us + self.halted_us) >= self.open_us

    def next_change_us(self, elapsed_us: int) -> int | None:
        """The first change after this time, since the market began; None: there is none."""
        if not self.halted_us:
            return None
        rounds, into_us = divmod(elapsed_us, self.open_us + self.halted_us)
        round_us = rounds * (self.open_us + self.halted_us)
        return round_us + self.open_us + (self.halted_us if into_us >= self.open_us else 0)


NEVER = Halts(open_us=1, halted_us=0)
