"""What a runner does with what is wanted of it: which wish counts, which configuration is in force.

A wish counts at once. A configuration is taken in whole or not at all: what may not change, what
the market cannot trade, and what needs a fresh process leave the one in force untouched, with a
sentence that says so (law 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from hedgepair_runner.contract.changing import refuse_change
from hedgepair_runner.contract.desired import Desired, Wish, config_hash
from hedgepair_runner.contract.manifest import HedgePair, load_manifest, read_resource
from hedgepair_runner.contract.problems import ManifestRefused
from hedgepair_runner.contract.spec import SuspendPolicy

Sentences = tuple[str, ...]
Judge = Callable[[HedgePair], Sentences]
"""Why a configuration cannot be traded with, in this market; empty when it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """`manifest` is in force; `asked` the wish as it was said, (generation, step) its version.

    `awaits_restart` names fields that a fresh process will follow. While `is_held`, one of them
    changes what the pair is, so that it may not go on as the old one meanwhile.
    """

    manifest: HedgePair
    asked: Wish
    generation: int = 0
    step: int = 0
    awaits_restart: Sentences = ()
    is_held: bool = False

    @property
    def wish(self) -> Wish:
        """What counts: a pair that waits for its restart does not resume."""
        return Wish.SUSPEND if self.is_held and self.asked is Wish.RUN else self.asked

    @property
    def version(self) -> tuple[int, int]:
        return self.generation, self.step

    @property
    def config_hash(self) -> str:
        return config_hash(self.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of a desired state: the course from now on, and what of it was not taken."""

    course: Course
    problems: Sentences = ()


def first_course(manifest: HedgePair) -> Course:
    """Before anything else was said: the manifest itself is the wish."""
    return Course(manifest=manifest, asked=wish_of(manifest))


def wish_of(pair: HedgePair) -> Wish:
    """`suspend` in the words of the desired state, as the operator translates it."""
    if not pair.spec.suspend:
        return Wish.RUN
    return Wish.FLATTEN if pair.spec.suspend_policy is SuspendPolicy.FLATTEN else Wish.SUSPEND


def turned(course: Course, desired: Desired, *, judge: Judge) -> Turn:
    """The course after a desired state. An older or equal version changes nothing."""
    if desired.version <= course.version:
        return Turn(course=course)
    steered = replace(course, asked=desired.wish, generation=desired.generation, step=desired.step)
    if desired.manifest is None:
        return Turn(course=steered)
    try:
        wanted = read_resource(desired.manifest)
    except ManifestRefused as refused:
        return Turn(course=steered, problems=_sentences(refused))
    problems = _refusals(course.manifest, wanted) or judge(wanted)
    if problems:
        return Turn(course=steered, problems=problems)
    cold = tuple(field for field in COLD_FIELDS if field.of(wanted) != field.of(course.manifest))
    if cold:
        later = tuple(f"{field.name} is followed by the next start of the runner" for field in cold)
        is_held = any(field.holds for field in cold)
        return Turn(course=replace(steered, awaits_restart=later, is_held=is_held), problems=later)
    return Turn(course=replace(steered, manifest=wanted, awaits_restart=(), is_held=False))


def edited(course: Course, text: str, *, judge: Judge) -> Desired | Sentences:
    """An edit of the manifest's own file: the desired state that it is, or why it is refused.

    What is refused is refused whole, its `suspend` included: the file is one wish.
    """
    try:
        wanted = load_manifest(text)
    except ManifestRefused as refused:
        return _sentences(refused)
    problems = _refusals(course.manifest, wanted) or judge(wanted)
    if problems:
        return problems
    return Desired(
        generation=course.generation + 1,
        step=0,
        wish=wish_of(wanted),
        manifest=wanted.as_manifest(),
    )


def _refusals(old: HedgePair, new: HedgePair) -> Sentences:
    return tuple(problem.sentence for problem in refuse_change(old, new))


def _sentences(refused: ManifestRefused) -> Sentences:
    return tuple(problem.sentence for problem in refused.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdField:
    """Read once, at the start. `holds`: the pair may not resume before it is followed."""

    name: str
    of: Callable[[HedgePair], object]
    holds: bool


COLD_FIELDS: Final = (
    ColdField(name="spec.mode", of=lambda pair: pair.spec.mode, holds=True),
    ColdField(name="spec.pairing", of=lambda pair: pair.pairing, holds=True),
    ColdField(name="spec.exchange.url", of=lambda pair: pair.spec.exchange.url, holds=True),
    ColdField(
        name="spec.exchange.chainId", of=lambda pair: pair.spec.exchange.chain_id, holds=True
    ),
    ColdField(
        name="spec.exchange.requireFencing",
        of=lambda pair: pair.spec.exchange.require_fencing,
        holds=False,
    ),
    ColdField(name="spec.maker.account", of=lambda pair: pair.spec.maker.account, holds=False),
    ColdField(
        name="spec.hedger.account",
        of=lambda pair: pair.spec.hedger and pair.spec.hedger.account,
        holds=False,
    ),
)
