"""Receipts as Redis keeps them, in this process: for virtual time only."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.bus import FillTold
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.receipts import Receipt, read_receipt, write_receipt
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.receipt_store import Stored
from tests.flow.memory_bus import MemoryStore


class MemoryReceipts:
    """As bytes: what is read was written."""

    def __init__(self, store: MemoryStore, *, pair: PairId) -> None:
        self._store = store
        self._pair = pair

    async def add(self, receipt: Receipt, *, previous: int = 0) -> Stored:
        return await self._store.asked(lambda: self._add(receipt, previous))

    async def newest(self, role: Role) -> Receipt | None:
        receipts = await self._store.asked(self._all)
        own = [receipt for receipt in receipts if receipt.role == role.label]
        return max(own, key=lambda receipt: receipt.last_trade_id, default=None)

    async def read(self, *, since_ms: int, until_ms: int) -> Sequence[Receipt]:
        receipts = await self._store.asked(self._all)
        within = [each for each in receipts if since_ms <= each.executed_ms < until_ms]
        return sorted(within, key=lambda each: (each.executed_ms, each.last_trade_id))

    async def orders(self, *, since_ms: int) -> frozenset[int]:
        receipts = await self._store.asked(self._all)
        return frozenset(r.client_order_index for r in receipts if r.executed_ms >= since_ms)

    async def told_fills(self) -> Sequence[AccountTrade]:
        return await self._store.asked(self._fills)

    def _add(self, receipt: Receipt, previous: int) -> Stored:
        kept = self._store.records[self._pair].receipts
        if receipt.client_order_index in kept:
            return Stored.KNOWN
        of_role = [each for each in self._all() if each.role == receipt.role]
        newest = of_role[-1].client_order_index if of_role else None
        if previous and newest != previous:
            return Stored.LOST
        kept[receipt.client_order_index] = write_receipt(receipt)
        return Stored.NEW

    def _all(self) -> list[Receipt]:
        return [read_receipt(text) for text in self._store.records[self._pair].receipts.values()]

    def _fills(self) -> list[AccountTrade]:
        stream = self._store.records[self._pair].stream
        return [event.trade for _, event in stream if isinstance(event, FillTold)]
