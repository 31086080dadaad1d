"""Which fault happens now. Stateful, but pure: time is an argument, chance is passed in.

The shells ask at each occasion (`draw`) and at the times of `next_due_us` (`turns`), and do what
the rules that they get back say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from hedgepair_runner.venues.paper.fault_rules import FaultKind, FaultRule, Group, Occasion, meets

_SPENT_KEPT = 100
_MOMENTARY = frozenset({FaultKind.CLOSE_SOCKETS, FaultKind.OTHER_CLIENT})
"""Faults by time that are over as soon as they have happened."""


class FaultState(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    SPENT = "spent"


@dataclass(slots=True, kw_only=True)
class Armed:
    """A rule at work. Only its book changes it."""

    fault_id: int
    rule: FaultRule
    begins_us: int
    ends_us: int | None
    fired: int = 0
    has_begun: bool = False
    """Of faults by time: its beginning was handed out."""
    is_over: bool = False

    @property
    def left(self) -> int | None:
        return None if self.rule.count is None else max(0, self.rule.count - self.fired)

    def state(self, now_us: int) -> FaultState:
        if self.is_over or self.left == 0 or (self.ends_us is not None and now_us >= self.ends_us):
            return FaultState.SPENT
        return FaultState.ACTIVE if now_us >= self.begins_us else FaultState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A fault by time begins, or ends and is to be undone."""

    armed: Armed
    begins: bool


class FaultBook:
    def __init__(self, chance: Random) -> None:
        self.fired = 0
        """How often anything happened."""
        self._chance = chance
        self._armed: dict[Group, dict[int, Armed]] = {group: {} for group in Group}
        self._spent: dict[int, Armed] = {}
        self._numbered = 0

    # -- arming --

    def arm(self, rule: FaultRule, *, now_us: int) -> Armed:
        self._numbered += 1
        begins_us = now_us + rule.at_us
        armed = Armed(
            fault_id=self._numbered,
            rule=rule,
            begins_us=begins_us,
            ends_us=None if rule.for_us is None else begins_us + rule.for_us,
        )
        self._armed[rule.facts.group][armed.fault_id] = armed
        return armed

    def disarm(self, fault_id: int) -> Turn | None:
        """What is to be undone, if it is a fault by time that holds now. Raises KeyError."""
        for group in self._armed.values():
            armed = group.get(fault_id)
            if armed is not None:
                self._retire(armed)
                return Turn(armed=armed, begins=False) if armed.has_begun else None
        if fault_id in self._spent:
            return None
        raise KeyError(fault_id)

    def all(self) -> list[Armed]:
        """What is armed, and what was of late; by number."""
        every = {**self._spent}
        for group in self._armed.values():
            every |= group
        return [every[number] for number in sorted(every)]

    def in_force(self) -> list[Armed]:
        return [armed for group in self._armed.values() for armed in group.values()]

    # -- occasions --

    def has(self, group: Group) -> bool:
        return bool(self._armed[group])

    def draw(
        self,
        group: Group,
        occasion: Occasion,
        *,
        now_us: int,
        kinds: Collection[FaultKind] | None = None,
    ) -> list[FaultRule]:
        """The rules that happen now, in the order they were armed; each is counted."""
        happening = []
        for armed in tuple(self._armed[group].values()):
            if armed.state(now_us) is FaultState.SPENT:
                self._retire(armed)
            elif (
                armed.state(now_us) is FaultState.ACTIVE
                and (kinds is None or armed.rule.kind in kinds)
                and meets(armed.rule, occasion)
                and self._happens(armed)
            ):
                happening.append(armed.rule)
                if armed.left == 0:
                    self._retire(armed)
        return happening

    # -- time --

    def next_due_us(self) -> int | None:
        return min((due_us for _, due_us in self._dues()), default=None)

    def turns(self, now_us: int) -> list[Turn]:
        """The faults by time that begin or end now, in the order of their times."""
        due = sorted(
            ((due_us, armed.fault_id, armed) for armed, due_us in self._dues() if due_us <= now_us),
            key=lambda each: each[:2],
        )
        turns = []
        for _, _, armed in due:
            if not armed.has_begun and self._happens(armed):
                if armed.rule.kind in _MOMENTARY:
                    self._retire(armed)
                armed.has_begun = True
                turns.append(Turn(armed=armed, begins=True))
            elif armed.has_begun:
                self._retire(armed)
                turns.append(Turn(armed=armed, begins=False))
            else:
                self._retire(armed)
        return turns

    def _dues(self) -> Iterator[tuple[Armed, int]]:
        for armed in self._armed[Group.TIME].values():
            if not armed.has_begun:
                yield armed, armed.begins_us
            elif armed.ends_us is not None:
                yield armed, armed.ends_us

    # -- inside --

    def _happens(self, armed: Armed) -> bool:
        probability = armed.rule.probability
        if probability < 1.0 and self._chance.random() >= probability:
            return False
        armed.fired += 1
        self.fired += 1
        return True

    def _retire(self, armed: Armed) -> None:
        armed.is_over = True
        del self._armed[armed.rule.facts.group][armed.fault_id]
        self._spent[armed.fault_id] = armed
        if len(self._spent) > _SPENT_KEPT:
            del self._spent[next(iter(self._spent))]
