"""What happens by time alone: orders expire, dead man's switches fire (protocol §7.6, §7.9)."""

from __future__ import annotations

import heapq

from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.records import OrderStatus


def cancel_all(engine: Engine, account_index: int, market_id: int | None = None) -> int:
    """Cancel every resting order of the account, or those in one market; how many there were."""
    orders = [
        order
        for order in engine.live.of_account(account_index)
        if market_id is None or order.market_id == market_id
    ]
    for order in orders:
        engine.close_resting(order, OrderStatus.CANCELED)
    return len(orders)


class Switches:
    """The armed dead man's switches, earliest first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._heap: list[tuple[int, int]] = []

    def arm(self, account: Account, time_ms: int) -> None:
        account.cancel_all_time_ms = time_ms
        heapq.heappush(self._heap, (time_ms, account.account_index))
        self._engine.account_changed(account)

    def disarm(self, account: Account) -> None:
        if account.cancel_all_time_ms:
            account.cancel_all_time_ms = 0
            self._engine.account_changed(account)

    def next_due_us(self) -> int | None:
        while self._heap:
            time_ms, account_index = self._heap[0]
            account = self._engine.accounts.known(account_index)
            if account is not None and account.cancel_all_time_ms == time_ms:
                return time_ms * 1_000
            heapq.heappop(self._heap)
        return None

    def fire(self) -> None:
        """The earliest one cancels everything of its account and is spent."""
        if self.next_due_us() is None:
            raise AssertionError("no switch is armed")
        _, account_index = heapq.heappop(self._heap)
        cancel_all(self._engine, account_index)
        self.disarm(self._engine.accounts.use(account_index, self._engine.now_us))


def expire_next(engine: Engine) -> None:
    """The earliest order whose time has passed leaves its book."""
    order = engine.live.pop_expired(engine.now_us)
    if order is None:
        raise AssertionError("no order has expired")
    engine.close_resting(order, OrderStatus.CANCELED_EXPIRED)
