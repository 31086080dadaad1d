"""What the two runners say to each other, as a port (design §8).

The bus makes the pair fast and visible; nothing here is needed for correctness (law 8). A failed
call raises BusUnavailable and says nothing about whether it took effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.quotes import QuoteTold


class BusUnavailable(Exception):
    """No answer, or an error: wait and try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTold:
    """A trade of account A, from the maker."""

    trade: AccountTrade


@dataclass(frozen=True, slots=True, kw_only=True)
class TailUp:
    """The stream is being followed; what was said while it was down may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailDown:
    reason: str


BusEvent = FillTold | QuoteTold | TailUp | TailDown


class LeaseGrant(Enum):
    CLEAN = "clean"
    """The last holder released it: nobody can believe that it still holds it."""
    UNCLEAN = "unclean"
    """It was missing: a newcomer waits one full lease on its own clock (design §4.4)."""
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRecord:
    """A hedge order as written beside its send: for receipts, look-ups, a faster restart."""

    nonce: int
    client_order_index: int
    lots: int
    price_ticks: int
    tx_hash: str
    covers_lots: int


class Leases(Protocol):
    """One lease and one epoch: those of a venue, account and API key."""

    async def acquire(self, holder: str, *, ttl_ms: int) -> LeaseGrant: ...

    async def renew(self, holder: str, *, ttl_ms: int) -> bool:
        """False: somebody else holds it, or nobody does."""
        ...

    async def release(self, holder: str) -> None: ...

    async def raise_epoch(self, floor: int) -> int:
        """max(remembered, floor) + 1, remembered at once (design §4.4 †)."""
        ...


class Bus(Protocol):
    """The records and streams of one pair."""

    events: asyncio.Queue[BusEvent]
    epoch: int
    """Of whoever is in office here; 0 before. Alarms name it."""

    async def run(self) -> None:
        """Follows the fills stream into `events` until cancelled."""
        ...

    async def close(self) -> None: ...

    async def publish_fills(self, trades: Sequence[AccountTrade]) -> None: ...

    async def tell_quote(self, quote: QuoteTold) -> None: ...

    async def read_quotes(self) -> tuple[QuoteTold, ...]: ...

    async def write_intent(self, intent: IntentRecord) -> None: ...

    async def drop_intent(self, nonce: int) -> None: ...

    async def write_report(self, role: Role, report: RunnerReport, *, ttl_ms: int) -> None: ...

    async def read_report(self, role: Role) -> RunnerReport | None: ...

    async def raise_alarm(self, kind: str, message: str) -> None: ...
