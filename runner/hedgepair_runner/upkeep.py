"""What a role keeps up beside its terms: its place in shared budgets, the limits of `risk`, and
how it starts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from hedgepair_runner.affording import why_unaffordable
from hedgepair_runner.budget_keeper import BudgetKeeper
from hedgepair_runner.budgeting import HEDGER_NEEDS, MAKER_NEEDS
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.desk import Desk
from hedgepair_runner.leg_watcher import LegWatcher
from hedgepair_runner.policies import bps_of
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.reporter import Reporter
from hedgepair_runner.risk_keeper import RiskKeeper
from hedgepair_runner.starting import start_pause_s
from hedgepair_runner.venues.tiers import Tier
from hedgepair_runner.watching import Pace, WatchPolicy, pace_of

logger = logging.getLogger(__name__)

_NEEDS = {Role.MAKER: MAKER_NEEDS, Role.HEDGER: HEDGER_NEEDS}


class Upkeep:
    """Of one process, for as long as it lives. `risk` is the maker's, once the tier is known."""

    def __init__(self, desk: Desk, manifest: HedgePair) -> None:
        self._desk = desk
        self._manifest = manifest
        self._budget = BudgetKeeper(
            desk.venue,
            desk.sharing,
            member=f"{desk.pair}:{desk.role.label}:{desk.holder}",
            needs=_NEEDS[desk.role],
        )
        self._watcher: LegWatcher | None = None
        self.risk: RiskKeeper | None = None

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

    async def shares_master_with(self, account_index: int) -> bool:
        """Whether an account is under one's own L1 address. Raises VenueUnavailable."""
        other = await self._desk.venue.read_account(account_index)
        return bool(other.l1_address) and other.l1_address == self._budget.l1_address

    def watch(self, tier: Tier, reporter: Reporter, *, manifest: Callable[[], HedgePair]) -> None:
        """Prepares what looks after the limits of `risk`, by the manifest that is in force."""
        pace = pace_of(tier)
        self._watcher = LegWatcher(
            self._desk,
            lambda: _watch_policy(manifest(), pace),
            own_lots=lambda: reporter.current().position_lots,
            on_news=reporter.hurry,
        )
        reporter.legs = self._watcher
        if self._desk.role is Role.MAKER:
            self.risk = RiskKeeper(self._desk, manifest, watcher=self._watcher)

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs beside the terms, by name."""
        work = {"budget": self._budget.run()}
        if self._watcher is not None:
            work["watch-leg"] = self._watcher.run()
        if self.risk is not None:
            work["risk"] = self.risk.run()
        return work


def _watch_policy(manifest: HedgePair, pace: Pace) -> WatchPolicy:
    risk = manifest.spec.risk
    return WatchPolicy(
        min_distance_bps=bps_of(risk.min_margin_distance),
        wants_day=risk.max_daily_loss is not None,
        pace=pace,
    )
