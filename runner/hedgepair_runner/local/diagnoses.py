"""What `hedgepair doctor` says: one line for each thing that it looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`remedy` is what to do, a sentence; empty where nothing is to be done."""

    area: str
    name: str
    health: Health
    saw: str
    remedy: str = ""


def is_well(diagnoses: Sequence[Diagnosis]) -> bool:
    return all(each.health in (Health.GOOD, Health.SKIPPED) for each in diagnoses)


def good(area: str, name: str, saw: str) -> Diagnosis:
    return Diagnosis(area=area, name=name, health=Health.GOOD, saw=saw)


def bad(area: str, name: str, saw: str, remedy: str) -> Diagnosis:
    return Diagnosis(area=area, name=name, health=Health.BAD, saw=saw, remedy=remedy)


def unknown(area: str, name: str, saw: str, remedy: str) -> Diagnosis:
    return Diagnosis(area=area, name=name, health=Health.UNKNOWN, saw=saw, remedy=remedy)


def skipped(area: str, name: str, saw: str) -> Diagnosis:
    return Diagnosis(area=area, name=name, health=Health.SKIPPED, saw=saw)
