"""A pair's trades in the order of the tape: whose each was, and the net before and after it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from hedgepair_runner.audit_facts import ORDINARY, AuditFacts, LegFacts, Party, TapeTrade
from hedgepair_runner.audit_verdicts import AuditQuestion
from hedgepair_runner.contract.identity import ClientIndex, Role, read_client_order_index


class Deed(Enum):
    """What a leg's side of a trade was."""

    QUOTE = auto()
    UNWIND = auto()
    HEDGE = auto()
    FOREIGN = auto()
    FORCED = auto()

    @property
    def is_outside(self) -> bool:
        return self in (Deed.FOREIGN, Deed.FORCED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A trade of the pair: its nets before and after, and what it was to each leg that it moved."""

    trade: TapeTrade
    before_lots: int
    after_lots: int
    maker: Deed | None = None
    hedger: Deed | None = None

    @property
    def lots(self) -> int:
        return self.after_lots - self.before_lots

    @property
    def is_between_legs(self) -> bool:
        return self.maker is not None and self.hedger is not None

    @property
    def deeds(self) -> tuple[Deed, ...]:
        return tuple(deed for deed in (self.maker, self.hedger) if deed is not None)


class Tape:
    """All moves until the look; nets are counted from the accepted one."""

    def __init__(self, facts: AuditFacts, question: AuditQuestion) -> None:
        self._question = question
        self.opening_lots = -question.accepted_net_lots
        for leg in facts.legs:
            self.opening_lots += opening_lots(leg, facts.trades)
        self.moves = tuple(self._moves(facts))
        self._times = [move.trade.at_us for move in self.moves]

    def _moves(self, facts: AuditFacts) -> Iterator[Move]:
        net = self.opening_lots
        for trade in facts.trades:
            lots = sum(trade.lots_for(leg.account_index) for leg in facts.legs)
            yield Move(
                trade=trade,
                before_lots=net,
                after_lots=net + lots,
                maker=self._deed(trade, facts.maker, Role.MAKER),
                hedger=self._deed(trade, facts.hedger, Role.HEDGER),
            )
            net += lots

    def _deed(self, trade: TapeTrade, leg: LegFacts | None, role: Role) -> Deed | None:
        party = None if leg is None else trade.party(leg.account_index)
        if party is None:
            return None
        if trade.kind != ORDINARY:
            return Deed.FORCED
        parts = self.own_index(party.client_order_index, role)
        if parts is None:
            return Deed.FOREIGN
        if role is Role.HEDGER:
            return Deed.HEDGE
        return Deed.UNWIND if parts.unwinds else Deed.QUOTE

    def own_index(self, client_order_index: int, role: Role) -> ClientIndex | None:
        """The index, taken apart, if it is of an order that this pair made in this role."""
        parts = read_client_order_index(client_order_index)
        if parts is None or parts.role is not role:
            return None
        pair = self._question.pair
        return parts if pair is None or parts.pair_hash == pair.hash12 else None

    def until(self, to_us: int) -> Sequence[Move]:
        return self.moves[: bisect_right(self._times, to_us)]

    def net_after(self, count: int) -> int:
        """After so many moves."""
        return self.moves[count - 1].after_lots if count else self.opening_lots

    def counts_before(self, at_us: int, *, blur_us: int, own_first_id: int | None) -> range:
        """How many moves may have been before something at `at_us`, which is vague by `blur_us`.

        What the thing itself traded came after it.
        """
        earliest = bisect_left(self._times, at_us) if blur_us else bisect_right(self._times, at_us)
        latest = bisect_right(self._times, at_us + blur_us)
        if own_first_id is not None:
            first = bisect_left(self.moves, own_first_id, key=lambda move: move.trade.trade_id)
            latest = min(latest, first)
            earliest = min(earliest, first)
        return range(earliest, latest + 1)

    def between(self, from_us: int, to_us: int) -> Sequence[Move]:
        return self.moves[bisect_left(self._times, from_us) : bisect_right(self._times, to_us)]


def opening_lots(leg: LegFacts, trades: Sequence[TapeTrade]) -> int:
    """The leg's position before the first of the trades, as that trade tells it; a leg that did
    not trade held then what it holds now."""
    for trade in trades:
        party = trade.party(leg.account_index)
        if party is not None:
            if party.before_lots is not None:
                return party.before_lots
            break
    return leg.position_lots - sum(trade.lots_for(leg.account_index) for trade in trades)


def first_trade_ids(trades: Sequence[TapeTrade]) -> dict[int, int]:
    """By order index, the first trade that the order made."""
    found: dict[int, int] = {}
    for trade in trades:
        for party in (trade.bid, trade.ask):
            found.setdefault(party.order_index, trade.trade_id)
    return found


def breaks(leg: LegFacts, trades: Sequence[TapeTrade]) -> Iterator[tuple[TapeTrade, int, Party]]:
    """Trades whose position before is not what the trades until then come to, with that sum."""
    position = opening_lots(leg, trades)
    for trade in trades:
        party = trade.party(leg.account_index)
        if party is None:
            continue
        if party.before_lots is not None and party.before_lots != position:
            yield trade, position, party
            position = party.before_lots
        position += trade.lots_for(leg.account_index)
