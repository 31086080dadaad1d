"""What the operator's parts share: settings, cache, reports, queue, and how Redis is.

One process, one event loop: a change here is seen by everybody at once, and by nobody halfway.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from hedgepair_operator import accepting
from hedgepair_operator.cache import Cache, Touched
from hedgepair_operator.facts import Key, RedisFact, Refusal
from hedgepair_operator.key_queue import KeyQueue
from hedgepair_operator.metrics import OperatorMetrics
from hedgepair_operator.report_store import ReportStore
from hedgepair_operator.settings import OperatorSettings

# Numbers in a status are not urgent (design §10): a pair that trades is looked at this often.
NUMBERS_S: Final = 15.0


class Job(NamedTuple):
    """One thing to look at: a pair, or (without a name) what the pairs of a namespace share."""

    namespace: str
    name: str


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Desk:
    settings: OperatorSettings
    metrics: OperatorMetrics
    rng: random.Random
    cache: Cache = field(default_factory=Cache)
    reports: ReportStore = field(default_factory=ReportStore)
    redis: RedisFact = field(default_factory=RedisFact)
    ready_users: set[str] = field(default_factory=set)
    """uids of pairs whose Redis user was asserted since Redis last came back."""
    apply_errors: dict[Key, str] = field(default_factory=dict)
    """Pairs whose children the API server refuses, with its words."""
    ending_namespaces: set[str] = field(default_factory=set)
    queue: KeyQueue[Job] = field(init=False)
    synced_at_s: float | None = None
    """Loop time of the last whole list of everything."""
    is_ready: bool = False
    _refusals: dict[Key, Refusal] | None = None
    _last_refusals: dict[Key, Refusal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = KeyQueue(self.rng)

    def spread(self, touched: Touched) -> None:
        """Puts what a change concerns into the queue."""
        if touched.everyone:
            self._refusals = None
        for key in touched.pairs:
            self.queue.add(Job(*key))
        for namespace in touched.namespaces:
            self.queue.add(Job(namespace, ""))

    def refusals(self) -> dict[Key, Refusal]:
        """Of all pairs, those that the release does not take. Who it newly takes or refuses is
        looked at again."""
        if self._refusals is None:
            before = self._last_refusals
            self._refusals = accepting.refusals(self.cache.pairs.values(), self.settings)
            self._last_refusals = self._refusals
            for key in self._refusals.keys() | before.keys():
                if self._refusals.get(key) != before.get(key):
                    self.queue.add(Job(*key))
        return self._refusals

    def look_at_all(self) -> None:
        for key in self.cache.pairs:
            self.queue.add(Job(*key))
