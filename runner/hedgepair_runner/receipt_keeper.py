"""Writes a receipt for every executed order of a term, and for those that a predecessor left.

Never on the hot path: trades are only noted there. Receipts are written beside, in the order of
the tape, each until Redis took it; what a term could not write the next one finds again at the
venue.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import TypeVar

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.receipts import Receipt
from hedgepair_runner.desk import Desk
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Slot
from hedgepair_runner.office import Office
from hedgepair_runner.orders import AccountTrade, Funding
from hedgepair_runner.receipt_store import ReceiptStore, Stored
from hedgepair_runner.receipting import Issuer, ReceiptBook, is_whole, without_cut_order
from hedgepair_runner.venues.venue import VenueRefused, VenueUnavailable

logger = logging.getLogger(__name__)

AGAIN_S = 0.5
"""Between attempts at Redis or the venue."""
TICK_S = 0.5
WHOLE_WITHIN_S = 20.0
"""Replicas of the venue's reads may lag; after so long what it tells is taken as all."""
WRITTEN_KEPT = 1_000
"""So many can be written again should Redis lose them in the middle of a term."""
FUNDING_EVERY_S = 600.0
FUNDING_SETTLES_MS = 60_000
"""A payment so young may be told of one leg and not yet of the other."""

Answer = TypeVar("Answer")


