"""The live orders of all markets, found by order index, by account and by client index."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from hedgepair_runner.venues.paper.records import Order, OrderStatus

_COMPACT_FROM = 1_024


class LiveOrders:
    """An order is here while it rests in a book or waits for its trigger, and at no other time.

    A client index belongs to one of them (protocol §1.2).
    """

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._of_account: dict[int, dict[int, None]] = {}
        self._of_client: dict[tuple[int, int], int] = {}
        self._counts: dict[tuple[int, int], int] = {}
        self._pending: dict[int, dict[int, None]] = {}
        self._pending_counts: dict[tuple[int, int], int] = {}
        self._pending_of_account: dict[int, int] = {}
        self._expiries: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._orders)

    def get(self, order_index: int) -> Order | None:
        return self._orders.get(order_index)

    def find(self, account_index: int, index: int) -> Order | None:
        """By order index (≥ 2^48, of any account) or by the account's client index (§5.4)."""
        if index >= 1 << 48:
            return self._orders.get(index)
        order_index = self._of_client.get((account_index, index))
        return self._orders[order_index] if order_index is not None else None

    def has_client_index(self, account_index: int, client_order_index: int) -> bool:
        return (account_index, client_order_index) in self._of_client

    def count(self, account_index: int, market_id: int | None = None) -> int:
        """Orders in the books; those that wait for their trigger are counted apart."""
        if market_id is None:
            every = len(self._of_account.get(account_index, ()))
            return every - self._pending_of_account.get(account_index, 0)
        return self._counts.get((account_index, market_id), 0)

    def pending_count(self, account_index: int, market_id: int | None = None) -> int:
        if market_id is None:
            return self._pending_of_account.get(account_index, 0)
        return self._pending_counts.get((account_index, market_id), 0)

    def pending_of(self, market_id: int) -> Iterator[Order]:
        """Of all accounts, oldest first. Take a list before changing anything."""
        orders = self._orders
        return (orders[index] for index in self._pending.get(market_id, ()))

    def of_account(self, account_index: int) -> Iterator[Order]:
        """In the order in which they came to rest first. Take a list before changing anything."""
        orders = self._orders
        return (orders[index] for index in self._of_account.get(account_index, ()))

    def add(self, order: Order) -> None:
        if order.order_index in self._orders:
            raise AssertionError("an order goes live once")
        self._orders[order.order_index] = order
        self._of_account.setdefault(order.account_index, {})[order.order_index] = None
        if order.client_order_index:
            client = (order.account_index, order.client_order_index)
            if client in self._of_client:
                raise AssertionError("a client index belongs to one live order")
            self._of_client[client] = order.order_index
        self._count(order, 1)
        if order.expiry_ms:
            self._watch_expiry(order)

    def _count(self, order: Order, step: int) -> None:
        key = (order.account_index, order.market_id)
        if order.status is not OrderStatus.PENDING:
            self._counts[key] = self._counts.get(key, 0) + step
            return
        self._pending_counts[key] = self._pending_counts.get(key, 0) + step
        total = self._pending_of_account.get(order.account_index, 0) + step
        self._pending_of_account[order.account_index] = total
        waiting = self._pending.setdefault(order.market_id, {})
        if step > 0:
            waiting[order.order_index] = None
        else:
            del waiting[order.order_index]

    def update(self, order: Order) -> None:
        """The same order with other numbers; indexes, account and market are the same."""
        self._orders[order.order_index] = order

    def remove(self, order: Order) -> None:
        del self._orders[order.order_index]
        del self._of_account[order.account_index][order.order_index]
        if order.client_order_index:
            del self._of_client[order.account_index, order.client_order_index]
        self._count(order, -1)

    # -- expiry --

    def next_expiry_ms(self) -> int | None:
        """The earliest expiry of a live order."""
        while self._expiries:
            expiry_ms, order_index = self._expiries[0]
            if order_index in self._orders:
                return expiry_ms
            heapq.heappop(self._expiries)
        return None

    def pop_expired(self, now_us: int) -> Order | None:
        """An order whose expiry has passed, earliest first. The caller removes it from the book."""
        expiry_ms = self.next_expiry_ms()
        if expiry_ms is None or expiry_ms * 1_000 > now_us:
            return None
        _, order_index = heapq.heappop(self._expiries)
        return self._orders[order_index]

    def _watch_expiry(self, order: Order) -> None:
        # An order that is modified leaves and comes back under its index: two entries, one expiry.
        # Dead entries would stay for the 28 days of a usual expiry, hence the sweep.
        if len(self._expiries) > _COMPACT_FROM + 2 * len(self._orders):
            alive = {entry for entry in self._expiries if entry[1] in self._orders}
            self._expiries = sorted(alive)
        heapq.heappush(self._expiries, (order.expiry_ms, order.order_index))
