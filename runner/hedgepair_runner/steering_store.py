"""What is wanted of a pair, and the halts that stand, as a port (design §8, law 11).

Redis is one of several places that say so: a mounted file says the same of wishes, the operator
and the state directory of a local run the same of halts (law 8). A failed call raises
BusUnavailable and says nothing about whether it took effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.contract.identity import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltsRead:
    """All halts on record, and the ids of those that a person ended."""

    halts: tuple[Halt, ...] = ()
    acknowledged: frozenset[str] = frozenset()


class SteeringStore(Protocol):
    """The records of one pair. Texts come as they were written; to read them is the caller's."""

    async def read_desired(self, role: Role) -> bytes | None:
        """JSON of `contract.desired`, or None where nobody wrote one."""
        ...

    async def read_progress(self) -> bytes | None:
        """JSON of `finishing.Progress`, or None where nothing was kept."""
        ...

    async def write_progress(self, text: str) -> None: ...

    async def read_halts(self) -> HaltsRead:
        """Entries that cannot be read are passed over: a newer writer's reason, say."""
        ...

    async def put_halts(self, halts: Sequence[Halt]) -> None: ...

    async def drop_halts(self, halt_ids: Sequence[str]) -> None:
        """Acknowledged ones; the acknowledgement itself stays on record."""
        ...
