"""Accepted transactions wait here for their time: first in, first out per API key (protocol §7.12).

The queue also answers what the API must know of transactions that have not executed: the next
nonce of a key, and the client indexes and orders on their way.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

from hedgepair_runner.venues.paper.records import TimeInForce, TxRecord
from hedgepair_runner.venues.paper.transaction_shapes import CreateOrder, Transaction

FIRST_NONCE = 1
"""Nonce 0 went to the registration of the key."""
Place = TypeVar("Place")
SKIP_NONCE_LIMIT = (1 << 47) - 1
"""Skipping reaches up to here, exclusively (protocol §7.10)."""


def nonce_is_next(tx: Transaction, next_nonce: int) -> bool:
    """The next one, or with skip-nonce any later one (protocol §7.10)."""
    if tx.attributes.skip_nonce:
        return next_nonce <= tx.nonce < SKIP_NONCE_LIMIT
    return tx.nonce == next_nonce


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Queued:
    """In the order of release: by time, then by arrival."""

    due_us: int
    arrival: int
    tx: Transaction = field(compare=False)
    record: TxRecord = field(compare=False)


@dataclass(slots=True)
class _Key:
    next_nonce: int = FIRST_NONCE
    """After the transactions that the engine has included."""
    waiting: deque[Queued] = field(default_factory=deque)
    skipped_from: int = 0
    skipped_until: int = 0
    """Nonces that the last skip passed over, the end excluded; their reuse is a switch."""


class DelayQueue:
    def __init__(self) -> None:
        self._keys: dict[tuple[int, int], _Key] = {}
        self._heap: list[Queued] = []
        self._client_indexes: set[tuple[int, int]] = set()
        self._creates: dict[tuple[int, int], int] = {}
        self._creates_of_account: dict[int, int] = {}
        self._pending: dict[tuple[int, int], int] = {}
        self._pending_of_account: dict[int, int] = {}
        self._arrivals = 0

    # -- what the API asks --

    def next_nonce(self, account_index: int, api_key_index: int) -> int:
        """One past the last accepted transaction, executed or not (protocol §3.7)."""
        key = self._keys.get((account_index, api_key_index))
        if key is None:
            return FIRST_NONCE
        return key.waiting[-1].tx.nonce + 1 if key.waiting else key.next_nonce

    def waiting_count(self, account_index: int, api_key_index: int) -> int:
        key = self._keys.get((account_index, api_key_index))
        return len(key.waiting) if key is not None else 0

    def keys_of(self, account_index: int) -> list[int]:
        """Key indexes that ever sent something."""
        return sorted(key for account, key in self._keys if account == account_index)

    def has_client_index(self, account_index: int, client_order_index: int) -> bool:
        """Is a create with this client index on its way?"""
        return (account_index, client_order_index) in self._client_indexes

    def resting_creates(self, account_index: int, market_id: int | None = None) -> int:
        """Creates on their way that may come to rest."""
        if market_id is None:
            return self._creates_of_account.get(account_index, 0)
        return self._creates.get((account_index, market_id), 0)

    def pending_creates(self, account_index: int, market_id: int | None = None) -> int:
        """Creates on their way that will wait for their trigger."""
        if market_id is None:
            return self._pending_of_account.get(account_index, 0)
        return self._pending.get((account_index, market_id), 0)

    def was_skipped(self, tx: Transaction) -> bool:
        """Whether its nonce was passed over by a skip and has not been used since."""
        key = self._keys.get((tx.account_index, tx.api_key_index))
        return key is not None and key.skipped_from <= tx.nonce < key.skipped_until

    # -- in and out --

    def due_us(self, tx: Transaction, now_us: int, delay_us: int) -> int:
        """Not before its forerunners of the same key."""
        key = self._keys.get((tx.account_index, tx.api_key_index))
        due_us = now_us + delay_us
        return max(due_us, key.waiting[-1].due_us) if key and key.waiting else due_us

    def put(self, tx: Transaction, record: TxRecord, due_us: int) -> Queued:
        self._arrivals += 1
        queued = Queued(due_us=due_us, arrival=self._arrivals, tx=tx, record=record)
        self._keys.setdefault((tx.account_index, tx.api_key_index), _Key()).waiting.append(queued)
        heapq.heappush(self._heap, queued)
        self._reserve(tx, 1)
        return queued

    def withdraw(self, queued: Queued) -> None:
        """Take back the last accepted transaction of a key: its batch was refused."""
        waiting = self._key_of(queued).waiting
        if waiting[-1] is not queued:
            raise AssertionError("a batch is withdrawn from its end")
        waiting.pop()
        # At once, so that no look at the queue changes it: looks are not in the journal.
        self._heap.remove(queued)
        heapq.heapify(self._heap)
        self._reserve(queued.tx, -1)

    def next_due_us(self) -> int | None:
        return self._heap[0].due_us if self._heap else None

    def pop(self) -> Queued:
        """The next one due; from now on it is the engine's."""
        if self.next_due_us() is None:
            raise AssertionError("nothing waits")
        queued = heapq.heappop(self._heap)
        if self._key_of(queued).waiting.popleft() is not queued:
            raise AssertionError("a key's transactions leave in the order of their arrival")
        self._reserve(queued.tx, -1)
        return queued

    # -- the engine's nonces --

    def nonce_holds(self, tx: Transaction) -> bool:
        """The engine's own check, against the transactions it has included."""
        return nonce_is_next(tx, self._key_of_tx(tx).next_nonce)

    def include(self, tx: Transaction) -> None:
        key = self._key_of_tx(tx)
        if tx.nonce < key.next_nonce:  # a skipped one, by a switch
            key.skipped_from = tx.nonce + 1
            return
        if tx.nonce > key.next_nonce:
            key.skipped_from, key.skipped_until = key.next_nonce, tx.nonce
        key.next_nonce = tx.nonce + 1

    def use_up(self, tx: Transaction) -> None:
        """A refusal took the nonce, by a switch: nothing is queued for it."""
        key = self._keys.setdefault((tx.account_index, tx.api_key_index), _Key())
        if not key.waiting and tx.nonce == key.next_nonce:
            key.next_nonce += 1

    def _key_of(self, queued: Queued) -> _Key:
        return self._key_of_tx(queued.tx)

    def _key_of_tx(self, tx: Transaction) -> _Key:
        return self._keys[tx.account_index, tx.api_key_index]

    def _reserve(self, tx: Transaction, step: int) -> None:
        """A queued create holds its client index and, if it may rest, a place for its order."""
        if not isinstance(tx, CreateOrder):
            return
        if tx.client_order_index:
            client = (tx.account_index, tx.client_order_index)
            if step > 0:
                self._client_indexes.add(client)
            else:
                self._client_indexes.discard(client)
        place = (tx.account_index, tx.market_id)
        if tx.order_type.is_trigger:
            _add(self._pending, place, step)
            _add(self._pending_of_account, tx.account_index, step)
        elif tx.time_in_force is not TimeInForce.IOC:
            _add(self._creates, place, step)
            _add(self._creates_of_account, tx.account_index, step)


def _add(counts: dict[Place, int], key: Place, step: int) -> None:
    counts[key] = counts.get(key, 0) + step
