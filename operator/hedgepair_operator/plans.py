"""What is to be done for a pair: the whole answer of one decision, in the order of doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgepair_operator.facts import ChildFact, PodFact
from hedgepair_operator.telling import Telling
from hedgepair_runner.contract.desired import Desired
from hedgepair_runner.contract.identity import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Done from top to bottom; the first failure ends it, and the pair is looked at again.

    `tell`: desired states for Redis, written where they are not known to be there. `deletes` are in
    order, makers first. `needs_live`: nothing may be done on this; observe live and decide again.
    `again_in_s`: when to look again though nothing changed.
    """

    needs_live: bool = False
    add_finalizer: bool = False
    ensure_user: bool = False
    tell: Mapping[Role, Desired] = field(default_factory=dict)
    write_secret: bool = False
    applies: tuple[Mapping[str, Any], ...] = ()
    deletes: tuple[ChildFact | PodFact, ...] = ()
    status: Mapping[str, Any] | None = None
    tellings: tuple[Telling, ...] = ()
    remove_user: bool = False
    forget_desired: bool = False
    remove_finalizer: bool = False
    again_in_s: float | None = None

    @property
    def writes(self) -> int:
        """How many writes to the API server it asks for."""
        return (
            self.add_finalizer
            + self.write_secret
            + len(self.applies)
            + len(self.deletes)
            + (self.status is not None)
            + len(self.tellings)
            + self.remove_finalizer
        )
