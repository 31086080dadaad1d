"""The ledger: each account's trades in one market, linked into a chain (design §4.1).

A trade enters once, by its id, from whichever source is first. Each trade carries its account's
position before it, which must equal where the chain stands; a trade that does not link waits, and
while one waits the chain is broken: something is missing, and nothing may be sent (rule †).
Positions come from the chain alone, never from a snapshot plus an event (rule †).
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, deque
from collections.abc import Iterable
from enum import Enum

from hedgepair_runner.orders import AccountTrade

KEPT_TRADES = 4_000
"""Trades kept above the anchor (design §4.1); what is older is a duplicate by the anchor itself.
Ten thousand would cost a hedger 5 MiB more for each chain."""


class Added(Enum):
    LINKED = "linked"
    """New, and the chain reaches it."""
    WAITING = "waiting"
    """New, but a trade before it is missing."""
    DUPLICATE = "duplicate"
    LATE = "late"
    """Unknown, yet older than where the chain stands: the chain is in doubt until proved."""


class Chain:
    """One account's chain in one market. Unanchored, it only collects."""

    def __init__(self, *, account_index: int, market_id: int) -> None:
        self.account_index = account_index
        self.market_id = market_id
        self.is_anchored = False
        self.is_doubted = False
        self.head_id = 0
        self.head_lots = 0
        self.anchor_id = 0
        self.anchored_lots = 0
        """The position after `anchor_id`, when it was anchored."""
        self.last_trade_id = 0
        """Of the newest linked trade; 0 while there is none since the anchor."""
        self._waiting: list[tuple[int, AccountTrade]] = []
        self._kept: deque[AccountTrade] = deque()
        self._known: set[int] = set()
        self._by_order: dict[int, int] = {}
        self._kept_of_order: Counter[int] = Counter()

    def __repr__(self) -> str:
        state = "broken" if self.is_broken else "whole" if self.is_anchored else "unanchored"
        return f"<Chain account={self.account_index} {state} {self.head_lots} @ {self.head_id}>"

    @property
    def position_lots(self) -> int | None:
        """Where the chain stands; None while it is unanchored, broken or in doubt (law 3)."""
        return self.head_lots if self.is_sound else None

    @property
    def is_broken(self) -> bool:
        return self.is_anchored and bool(self._waiting)

    @property
    def is_sound(self) -> bool:
        return self.is_anchored and not self._waiting and not self.is_doubted

    @property
    def newest(self) -> AccountTrade | None:
        """The newest trade that is known, linked or not, before the anchor or after."""
        return self._kept[-1] if self._kept else None

    @property
    def newest_id(self) -> int:
        """Of the newest trade that is known; 0 where none is."""
        return self._kept[-1].trade_id if self._kept else 0

    def add(self, trade: AccountTrade) -> Added:
        if trade.account_index != self.account_index or trade.market_id != self.market_id:
            raise AssertionError("a trade of another account or market does not belong here")
        if trade.trade_id in self._known or self._is_past(trade.trade_id):
            return Added.DUPLICATE
        self._keep(trade)
        if self.is_anchored and trade.trade_id < self.head_id:
            self.is_doubted = True
            return Added.LATE
        insort(self._waiting, (trade.trade_id, trade))
        self._link()
        return Added.LINKED if self.head_id >= trade.trade_id else Added.WAITING

    def anchor(self, trade_id: int, position_lots: int) -> None:
        """One cut: the position after this trade id. Later trades that wait are linked again."""
        self.is_anchored = True
        self.is_doubted = False
        self.anchor_id = self.head_id = trade_id
        self.head_lots = self.anchored_lots = position_lots
        self.last_trade_id = 0
        self._waiting = [
            (trade.trade_id, trade) for trade in self._kept if trade.trade_id > trade_id
        ]
        self._link()

    def traded_lots(self, client_order_index: int) -> int:
        """Signed sum of the trades of one order, by its client order index."""
        return self._by_order.get(client_order_index, 0)

    def since(self, trade_id: int) -> tuple[AccountTrade, ...]:
        """Known trades with a higher id, oldest first, linked or not."""
        return tuple(trade for trade in self._kept if trade.trade_id > trade_id)

    @property
    def newest_ms(self) -> int | None:
        """When the newest kept trade was, by the venue's clock; None while there is none."""
        return self._kept[-1].timestamp_ms if self._kept else None

    def newest_first(self) -> Iterable[AccountTrade]:
        """Kept trades, by id."""
        return reversed(self._kept)

    def _is_past(self, trade_id: int) -> bool:
        """At or before the anchor: its effect is in the anchored position."""
        return self.is_anchored and trade_id <= self.anchor_id

    def _keep(self, trade: AccountTrade) -> None:
        is_late = bool(self._kept) and trade.trade_id < self._kept[-1].trade_id
        self._kept.append(trade)
        if is_late:
            self._kept = deque(sorted(self._kept, key=lambda kept: kept.trade_id))
        self._known.add(trade.trade_id)
        index = trade.client_order_index
        if index:
            self._by_order[index] = self._by_order.get(index, 0) + trade.signed_lots
            self._kept_of_order[index] += 1
        # Only what the chain has passed may go: an anchor ahead of the head would shut out the
        # very trade that a break waits for.
        while len(self._kept) > KEPT_TRADES and self._is_passed(self._kept[0]):
            self._let_go(self._kept.popleft())

    def _is_passed(self, trade: AccountTrade) -> bool:
        return self.is_anchored and trade.trade_id <= self.head_id

    def _let_go(self, oldest: AccountTrade) -> None:
        self._known.discard(oldest.trade_id)
        self.anchor_id = max(self.anchor_id, oldest.trade_id)
        # The sum of an order stays whole until the last of its trades leaves.
        index = oldest.client_order_index
        self._kept_of_order[index] -= 1
        if self._kept_of_order[index] <= 0:
            del self._kept_of_order[index]
            self._by_order.pop(index, None)

    def _link(self) -> None:
        # Only the oldest waiting trade may link: a newer one that happens to fit would skip it.
        linked = 0
        for trade_id, trade in self._waiting if self.is_anchored else ():
            if trade.before_lots != self.head_lots:
                break
            self.head_id, self.head_lots = trade_id, trade.after_lots
            self.last_trade_id = trade_id
            linked += 1
        del self._waiting[:linked]


def newest_price_units(chain: Chain, lots: int) -> tuple[int, int] | None:
    """(quote units, lots) of the newest trades that make up `lots`, or None if they are not known.

    What an open gap was traded at: the newest of A's trades of the gap's own sign, walked back
    until they add up to it (design §4.5: the average of what the intent covers).
    """
    wanted = abs(lots)
    sign = 1 if lots > 0 else -1
    units = found = 0
    for trade in chain.newest_first():
        size = trade.signed_lots * sign
        if size <= 0:
            continue
        taken = min(size, wanted - found)
        units += taken * trade.price_ticks
        found += taken
        if found == wanted:
            return units, found
    return None
