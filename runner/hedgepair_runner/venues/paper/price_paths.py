"""Where a generated market's price goes: one step at a time, from seeded chance.

Counted in thousandths of a tick, so that a slow price moves at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never

BAND_BPS = 300
"""How far a bound price may stray from its start: the mark-price band of orders is wider."""
_BPS = 10_000
_MILLI = 1_000
_PPM = 1_000_000
_LEAST_SHARE = 10
"""A free price turns back at the tenth part of its start: a price is never zero."""


class Chance(Protocol):
    """What is asked of a `random.Random`."""

    def randint(self, a: int, b: int, /) -> int: ...

    def randrange(self, stop: int, /) -> int: ...


class PriceModel(StrEnum):
    WANDERING = "wandering"
    """Drawn to an anchor that itself wanders in a band around the start."""
    RANDOM_WALK = "random walk"
    """Nothing draws it anywhere: each step forgets the ones before."""
    MEAN_REVERTING = "mean reverting"
    """Drawn to the start, and never far from it for long."""
    JUMPING = "jumping"
    """Wandering, but now and then it is somewhere else at once, and so is its anchor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How a price moves in one quoting step."""

    model: PriceModel = PriceModel.WANDERING
    step_milliticks: int = 1_000
    """Most that the price moves by chance, up or down."""
    pull_ppm: int = 20_000
    """Share of the way back to the anchor (or the start) that it goes, in millionths."""
    anchor_step_milliticks: int = 400
    """Most that the anchor moves."""
    jump_one_in: int = 80
    """One step in so many is a jump, where prices jump."""
    jump_from_bps: int = 15
    jump_to_bps: int = 60
    """Its size, of the start price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Where the price is, and where it is drawn to, in thousandths of a tick."""

    fair_milliticks: int
    anchor_milliticks: int

    @property
    def fair_ticks(self) -> int:
        return max(1, self.fair_milliticks // _MILLI)


def path_at(price_ticks: int) -> Path:
    return Path(fair_milliticks=price_ticks * _MILLI, anchor_milliticks=price_ticks * _MILLI)


def move_price(path: Path, *, start_ticks: int, motion: Motion, chance: Chance) -> Path:
    """One step of the motion's model."""
    start = start_ticks * _MILLI
    match motion.model:
        case PriceModel.WANDERING:
            return _wander(path, start, motion, chance)
        case PriceModel.RANDOM_WALK:
            return _walk(path, start, motion, chance)
        case PriceModel.MEAN_REVERTING:
            return _drawn(path, start, motion, chance)
        case PriceModel.JUMPING:
            return _jump(_wander(path, start, motion, chance), start, motion, chance)
        case _:
            assert_never(motion.model)


def _wander(path: Path, start: int, motion: Motion, chance: Chance) -> Path:
    wander = motion.anchor_step_milliticks
    anchor = _in_band(path.anchor_milliticks + chance.randint(-wander, wander), start)
    return _drawn(path, anchor, motion, chance)


def _drawn(path: Path, anchor: int, motion: Motion, chance: Chance) -> Path:
    step = motion.step_milliticks
    pull = (anchor - path.fair_milliticks) * motion.pull_ppm // _PPM
    fair = path.fair_milliticks + pull + chance.randint(-step, step)
    return Path(fair_milliticks=fair, anchor_milliticks=anchor)


def _walk(path: Path, start: int, motion: Motion, chance: Chance) -> Path:
    step = chance.randint(-motion.step_milliticks, motion.step_milliticks)
    fair = path.fair_milliticks + step
    if fair < start // _LEAST_SHARE:
        fair = path.fair_milliticks + abs(step)
    return Path(fair_milliticks=fair, anchor_milliticks=fair)


def _jump(path: Path, start: int, motion: Motion, chance: Chance) -> Path:
    if chance.randrange(motion.jump_one_in):
        return path
    size = start * chance.randint(motion.jump_from_bps, motion.jump_to_bps) // _BPS
    jump = size if chance.randrange(2) else -size
    fair = path.fair_milliticks + jump
    if fair != _in_band(fair, start):
        fair = path.fair_milliticks - jump
    return Path(
        fair_milliticks=fair,
        anchor_milliticks=_in_band(path.anchor_milliticks + fair - path.fair_milliticks, start),
    )


def _in_band(milliticks: int, start: int) -> int:
    band = start * BAND_BPS // _BPS
    return max(start - band, min(start + band, milliticks))
