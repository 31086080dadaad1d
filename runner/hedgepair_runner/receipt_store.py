"""Where receipts are on record, as a port (design §8).

A failed call raises BusUnavailable and says nothing about whether it took effect: adding again is
safe, since an order has one receipt whoever writes it and however often.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.receipts import Receipt
from hedgepair_runner.orders import AccountTrade

KEPT_RECEIPTS = 10_000
"""The newest stay in Redis; a history store keeps more."""


class Stored(Enum):
    NEW = "new"
    KNOWN = "known"
    """The order has its receipt already, and that stays as it is."""
    LOST = "lost"
    """Not written: the receipt that should be the newest of its role is not. Some were lost."""


class ReceiptStore(Protocol):
    """The receipts of one pair."""

    async def add(self, receipt: Receipt, *, previous: int = 0) -> Stored:
        """`previous` is the client order index of the role's receipt before; 0 asks for none.

        With it, nothing is written on top of a loss: whatever happens, the newest receipt of a
        role says up to where all of them are there.
        """
        ...

    async def newest(self, role: Role) -> Receipt | None:
        """Of this role, by its order's last trade."""
        ...

    async def read(self, *, since_ms: int, until_ms: int) -> Sequence[Receipt]:
        """Of orders executed within, oldest first."""
        ...

    async def orders(self, *, since_ms: int) -> frozenset[int]:
        """Client order indexes of all receipts of orders executed since then, and maybe more."""
        ...

    async def told_fills(self) -> Sequence[AccountTrade]:
        """A's newest trades as the maker told them, oldest first."""
        ...
