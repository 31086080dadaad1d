"""When a position is proved, and where a chain may be anchored (design §4.1, §4.4).

A proof is two agreeing reads at least a second apart (replicas lag), placed on the trade tape by
the id of the market's newest trade, which was read before both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hedgepair_runner.orders import AccountTrade

READS_APART_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One cut: everything up to this trade id is in this position."""

    trade_id: int
    position_lots: int


def decide_anchor(
    *, tape_id: int, first_lots: int, second_lots: int, later: Sequence[AccountTrade]
) -> Anchor | None:
    """The anchor that both reads prove, or None: read again.

    `later` are the account's known trades with an id above `tape_id`, oldest first. A trade that
    fell between the reads may or may not be in them; only a chain that fits says which.
    """
    if first_lots != second_lots:
        return None
    if not later:
        return Anchor(trade_id=tape_id, position_lots=first_lots)
    if not _is_chain(later):
        return None
    stands = {later[0].before_lots, *(trade.after_lots for trade in later)}
    if first_lots not in stands:
        return None
    return Anchor(trade_id=tape_id, position_lots=later[0].before_lots)


def _is_chain(trades: Sequence[AccountTrade]) -> bool:
    return all(older.after_lots == newer.before_lots for older, newer in pairwise(trades))
