"""Two processes, a record that anything may happen to, and a venue that fences: for any story.

An order is live from its signature until it is closed or a fence kills it. Whoever crashes leaves
its orders live. What the model counts: hedges and unwindings that are live at once (§14.6).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hedgepair_runner.acting import (
    Errand,
    HedgerRight,
    MakerRight,
    Position,
    RightLost,
    Stance,
    Token,
)
from hedgepair_runner.ledger import Chain

ERRAND = Errand(gap_lots=1, hedger_account=102, hedger_lots=0, accepted_net_lots=0)
HedgerMaker = Callable[[int], HedgerRight]
MakerMaker = Callable[[int], MakerRight]


def any_ledger() -> Chain:
    chain = Chain(account_index=101, market_id=0)
    chain.anchor(0, 0)
    return chain


@dataclass
class Hedging:
    """One hedger process. `read`: what it read last, to be answered in a later step."""

    right: HedgerRight
    read: tuple[Token | None] | None = None


@dataclass
class Making:
    right: MakerRight
    read: tuple[Token | None] | None = None


@dataclass
class World:
    rng: random.Random
    new_hedger: HedgerMaker = lambda epoch: HedgerRight(epoch=epoch)
    new_maker: MakerMaker = lambda epoch: MakerRight(epoch=epoch)
    stored: Token | None = None
    past: list[Token | None] = field(default_factory=list)
    late: list[tuple[Token, Token | None]] = field(default_factory=list)
    """Writes that were sent, and may land yet or never."""
    hedger: Hedging | None = None
    maker: Making | None = None
    hedger_epoch: int = 0
    maker_epoch: int = 0
    old_hedgers: list[Hedging] = field(default_factory=list)
    old_makers: list[Making] = field(default_factory=list)
    """Processes that were succeeded and do not know it: fenced at the venue, not in Redis."""
    hedges: set[int] = field(default_factory=set)
    """Epochs that have a live hedge."""
    unwindings: set[int] = field(default_factory=set)
    overlaps: int = 0
    unwound: int = 0

    def step(self) -> None:
        self.rng.choice(STEPS)(self)
        self.overlaps += bool(self.hedges and self.unwindings)

    # -- the hedger --

    def start_hedger(self) -> None:
        """A fence: of earlier epochs nothing can execute any more."""
        if self.hedger is not None and self.rng.random() < 0.5:
            self.old_hedgers = [self.hedger]
        self.hedger_epoch += 1
        self.hedges = {epoch for epoch in self.hedges if epoch >= self.hedger_epoch}
        self.hedger = Hedging(self.new_hedger(self.hedger_epoch))

    def crash_hedger(self) -> None:
        if self.rng.random() < 0.3:
            self.hedger = None

    def hedger_reads(self) -> None:
        if self.hedger is not None:
            self.hedger.read = (self.stored,)

    def hedger_hears(self) -> None:
        if self.hedger is not None and not self._hears(self.hedger):
            self.hedger = None

    def _hears(self, hedger: Hedging) -> bool:
        if hedger.read is None:
            return True
        (read,), hedger.read = hedger.read, None
        try:
            wanted = hedger.right.hear(read)
        except RightLost:
            return False
        if wanted is not None:
            self.write(wanted, read)
        return True

    def old_hedger_wakes(self) -> None:
        for old in self.old_hedgers:
            if self.rng.random() < 0.5:
                old.read = (self.stored,)
            if old.right.may_lend and old.right.may_act(any_ledger()):
                old.right.lend(Position(trade_id=0, lots=0), ERRAND)
            if not self._hears(old):
                self.old_hedgers = []

    def hedge(self) -> None:
        if self.hedger is not None and self.hedger.right.may_act(any_ledger()):
            self.hedges.add(self.hedger_epoch)

    def close_hedge(self) -> None:
        self.hedges.discard(self.hedger_epoch)

    def lend(self) -> None:
        hedger = self.hedger
        if hedger is None or self.hedger_epoch in self.hedges or not hedger.right.may_lend:
            return
        if hedger.right.known is not None:
            hedger.right.lend(Position(trade_id=0, lots=0), ERRAND)

    def asks_the_venue(self) -> None:
        """Which maker has fenced A last."""
        if self.hedger is not None and self.hedger.right.wants_makers_epoch:
            self.hedger.right.is_told_makers_epoch(self.maker_epoch)

    def prove(self) -> None:
        if self.hedger is not None and self.hedger.right.stance is Stance.RETURNED:
            self.hedger.right.is_proved()

    # -- the maker --

    def start_maker(self) -> None:
        if self.maker is not None and self.rng.random() < 0.5:
            self.old_makers = [self.maker]
        self.maker_epoch += 1
        self.unwindings = {epoch for epoch in self.unwindings if epoch >= self.maker_epoch}
        self.maker = Making(self.new_maker(self.maker_epoch))

    def crash_maker(self) -> None:
        if self.rng.random() < 0.3:
            self.maker = None

    def retire_maker(self) -> None:
        """It stops in order; its last word may come late, or never."""
        maker = self.maker
        if maker is None or self.maker_epoch in self.unwindings or self.rng.random() < 0.3:
            return
        read = self.stored
        wanted = maker.right.retire(read, Position(trade_id=0, lots=0))
        if wanted is not None:
            self.write(wanted, read)
        self.maker = None

    def maker_reads(self) -> None:
        if self.maker is not None:
            self.maker.read = (self.stored,)

    def maker_hears(self) -> None:
        if self.maker is not None:
            self._answers(self.maker, is_clear=self.maker_epoch not in self.unwindings)

    def old_maker_wakes(self) -> None:
        for old in self.old_makers:
            if self.rng.random() < 0.5:
                old.read = (self.stored,)
            self._answers(old, is_clear=True)

    def _answers(self, maker: Making, *, is_clear: bool) -> None:
        if maker.read is None:
            return
        (read,), maker.read = maker.read, None
        wanted = maker.right.hear(
            read,
            is_clear=is_clear,
            is_done=self.rng.random() < 0.5,
            position=Position(trade_id=0, lots=0),
        )
        if wanted is not None:
            self.write(wanted, read)

    def unwind(self) -> None:
        if self.maker is not None and self.maker.right.lent is not None:
            self.unwindings.add(self.maker_epoch)
            self.unwound += 1

    def close_unwinding(self) -> None:
        self.unwindings.discard(self.maker_epoch)

    # -- Redis --

    def write(self, token: Token, instead_of: Token | None) -> None:
        chance = self.rng.random()
        if chance < 0.2:
            return  # lost
        if chance < 0.4:
            self.late.append((token, instead_of))
            return
        self.land(token, instead_of)

    def land(self, token: Token, instead_of: Token | None) -> None:
        stored = None if self.stored is None else self.stored.version
        if stored == (None if instead_of is None else instead_of.version):
            self.past.append(self.stored)
            self.stored = token

    def land_late(self) -> None:
        if self.late:
            self.land(*self.late.pop(self.rng.randrange(len(self.late))))

    def roll_back(self) -> None:
        """Some writes are undone. What was written since lives on in memories only."""
        if self.past and self.rng.random() < 0.3:
            back = self.rng.randrange(1, min(4, len(self.past)) + 1)
            self.stored = self.past[-back]
            del self.past[-back:]

    def lose(self) -> None:
        if self.rng.random() < 0.2:
            self.past.append(self.stored)
            self.stored = None


OFTEN = (
    World.hedger_reads,
    World.hedger_hears,
    World.hedge,
    World.close_hedge,
    World.lend,
    World.prove,
    World.asks_the_venue,
    World.maker_reads,
    World.maker_hears,
    World.unwind,
    World.close_unwinding,
)
SELDOM = (
    World.start_hedger,
    World.crash_hedger,
    World.start_maker,
    World.crash_maker,
    World.retire_maker,
    World.old_hedger_wakes,
    World.old_maker_wakes,
    World.land_late,
    World.roll_back,
    World.roll_back,
    World.lose,
)
STEPS = OFTEN * 25 + SELDOM
