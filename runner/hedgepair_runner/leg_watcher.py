"""Reads one's own account for the limits of `risk`: margin, nearness to liquidation, the day.

From the venue's records alone, within the rate budget, beside everything else; a read that fails
leaves the old one to grow stale, and stale is unknown (law 3).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from hedgepair_runner.contract.legs import LegRisk
from hedgepair_runner.desk import Desk
from hedgepair_runner.margins import distance_bps, leg_of
from hedgepair_runner.orders import AccountRead
from hedgepair_runner.reckoning import DayBook, day_of, day_start_ms
from hedgepair_runner.venues.urgency import reading_in
from hedgepair_runner.venues.venue import Lane, VenueRefused, VenueUnavailable
from hedgepair_runner.watching import WatchPolicy, is_due

logger = logging.getLogger(__name__)

TICK_S = 0.5
HOUR_MS = 3_600_000
FUNDING_LAG_MS = 15_000
"""Payments of an hour are on record a while after it."""


class LegWatcher:
    """`leg` is the newest read; None while there was none."""

    def __init__(
        self,
        desk: Desk,
        policy: Callable[[], WatchPolicy],
        *,
        own_lots: Callable[[], int | None],
        on_news: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._policy = policy
        self._own_lots = own_lots
        self._on_news = on_news
        self._tried_s: float | None = None
        self._book = DayBook(start_ms=0)
        self._funded_until_ms = 0
        self.leg: LegRisk | None = None
        self.is_pressed = False
        """Somebody waits for a read that agrees with another one."""

    async def run(self) -> None:
        while True:
            if self._desk.leaser.is_valid() and self._is_due():
                self._tried_s = self._desk.clock.boot_s()
                try:
                    with reading_in(Lane.FLATTEN):
                        await self._read()
                except (VenueUnavailable, VenueRefused) as unread:
                    logger.info("account not read", extra={"reason": str(unread)})
            await asyncio.sleep(TICK_S)

    def _is_due(self) -> bool:
        leg, tried_s = self.leg, self._tried_s
        has_traded = leg is None or leg.position_lots != self._own_lots()
        return is_due(
            self._policy().pace,
            since_s=None if tried_s is None else self._desk.clock.boot_s() - tried_s,
            has_traded=has_traded,
            is_near=self.is_pressed or (leg is not None and leg.is_near),
        )

    async def _read(self) -> None:
        desk = self._desk
        if self._policy().wants_day:
            await self._read_day()
        account = await desk.venue.read_account(desk.venue.account_index)
        leg = leg_of(account, desk.market, read_ms=desk.clock.wall_ms())
        leg = self._with_day(self._with_nearness(leg), account)
        self.leg = leg
        self._on_news()

    def _with_nearness(self, leg: LegRisk) -> LegRisk:
        mark_ticks = self._desk.venue.mark_price_ticks(self._desk.market.market_id)
        distance = None if mark_ticks is None else distance_bps(leg, mark_ticks)
        if distance is None or distance >= self._policy().min_distance_bps:
            return leg
        before = self.leg
        agrees = (
            before is not None
            and before.is_near
            and before.position_lots == leg.position_lots
            and before.read_ms < leg.read_ms
        )
        return replace(leg, is_near=True, is_near_twice=agrees)

    async def _read_day(self) -> None:
        """The day's trades and funding, as far as they are not on the book yet."""
        desk, now_ms = self._desk, self._desk.clock.wall_ms()
        start_ms = day_start_ms(now_ms)
        if self._book.start_ms != start_ms:
            self._book = DayBook(start_ms=start_ms)
            self._funded_until_ms = 0
        market_id = desk.market.market_id
        book = self._book
        book.add(
            await desk.venue.read_day_trades(
                market_id, since_ms=start_ms, after_trade_id=book.newest_id
            )
        )
        if now_ms >= self._funded_until_ms:
            book.add_fundings(await desk.venue.read_fundings(market_id, since_ms=start_ms))
            self._funded_until_ms = now_ms - now_ms % HOUR_MS + HOUR_MS + FUNDING_LAG_MS

    def _with_day(self, leg: LegRisk, account: AccountRead) -> LegRisk:
        if not self._policy().wants_day or leg.read_ms < self._book.start_ms:
            return leg
        if day_start_ms(leg.read_ms) != self._book.start_ms:
            return leg  # midnight passed between the two reads
        margin = account.margins.get(self._desk.market.market_id)
        unrealised = Decimal(0 if margin is None else margin.unrealised_quote)
        result = self._book.result_quote(
            position_lots=leg.position_lots, unrealised_quote=unrealised
        )
        return replace(
            leg, day=day_of(leg.read_ms), day_quote=None if result is None else str(result)
        )
