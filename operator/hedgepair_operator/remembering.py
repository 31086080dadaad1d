"""What a StatefulSet that is wanted would be named by, without rendering it at every look.

Rendering two pod templates was half of each decision. The answer follows from immutable inputs
alone; it is remembered by them, and nothing is ever stale: other inputs are another question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from hedgepair_operator import names
from hedgepair_operator.facts import ChildFact, PairFact
from hedgepair_operator.pods import stateful_set
from hedgepair_operator.settings import OperatorSettings
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair

# Two roles of the fleet that the release is measured with, and as many again of old specs.
_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Question:
    """The same for the same resource and the very same manifest and settings. It holds these two,
    so that an `id` cannot become another's."""

    pair: PairFact
    manifest: HedgePair
    role: Role
    settings: OperatorSettings

    @property
    def _facts(self) -> tuple[object, ...]:
        pair = self.pair
        restarted_at = pair.annotations.get(names.RESTARTED_AT)
        whose = (pair.key, pair.uid, restarted_at, self.role)
        return (*whose, id(self.manifest), id(self.settings))

    def __hash__(self) -> int:
        return hash(self._facts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self._facts == other._facts


def is_settled_for(
    live: ChildFact | None,
    pair: PairFact,
    manifest: HedgePair,
    role: Role,
    settings: OperatorSettings,
) -> bool:
    """Whether the last application of the operator's left the StatefulSet exactly as it is wanted.
    False where that is not known: then it has to be rendered and compared."""
    if live is None or live.settled_for is None or live.is_deleting or live.owner_uid != pair.uid:
        return False
    question = _Question(
        pair=replace(pair, status={}), manifest=manifest, role=role, settings=settings
    )
    return live.settled_for == _mark(question)


@lru_cache(maxsize=_REMEMBERED)
def _mark(question: _Question) -> str:
    wanted = stateful_set(question.pair, question.manifest, question.role, question.settings)
    mark: str = wanted["metadata"]["annotations"][names.APPLIED]
    return mark
