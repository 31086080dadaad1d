"""What is to be done later, in the order of its time; of one moment, in the order it was noted."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    due_us: int
    number: int
    action: Callable[[], None] = field(compare=False)


class Agenda:
    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._noted = 0

    def note(self, due_us: int, action: Callable[[], None]) -> None:
        self._noted += 1
        heapq.heappush(self._entries, _Entry(due_us, self._noted, action))

    def next_due_us(self) -> int | None:
        return self._entries[0].due_us if self._entries else None

    def advance(self, now_us: int) -> None:
        """Does all that is due, also what that itself notes for now."""
        while self._entries and self._entries[0].due_us <= now_us:
            heapq.heappop(self._entries).action()
