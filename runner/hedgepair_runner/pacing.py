"""How soon, and how far back, the next quote may be placed after one that failed (design §5)."""

from __future__ import annotations

from dataclasses import dataclass

POST_ONLY_PAUSE_S = 0.1
PAUSES_AFTER_REFUSAL_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Also after an IOC that met nothing within its bound: the market has to come back first."""
MOST_TICKS_BACK = 10


@dataclass(slots=True)
class Pacing:
    """`ticks_back`: how far behind its level the next quote stays; grows with each post-only
    rejection in a row, since the level that was joined is already crossed elsewhere."""

    ticks_back: int = 0
    not_before_s: float = float("-inf")
    refused_in_a_row: int = 0
    missed_in_a_row: int = 0

    def is_due(self, now_s: float) -> bool:
        return now_s >= self.not_before_s

    def ended(self, status: str, *, now_s: float, missed: bool = False) -> None:
        """An order reached its end at the venue; `missed`: an IOC that filled nothing."""
        if missed:
            pauses = PAUSES_AFTER_REFUSAL_S
            self.not_before_s = now_s + pauses[min(self.missed_in_a_row, len(pauses) - 1)]
            self.missed_in_a_row += 1
            return
        self.missed_in_a_row = 0
        if status == "canceled-post-only":
            self.ticks_back = min(self.ticks_back + 1, MOST_TICKS_BACK)
            self.not_before_s = now_s + POST_ONLY_PAUSE_S
            return
        self.ticks_back = 0
        self.refused_in_a_row = 0

    def refused(self, *, now_s: float) -> None:
        """The door refused a quote for its content; each time in a row waits longer."""
        pauses = PAUSES_AFTER_REFUSAL_S
        self.not_before_s = now_s + pauses[min(self.refused_in_a_row, len(pauses) - 1)]
        self.refused_in_a_row += 1
