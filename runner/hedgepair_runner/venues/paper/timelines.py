"""The values that one thing had, each from its time on, back to the one that a reader may want."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Timeline(Generic[_Value]):
    def __init__(self, since_us: int, value: _Value) -> None:
        self._values: deque[tuple[int, _Value]] = deque([(since_us, value)])

    def note(self, since_us: int, value: _Value) -> None:
        """Times never run backwards; of one moment the last value holds."""
        if self._values[-1][0] == since_us:
            self._values.pop()
        self._values.append((since_us, value))

    def at(self, at_us: int) -> _Value:
        """Before the first known time: the first known value."""
        for since_us, value in reversed(self._values):
            if since_us <= at_us:
                return value
        return self._values[0][1]

    def forget(self, before_us: int) -> None:
        """What nobody at or after that time can have seen."""
        while len(self._values) > 1 and self._values[1][0] <= before_us:
            self._values.popleft()

    @property
    def first_us(self) -> int:
        return self._values[0][0]

    @property
    def latest(self) -> _Value:
        return self._values[-1][1]

    def __len__(self) -> int:
        return len(self._values)
