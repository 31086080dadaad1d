"""What a benchmark row says: figures beside their floor and target, and how that is shown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class Broken(Exception):
    """Something did not work: not slow, wrong. The text is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value. `most` or `least` is its target, `floor` what it is compared with.

    A figure without a target is shown for comparison only.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    most: float | None = None
    least: float | None = None

    @property
    def is_met(self) -> bool | None:
        """None where there is no target."""
        if self.most is not None:
            return self.value <= self.most
        return None if self.least is None else self.value >= self.least

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "floor": None if self.floor is None else round(self.floor, 4),
            "at_most": self.most,
            "at_least": self.least,
            "is_met": self.is_met,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of design §13. `details` are for machines; `notes` say how it was measured."""

    key: str
    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            "figures": [figure.as_json() for figure in self.figures],
            "notes": list(self.notes),
            "details": dict(self.details),
        }


def table(rows: Sequence[Row]) -> str:
    """All rows for a terminal, 100 columns wide."""
    lines = [f"{'':54} {'measured':>12} {'floor':>10} {'target':>10}  met"]
    for row in rows:
        lines += ["", row.title]
        lines += [_line(figure) for figure in row.figures]
        lines += [f"    {note}" for note in row.notes]
    return "\n".join(lines) + "\n"


def _line(figure: Figure) -> str:
    target = ""
    if figure.most is not None:
        target = f"≤ {_number(figure.most)}"
    elif figure.least is not None:
        target = f"≥ {_number(figure.least)}"
    floor = "" if figure.floor is None else _number(figure.floor)
    met = {True: "yes", False: "NO", None: ""}[figure.is_met]
    value = f"{_number(figure.value)} {figure.unit}"
    return f"  {figure.name:<52} {value:>12} {floor:>10} {target:>10}  {met}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
