"""What a role keeps up beside its terms: its place in shared budgets, and how it starts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from hedgepair_runner.affording import why_unaffordable
from hedgepair_runner.budget_keeper import BudgetKeeper
from hedgepair_runner.budgeting import HEDGER_NEEDS, MAKER_NEEDS
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.desk import Desk
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.starting import start_pause_s
from hedgepair_runner.venues.tiers import Tier

logger = logging.getLogger(__name__)

_NEEDS = {Role.MAKER: MAKER_NEEDS, Role.HEDGER: HEDGER_NEEDS}


class Upkeep:
    """Of one process, for as long as it lives."""

    def __init__(self, desk: Desk, manifest: HedgePair) -> None:
        self._desk = desk
        self._manifest = manifest
        self._budget = BudgetKeeper(
            desk.venue,
            desk.sharing,
            member=f"{desk.pair}:{desk.role.label}:{desk.holder}",
            needs=_NEEDS[desk.role],
        )

    async def back_off(self, stop: asyncio.Event) -> None:
        """A runner that was started too often lately waits before it asks anybody anything."""
        if self._desk.sharing is None:
            return
        try:
            starts = await self._desk.sharing.note_start(self._desk.pair, self._desk.role)
        except BusUnavailable:
            return
        pause_s = start_pause_s(starts)
        if pause_s:
            logger.warning("started too often", extra={"starts": starts, "waits_s": pause_s})
            try:
                async with asyncio.timeout(pause_s):
                    await stop.wait()
            except TimeoutError:
                return

    async def learn_tier(self) -> Tier:
        """Raises StartRefused for a spec that the account's tier cannot carry, VenueUnavailable
        and VenueRefused."""
        tier = await self._budget.learn()
        if self._desk.role is Role.MAKER:
            sentence = why_unaffordable(self._manifest.spec.timeout_seconds, tier)
            if sentence is not None:
                raise StartRefused(sentence)
        return tier

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs beside the terms, by name."""
        return {"budget": self._budget.run()}
