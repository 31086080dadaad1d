"""Carries out what the limits of `risk` ask of the maker, over both legs (design §6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.closing import ClosingOrder, Instructions
from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.desk import Desk
from hedgepair_runner.ledger import Chain
from hedgepair_runner.leg_watcher import LegWatcher
from hedgepair_runner.margins import Leg
from hedgepair_runner.policies import needs_cover, risk_policy
from hedgepair_runner.quoting import Cover
from hedgepair_runner.reckoning import day_of
from hedgepair_runner.risking import (
    Assessment,
    Breach,
    BreachRule,
    RiskFacts,
    RiskPolicy,
    assess,
    fresh,
    is_confirmed,
)

logger = logging.getLogger(__name__)

JUDGE_EVERY_S = 0.25
PAGE_AFTER_S = 30.0
"""What stays unknown for so long is told to a person."""
SOURCE = "risk"
HEDGE_COST_BPS = 50
"""What a hedge of another resource may lose: the default of `maxSlippageBps`."""


class Steered(Protocol):
    """The maker of this term."""

    own: Chain
    instructions: Instructions

    @property
    def cover(self) -> Cover | None: ...


class RiskKeeper:
    """Of one process: what was concluded outlives a term. `manifest` gives the one in force."""

    def __init__(
        self, desk: Desk, manifest: Callable[[], HedgePair], *, watcher: LegWatcher
    ) -> None:
        self._desk = desk
        self._manifest = manifest
        self._watcher = watcher
        self._first: Breach | None = None
        self._breach: Breach | None = None
        self._day = ""
        self._shrink: ClosingOrder | None = None
        self._unknown_since_s: float | None = None
        self._paged: set[str] = set()
        self.maker: Steered | None = None
        """Whom to steer; a new one each term."""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_EVERY_S)
            if self.maker is not None and self._desk.leaser.is_valid():
                await self._judge(self.maker)

    def legs(self, own_lots: int | None, cover: Cover | None) -> tuple[Leg, ...]:
        """The accounts that have to carry a quote, as they are known now."""
        now_ms, manifest = self._desk.clock.wall_ms(), self._manifest()
        own = Leg(
            account_index=self._desk.maker_account,
            risk=fresh(self._watcher.leg, now_ms=now_ms),
            position_lots=own_lots,
            sign=1,
            cost_bps=0,
        )
        if not needs_cover(manifest):
            return (own,)
        hedging = manifest.spec.hedger
        told = None if cover is None else cover.leg
        known = told.account_index if told is not None else None
        hedger = Leg(
            account_index=self._desk.hedger_account or known,
            risk=fresh(told, now_ms=now_ms),
            position_lots=None if cover is None else cover.position_lots,
            sign=-1,
            cost_bps=HEDGE_COST_BPS if hedging is None else hedging.max_slippage_bps,
        )
        return (own, hedger)

    async def _judge(self, maker: Steered) -> None:
        facts = self._facts(maker)
        policy = risk_policy(self._manifest(), self._desk.market)
        found = assess(facts, policy=policy, market=self._desk.market)
        self._note_breach(found, facts, policy)
        self._note_shrink(found)
        is_open = found.breach is not None and self._breach is None
        self._watcher.is_pressed = is_open or found.is_pending
        reason = self._breach.reason if self._breach is not None else found.hold
        maker.instructions.withhold(SOURCE, reason)
        maker.instructions.close(SOURCE, self._closing(facts, policy))
        await self._page(found)

    def _facts(self, maker: Steered) -> RiskFacts:
        desk, cover = self._desk, maker.cover
        now_ms = desk.clock.wall_ms()
        return RiskFacts(
            maker=self._watcher.leg,
            hedger=None if cover is None else cover.leg,
            has_hedger=needs_cover(self._manifest()),
            maker_lots=maker.own.position_lots,
            hedger_lots=None if cover is None else cover.position_lots,
            mark_ticks=desk.venue.mark_price_ticks(desk.market.market_id),
            today=day_of(now_ms),
            now_ms=now_ms,
        )

    def _note_breach(self, found: Assessment, facts: RiskFacts, policy: RiskPolicy) -> None:
        standing = self._breach
        if standing is not None and not self._stands(standing, found, facts):
            logger.info("limit kept again", extra={"reason": standing.reason})
            self._breach = None
        if found.breach is None:
            self._first = None
            return
        if self._first is None:
            self._first = found.breach
        if self._breach is None and is_confirmed(self._first, found.breach):
            self._breach, self._day = found.breach, facts.today
            logger.error("limit passed", extra={"reason": found.breach.reason})
            if policy.on_breach is BreachRule.HALT:
                self._halt_on(found.breach)

    def _stands(self, breach: Breach, found: Assessment, facts: RiskFacts) -> bool:
        """A day's loss until the day ends; anything else as long as it is not proved otherwise."""
        if breach.is_of_the_day:
            return facts.today == self._day
        return found.breach is not None or bool(found.unknown)

    def _note_shrink(self, found: Assessment) -> None:
        if found.shrink is not None:
            if self._shrink is None:
                logger.warning("both legs shrink", extra={"reason": found.shrink.reason})
            self._shrink = found.shrink
        elif not found.is_pending:
            self._shrink = None

    def _closing(self, facts: RiskFacts, policy: RiskPolicy) -> ClosingOrder | None:
        """A breach that is to end flat goes before a mere shrinking."""
        if self._breach is None or policy.on_breach is not BreachRule.FLATTEN:
            return self._shrink
        is_flat = facts.maker_lots == 0 and (not facts.has_hedger or facts.hedger_lots == 0)
        if is_flat:
            self._halt_on(self._breach)
        return ClosingOrder(target_lots=0, reason=self._breach.reason)

    def _halt_on(self, breach: Breach) -> None:
        self._desk.halts.raise_(
            HaltReason.RISK_BREACHED,
            f"{breach.reason}. Find out why, then acknowledge this halt to go on.",
        )

    async def _page(self, found: Assessment) -> None:
        now_s = self._desk.clock.boot_s()
        if not found.unknown:
            self._unknown_since_s = None
            self._paged.discard("RiskUnknown")
        elif self._unknown_since_s is None:
            self._unknown_since_s = now_s
        elif now_s - self._unknown_since_s >= PAGE_AFTER_S:
            await self._page_once("RiskUnknown", f"limits cannot be judged: {found.unknown}")
        if self._breach is not None:
            await self._page_once("RiskBreached", self._breach.reason)
        else:
            self._paged.discard("RiskBreached")
        if self._shrink is not None:
            await self._page_once("MarginNear", self._shrink.reason)
        else:
            self._paged.discard("MarginNear")

    async def _page_once(self, kind: str, message: str) -> None:
        if kind in self._paged:
            return
        try:
            await self._desk.bus.raise_alarm(kind, message)
        except BusUnavailable:
            return
        self._paged.add(kind)
