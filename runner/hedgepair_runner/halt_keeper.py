"""Keeps the halts of a pair: latched at once, on record everywhere, ended by a person (law 11).

A halt that was raised or taken in stays in memory while it stands, and is written to Redis again
whenever Redis lacks it. It ends when its very id is acknowledged, in Redis, in the desired state
or in the file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from hedgepair_runner.bus import Bus, BusUnavailable
from hedgepair_runner.clock import Clock
from hedgepair_runner.contract.halts import (
    Halt,
    HaltReason,
    forbids_hedging,
    new_halt,
    standing,
)
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.halt_file import HaltFile
from hedgepair_runner.steering_store import SteeringStore

logger = logging.getLogger(__name__)

READ_EVERY_S = 0.5
LEAST_PAUSE_S = 0.01


class HaltKeeper:
    """Of one process. `raise_` may be called at any time; `run` keeps the records."""

    def __init__(
        self,
        store: SteeringStore,
        *,
        bus: Bus,
        pair: PairId,
        role: Role,
        clock: Clock,
        file: HaltFile | None = None,
    ) -> None:
        self._store = store
        self._bus = bus
        self._pair = pair
        self._role = role
        self._clock = clock
        self._file = file
        self._halts: dict[str, Halt] = {}
        self._acknowledged: set[str] = set()
        self._to_alarm: list[Halt] = []
        self._wanted = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self.is_known = asyncio.Event()
        """Set once Redis was read: before that, a halt may stand that we do not know of."""

    # -- what stands -------------------------------------------------------------------------

    @property
    def standing(self) -> tuple[Halt, ...]:
        """Oldest first. Of both roles: a halt is the pair's."""
        return tuple(self._halts.values())

    @property
    def forbids_hedging(self) -> bool:
        return forbids_hedging(self._halts.values())

    def stands(self, reason: HaltReason) -> bool:
        return any(halt.reason is reason for halt in self._halts.values())

    def listen(self, on_change: Callable[[], None]) -> None:
        """Calls `on_change` whenever what stands has changed."""
        self._listeners.append(on_change)

    # -- what changes it ---------------------------------------------------------------------

    def raise_(self, reason: HaltReason, message: str, *, since_ms: int | None = None) -> Halt:
        """Latches at once and returns the halt; the same reason twice is one halt.

        `message` is a sentence for people, with the remedy. `since_ms` is when it happened, where
        the venue's records say so: what was acknowledged once is then not raised again.
        """
        for halt in self._halts.values():
            if halt.reason is reason:
                return halt
        halt = new_halt(
            reason=reason,
            message=message,
            since_ms=self._clock.wall_ms() if since_ms is None else since_ms,
            role=self._role.label,
            pair=str(self._pair),
        )
        if halt.id in self._acknowledged:
            return halt
        logger.error("halted", extra={"halt": halt.id, "reason": reason.value, "why": message})
        self._to_alarm.append(halt)
        self.take_in((halt,))
        return halt

    def take_in(self, halts: Iterable[Halt], *, acknowledged: Iterable[str] = ()) -> None:
        """From any source: what it knows to stand, and what it knows to be over."""
        self._acknowledged.update(acknowledged)
        before = dict(self._halts)
        kept = standing((*before.values(), *halts), acknowledged=self._acknowledged)
        self._halts = {halt.id: halt for halt in kept}
        if self._halts == before:
            return
        for halt_id in before.keys() - self._halts.keys():
            logger.warning("halt acknowledged", extra={"halt": halt_id})
        self._wanted.set()
        self._keep_in_file()
        for on_change in self._listeners:
            on_change()

    def take_in_file(self) -> None:
        """What an earlier run of this state directory left. Raises OSError, ValueError."""
        if self._file is not None:
            found = self._file.read()
            self.take_in(found.halts, acknowledged=found.acknowledged)

    # -- the records -------------------------------------------------------------------------

    async def run(self) -> None:
        """Reads and rewrites the records until cancelled."""
        while True:
            with suppress(BusUnavailable):
                await self._exchange()
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_EVERY_S):
                    await self._wanted.wait()
            self._wanted.clear()
            # A Redis that refuses at once is not asked in a busy loop.
            await asyncio.sleep(LEAST_PAUSE_S)

    async def _exchange(self) -> None:
        found = await self._store.read_halts()
        self.take_in(found.halts, acknowledged=found.acknowledged)
        self.is_known.set()
        on_record = {halt.id for halt in found.halts}
        missing = [halt for halt in self._halts.values() if halt.id not in on_record]
        if missing:
            await self._store.put_halts(missing)
        over = sorted(on_record & self._acknowledged)
        if over:
            await self._store.drop_halts(over)
        while self._to_alarm:
            halt = self._to_alarm[0]
            await self._bus.raise_alarm(f"Halted/{halt.reason.value}", halt.message)
            del self._to_alarm[0]

    def _keep_in_file(self) -> None:
        if self._file is None:
            return
        try:
            self._file.write(self._halts.values(), acknowledged=self._acknowledged)
        except OSError as error:
            logger.error("halts not kept in a file", extra={"reason": error.strerror})
