"""The volume quota: who may still spend it, and how often (protocol §8, design §5).

Trading earns it, each create, modify and cancel-all costs one, single cancels cost none. Quotes
slow down before it is short and stop before hedges must wait: the last of it is kept for hedging,
fencing and settling. Pure; time is an argument (seconds of any clock that only moves forward).
"""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.venues.venue import Lane

SLOW_FROM = 200
"""From here down a quote goes every `SLOW_S`."""
RESERVE = 50
"""From here down a quote goes every `RARE_S`: one whose fill earns back more than it cost."""
LEAST = 20
"""From here down only hedges, cancels and settling go: what may be open must be closed."""
SLOW_S, RARE_S = 5.0, 60.0
FREE_EVERY_S = 15.0
"""At zero the venue takes one transaction in so many seconds."""
WAIT_S = 60.0


@dataclass(slots=True)
class Ration:
    """The quota of one L1 address as far as it is known. `remaining` None: none was ever told."""

    remaining: int | None = None
    told_s: float = float("-inf")
    """When that was told; the newest word counts, whoever heard it."""
    quoted_s: float = float("-inf")
    freed_s: float = float("-inf")
    """When the last free transaction went."""

    def told(self, remaining: int, now_s: float) -> None:
        if now_s >= self.told_s:
            self.remaining, self.told_s = remaining, now_s

    def delay_s(self, lane: Lane, now_s: float) -> float:
        """Seconds until a transaction that costs quota may go; 0.0: at once."""
        remaining = self.remaining
        if remaining is None or remaining > SLOW_FROM:
            return 0.0
        if lane >= Lane.QUOTE:
            return self._quote_delay_s(remaining, now_s)
        return 0.0 if remaining > 0 else max(self.freed_s + FREE_EVERY_S - now_s, 0.0)

    def spend(self, lane: Lane, now_s: float) -> None:
        """Counted as spent until the venue tells what is left."""
        if lane >= Lane.QUOTE:
            self.quoted_s = now_s
        if self.remaining is None:
            return
        if self.remaining > 0:
            self.remaining -= 1
        else:
            self.freed_s = now_s

    def scarcity(self) -> str:
        """Why quotes wait or are rare, as a sentence; empty while they are not."""
        if self.remaining is None or self.remaining > SLOW_FROM:
            return ""
        if self.remaining <= LEAST:
            return (
                f"volume quota: {self.remaining} left, kept for hedging; trading earns it back "
                "(1 for each 7 USD)"
            )
        pause_s = SLOW_S if self.remaining > RESERVE else RARE_S
        return f"volume quota: {self.remaining} left, so a quote goes every {pause_s:.0f} s"

    def _quote_delay_s(self, remaining: int, now_s: float) -> float:
        if remaining <= LEAST:
            return WAIT_S
        pause_s = SLOW_S if remaining > RESERVE else RARE_S
        return max(self.quoted_s + pause_s - now_s, 0.0)
