"""Keeps the venue's budget in step with whoever shares it: the real tier, grants, the quota.

Runs beside everything else and is asked nothing: what it was granted may be spent at once, so that
no hedge waits for Redis (design §5).
"""

from __future__ import annotations

import asyncio
import logging

from hedgepair_runner.budgeting import Needs, QuotaWord
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.sharing import Sharing
from hedgepair_runner.venues.tiers import Tier, tier_of
from hedgepair_runner.venues.venue import Venue

logger = logging.getLogger(__name__)

CLAIM_EVERY_S = 1.0
LOOK_EVERY_S = 0.2
"""A budget that runs low asks sooner."""


class BudgetKeeper:
    """Of one process. `member` names it among those who share."""

    def __init__(self, venue: Venue, sharing: Sharing | None, *, member: str, needs: Needs) -> None:
        self._venue = venue
        self._sharing = sharing
        self._member = member
        self._needs = needs
        self._l1_address = ""

    async def learn(self) -> Tier:
        """The account's real tier, by two reads. Raises VenueUnavailable and VenueRefused."""
        limits = await self._venue.read_limits()
        own = await self._venue.read_account(self._venue.account_index)
        tier = tier_of(limits)
        self._venue.limiter.adopt(tier)
        self._l1_address = own.l1_address
        logger.info("tier learned", extra={"tier": tier.name})
        if self._sharing is not None:
            self._venue.limiter.share(self._needs)
            await self._claim(self._sharing)
        return tier

    @property
    def l1_address(self) -> str:
        """Of the own account, once learned."""
        return self._l1_address

    @property
    def _name(self) -> str:
        """Of what is shared; an account without an L1 address shares with itself alone."""
        return self._l1_address or f"account-{self._venue.account_index}"

    async def run(self) -> None:
        while self._sharing is not None:
            await self._pause()
            await self._claim(self._sharing)

    async def _pause(self) -> None:
        waited_s = 0.0
        while waited_s < CLAIM_EVERY_S:
            await asyncio.sleep(LOOK_EVERY_S)
            waited_s += LOOK_EVERY_S
            if self._venue.limiter.is_low():
                return

    async def _claim(self, sharing: Sharing) -> None:
        """Without an answer the old grant holds for a while, and then a safe share (design §5)."""
        try:
            await self._claim_requests(sharing)
            await self._share_quota(sharing)
        except BusUnavailable:
            return

    async def _claim_requests(self, sharing: Sharing) -> None:
        limiter = self._venue.limiter
        asked_s = _now_s()
        for resource, claim in limiter.claims(asked_s).items():
            answer = await sharing.claim_budget(
                self._name, resource, member=self._member, claim=claim
            )
            limiter.granted(resource, answer, asked_s=asked_s)

    async def _share_quota(self, sharing: Sharing) -> None:
        """All accounts of an L1 address spend one quota (protocol §8)."""
        quota = self._venue.limiter.quota
        if not (self._venue.limiter.tier.has_volume_quota or quota.remaining is not None):
            return
        now_s = _now_s()
        word = QuotaWord(
            remaining=quota.remaining,
            age_ms=_age_ms(quota.told_s, now_s) or 0,
            freed_age_ms=_age_ms(quota.freed_s, now_s),
        )
        heard = await sharing.share_quota(self._name, word)
        if heard.remaining is not None:
            quota.told(heard.remaining, now_s - heard.age_ms / 1_000)
        if heard.freed_age_ms is not None:
            quota.freed_s = max(quota.freed_s, now_s - heard.freed_age_ms / 1_000)


def _age_ms(at_s: float, now_s: float) -> int | None:
    return None if at_s == float("-inf") else int((now_s - at_s) * 1_000)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