class ReceiptKeeper:
    """Of one term. `note` returns at once and may come before `begin`."""

    def __init__(self, desk: Desk, store: ReceiptStore) -> None:
        own = desk.maker_account if desk.role is Role.MAKER else desk.hedger_account
        if own is None:
            raise AssertionError("a hedger has an account")
        self._desk = desk
        self._store = store
        self._own_account = own
        self._office: Office | None = None
        self._woken = asyncio.Event()
        self._must_look = False
        self._funding_is_known = False
        self._unwritten = 0
        self._is_behind = True
        """Until it knows what a predecessor left without a receipt."""
        self._heard: deque[tuple[AccountTrade, int, Slot | None]] = deque()
        self._written: deque[Receipt] = deque(maxlen=WRITTEN_KEPT)
        self._newest: Receipt | None = None
        """The one that this term went on from."""
        self._previous = 0
        self._fills_told: tuple[AccountTrade, ...] = ()
        self._issuer = Issuer(
            role=desk.role,
            pair=desk.pair,
            holder=desk.holder,
            market=desk.market,
            maker_account=desk.maker_account,
            own_account=own,
        )
        self.book = ReceiptBook(self._issuer)

    def redis_came_back(self) -> None:
        """Perhaps as it was a second ago. A successor would go on from the newest receipt and not
        see what is missing before it, so that is looked for at once."""
        self._must_look = True
        self._woken.set()

    def note(self, trades: tuple[AccountTrade, ...]) -> None:
        """On the way of a hedge: what is to be done with it is done later."""
        line = None if self._office is None else self._office.line
        now_ms = self._desk.clock.wall_ms()
        for trade in trades:
            # Its slot is open now, and may be forgotten a moment later.
            is_own = line is not None and trade.account_index == self._own_account
            slot = line.by_client_index(trade.client_order_index) if is_own and line else None
            self._heard.append((trade, now_ms, slot))
        self._woken.set()

    def _take_in(self) -> None:
        while self._heard:
            trade, now_ms, slot = self._heard.popleft()
            self.book.note(trade, now_ms=now_ms, slot=slot)

    def realized(self) -> Decimal | None:
        """Of both legs, after fees and funding; None where that is not known."""
        is_hedger = self._desk.role is Role.HEDGER
        self._take_in()
        return self.book.total() if is_hedger and self._funding_is_known else None

    async def keep(self, office: Office, own: Chain) -> None:
        """Takes up where the newest receipt stands, then writes until cancelled."""
        self._office = office
        await self._take_up(office, own)
        self._is_behind = False
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write_due(office), name="write-receipts")
            if self._desk.role is Role.HEDGER:
                tasks.create_task(self._read_fundings(), name="read-fundings")

    async def flush(self, *, within_s: float) -> None:
        """Returns when nothing is left to write, or after so long: a successor finds the rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._is_behind or self._heard or self.book.is_waiting or self._unwritten:
                    self._woken.set()
                    await asyncio.sleep(TICK_S / 10)
                await self._restore()

    # -- taking up ---------------------------------------------------------------------------

    async def _take_up(self, office: Office, own: Chain) -> None:
        anchor_id, anchored_lots = own.anchor_id, own.anchored_lots
        newest = await self._patiently(lambda: self._store.newest(self._desk.role))
        self._newest = newest
        self._previous = 0 if newest is None else newest.client_order_index
        self._fills_told = tuple(await self._patiently(self._store.told_fills))
        for trade in self._fills_told:
            self.book.note(trade, now_ms=self._desk.clock.wall_ms())
        await self._read_own(newest, anchor_id=anchor_id, anchored_lots=anchored_lots)
        epoch = office.line.band.epoch
        self._take_in()
        if newest is not None:
            self.book.resume(newest, epoch=epoch)
        else:
            now_ms = self._desk.clock.wall_ms()
            self.book.begin(epoch=epoch, now_ms=now_ms, after_id=anchor_id)

    async def _read_own(
        self, newest: Receipt | None, *, anchor_id: int, anchored_lots: int
    ) -> None:
        """Own trades before this term; again until they lead up to where the chain began."""
        market_id = self._desk.market.market_id
        deadline_s = self._desk.clock.boot_s() + WHOLE_WITHIN_S
        mark = None if newest is None or newest.carry is None else newest.carry.own

        def read() -> Awaitable[tuple[AccountTrade, ...]]:
            venue = self._desk.venue
            if newest is None:
                return venue.read_recent_own_trades(market_id)
            return venue.read_own_trades(market_id, after_trade_id=newest.last_trade_id)

        while True:
            trades = await self._patiently(read)
            whole = is_whole(trades, mark=mark, anchor_id=anchor_id, anchored_lots=anchored_lots)
            if whole or self._desk.clock.boot_s() > deadline_s:
                break
            await asyncio.sleep(AGAIN_S)
        for trade in trades if newest is not None else without_cut_order(trades):
            self.book.note(trade, now_ms=self._desk.clock.wall_ms())

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                return await ask()
            except (BusUnavailable, VenueUnavailable):
                await asyncio.sleep(AGAIN_S)

    # -- writing -----------------------------------------------------------------------------

    async def _write_due(self, office: Office) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._woken.wait()
            self._woken.clear()
            if self._must_look:
                self._must_look = False
                await self._restore()
            self._take_in()
            due = self.book.due(
                is_open=lambda index: office.line.by_client_index(index) is not None,
                wall_ms=self._wall_ms,
            )
            for left, receipt in zip(range(len(due), 0, -1), due, strict=True):
                self._unwritten = left
                await self._write(receipt)
            self._unwritten = 0

    async def _write(self, receipt: Receipt) -> None:
        stored = await self._patiently(lambda: self._store.add(receipt, previous=self._previous))
        if stored is Stored.LOST:
            logger.warning("redis lost receipts", extra={"kept": len(self._written)})
            await self._restore()
            stored = await self._patiently(lambda: self._store.add(receipt))
        if stored is not Stored.KNOWN:
            self._desk.metrics.receipt(receipt.purpose.value)
        self._previous = receipt.client_order_index
        self._written.append(receipt)

    async def _restore(self) -> None:
        """Writes again what a Redis lost that was rolled back or came back empty, oldest first."""
        before = self._newest
        known = [*(() if before is None else (before,)), *self._written]
        if not known:
            return
        since_ms = min(receipt.executed_ms for receipt in known)
        there = await self._patiently(lambda: self._store.orders(since_ms=since_ms))
        missing = [each for each in known if each.client_order_index not in there]
        if before is not None and before.client_order_index not in there:
            missing = [*await self._made_again(before), *missing]
        for receipt in missing:
            await self._patiently(partial(self._store.add, receipt))

    async def _made_again(self, before: Receipt) -> list[Receipt]:
        """Receipts older than this term's, as far as one answer of the venue reaches."""
        market_id = self._desk.market.market_id
        venue = self._desk.venue
        trades = await self._patiently(lambda: venue.read_recent_own_trades(market_id))
        book = ReceiptBook(self._issuer)
        for trade in (*self._fills_told, *without_cut_order(trades)):
            book.note(trade, now_ms=self._desk.clock.wall_ms())
        book.begin(epoch=before.epoch, now_ms=self._desk.clock.wall_ms(), after_id=0)
        made = book.due(is_open=lambda _: False, wall_ms=self._wall_ms)
        return [each for each in made if each.last_trade_id < before.last_trade_id]

    def _wall_ms(self, boot_s: float) -> int:
        clock = self._desk.clock
        return clock.wall_ms() - int((clock.boot_s() - boot_s) * 1_000)

    # -- funding -----------------------------------------------------------------------------

    async def _read_fundings(self) -> None:
        while True:
            try:
                await self._fund()
                self._funding_is_known = True
            except VenueRefused as refused:
                logger.warning("funding is not told", extra={"reason": str(refused)})
                self._funding_is_known = False
            except VenueUnavailable:
                await asyncio.sleep(AGAIN_S * 10)
                continue
            await asyncio.sleep(FUNDING_EVERY_S)

    async def _fund(self) -> None:
        until_ms = self._desk.clock.wall_ms() - FUNDING_SETTLES_MS
        since_ms = self.book.books.funding_ms
        found: list[Funding] = []
        for account_index in (self._desk.maker_account, self._own_account):
            found += await self._desk.venue.read_account_fundings(
                account_index, self._desk.market.market_id, since_ms=since_ms
            )
        self.book.books.fund(payment for payment in found if payment.at_ms <= until_ms)
