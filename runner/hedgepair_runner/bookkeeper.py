"""Keeps the chains whole: anchors them at start, backfills breaks, proves them again and again.

While a chain is broken or in doubt it has no position, so nothing is sent (design §4.1 †).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from hedgepair_runner.clock import Clock
from hedgepair_runner.ledger import Added, Chain
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.proving import READS_APART_S, decide_anchor
from hedgepair_runner.venues.urgency import reading_in
from hedgepair_runner.venues.venue import Lane, Venue, VenueUnavailable

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 0.1
REORDER_S = 0.15
"""Trades of two sources may pass each other; a break that lasts longer is a missing trade."""
BACKFILL_EVERY_S = 1.0
REANCHOR_AFTER_S = 4.0
"""A break that backfill did not mend in this time is bridged by proof."""
DISAGREE_S = 2.0
"""A stream's position that differs from the chain for so long means a missing trade."""
PROOF_EVERY_S = 120.0
READ_RETRY_S = 0.5


class Bookkeeper:
    """The chains of one market, by account. `on_trades` hears every new trade once."""

    def __init__(
        self,
        venue: Venue,
        chains: Mapping[int, Chain],
        *,
        clock: Clock,
        metrics: RunnerMetrics,
        on_trades: Callable[[tuple[AccountTrade, ...]], None],
        may_reanchor: Callable[[], bool],
        on_reanchored: Callable[[int], None],
    ) -> None:
        self._venue = venue
        self._chains = chains
        self._clock = clock
        self._metrics = metrics
        self._on_trades = on_trades
        self._may_reanchor = may_reanchor
        self._on_reanchored = on_reanchored
        self._bad_since_s: dict[int, float] = {}
        self._differs_since_s: dict[int, float] = {}
        self._backfilled_s: dict[int, float] = {}
        self._proved_s = clock.boot_s()
        self._told_lots: dict[int, int] = {}
        self.also_told: Callable[[tuple[AccountTrade, ...]], None] | None = None
        """Hears every new trade, too, after `on_trades` did."""

    def add(self, trades: Iterable[AccountTrade]) -> tuple[AccountTrade, ...]:
        """Enters trades of any source, in the order of their ids; returns those that were new."""
        new = []
        for trade in sorted(trades, key=lambda trade: trade.trade_id):
            chain = self._chains.get(trade.account_index)
            if chain is None or trade.market_id != chain.market_id:
                continue
            if chain.add(trade) is not Added.DUPLICATE:
                new.append(trade)
        if new:
            self._on_trades(tuple(new))
            if self.also_told is not None:
                self.also_told(tuple(new))
        return tuple(new)

    def told(self, account_index: int, positions_lots: Mapping[int, int], *, whole: bool) -> None:
        """A stream's word on positions: never added to, only compared (†)."""
        chain = self._chains.get(account_index)
        if chain is not None and (whole or chain.market_id in positions_lots):
            self._told_lots[account_index] = positions_lots.get(chain.market_id, 0)

    def told_lots(self, account_index: int) -> int | None:
        """The newest word on a position besides the chain: of a stream, or of a read."""
        return self._told_lots.get(account_index)

    async def anchor_all(self) -> None:
        """The read after the fence: returns when every chain is anchored by proof."""
        pending = dict(self._chains)
        while pending:
            try:
                anchored = await self._try_anchor(tuple(pending))
            except VenueUnavailable:
                await asyncio.sleep(READ_RETRY_S)
                continue
            for account in anchored:
                del pending[account]

    async def keep(self) -> None:
        """Watches the chains until cancelled."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                for account, chain in self._chains.items():
                    await self._check(account, chain)
                await self._prove_at_times()
            except VenueUnavailable:
                await asyncio.sleep(READ_RETRY_S)

    async def _check(self, account: int, chain: Chain) -> None:
        now_s = self._clock.boot_s()
        if chain.is_sound and not self._differs(account, chain, now_s):
            self._bad_since_s.pop(account, None)
            return
        since_s = self._bad_since_s.setdefault(account, now_s)
        if now_s - since_s < REORDER_S:
            return
        if now_s - self._backfilled_s.get(account, float("-inf")) >= BACKFILL_EVERY_S:
            self._metrics.chain_break()
            self._backfilled_s[account] = now_s
            logger.info("chain broken, backfilling", extra={"account": account})
            await self._backfill(account, chain)
        if now_s - since_s >= REANCHOR_AFTER_S and not self._is_mended(account, chain):
            await self._reanchor(account)

    def _is_mended(self, account: int, chain: Chain) -> bool:
        return chain.is_sound and self._told_lots.get(account) in (None, chain.head_lots)

    def _differs(self, account: int, chain: Chain, now_s: float) -> bool:
        if self._told_lots.get(account) in (None, chain.head_lots):
            self._differs_since_s.pop(account, None)
            return False
        return now_s - self._differs_since_s.setdefault(account, now_s) >= DISAGREE_S

    async def backfill(self, account: int) -> None:
        """Asks the venue for an account's trades; what it cannot answer stays open."""
        try:
            await self._backfill(account, self._chains[account])
        except VenueUnavailable:
            return

    async def prove(self, account: int) -> bool:
        """Anchors a chain anew by two reads, whatever it says now; False: not this time.

        Only while nothing of ours is in flight on the account.
        """
        try:
            return account in await self._try_anchor((account,))
        except VenueUnavailable:
            return False

    async def _backfill(self, account: int, chain: Chain) -> None:
        """Nothing is sent until a break is mended: these reads come before other reads."""
        with reading_in(Lane.CANCEL):
            trades = await self._read_trades(account, chain)
        self.add(trades)

    async def _read_trades(self, account: int, chain: Chain) -> tuple[AccountTrade, ...]:
        if account != self._venue.account_index:
            return await self._venue.read_public_trades(chain.market_id, account)
        return await self._venue.read_own_trades(chain.market_id, after_trade_id=chain.anchor_id)

    async def _reanchor(self, account: int) -> None:
        if not self._may_reanchor():
            return
        with reading_in(Lane.CANCEL):
            anchored = await self._try_anchor((account,))
        if account in anchored:
            logger.warning("chain anchored anew by two reads", extra={"account": account})
            self._on_reanchored(account)
            self._bad_since_s.pop(account, None)

    async def _try_anchor(self, accounts: tuple[int, ...]) -> tuple[int, ...]:
        """One pair of reads for several accounts at once; those that it proved."""
        market_id = self._chains[accounts[0]].market_id
        tape_id = await self._venue.read_tape_id(market_id)
        first = {account: await self._read_lots(account, market_id) for account in accounts}
        await asyncio.sleep(READS_APART_S)
        second = {account: await self._read_lots(account, market_id) for account in accounts}
        anchored = []
        for account in accounts:
            chain = self._chains[account]
            anchor = decide_anchor(
                tape_id=tape_id,
                first_lots=first[account],
                second_lots=second[account],
                later=chain.since(tape_id),
            )
            if anchor is not None:
                chain.anchor(anchor.trade_id, anchor.position_lots)
                self._note_read(account, chain, lots=second[account])
                anchored.append(account)
        return tuple(anchored)

    def _note_read(self, account: int, chain: Chain, *, lots: int) -> None:
        """The reads are the second source, until a stream says more: unless a trade since then
        made them old."""
        self._told_lots.pop(account, None)
        if chain.position_lots == lots:
            self._told_lots[account] = lots

    async def _read_lots(self, account: int, market_id: int) -> int:
        return (await self._venue.read_account(account)).positions_lots.get(market_id, 0)

    async def _prove_at_times(self) -> None:
        """Every few minutes a position read is compared with the chain, as a stream's word is."""
        now_s = self._clock.boot_s()
        if now_s - self._proved_s < PROOF_EVERY_S:
            return
        self._proved_s = now_s
        for account, chain in self._chains.items():
            self._told_lots[account] = await self._read_lots(account, chain.market_id)
