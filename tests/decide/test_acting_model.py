"""No story makes a hedge and an unwinding live at once; a rule turned off makes some (§14.6)."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from hedgepair_runner.acting import (
    HedgerRight,
    MakerRight,
    Owner,
    Position,
    RightLost,
    Stance,
    Token,
)
from hedgepair_runner.ledger import Chain
from tests.decide.acting_model import HedgerMaker, MakerMaker, World

STEPS = 1_500
STORIES = 400
FOUND_WITHIN = 1_500


def lawful_hedger(epoch: int) -> HedgerRight:
    return HedgerRight(epoch=epoch)


def lawful_maker(epoch: int) -> MakerRight:
    return MakerRight(epoch=epoch)


def story(
    seed: int, *, hedger: HedgerMaker = lawful_hedger, maker: MakerMaker = lawful_maker
) -> World:
    world = World(rng=random.Random(seed), new_hedger=hedger, new_maker=maker)
    for _ in range(STEPS):
        world.step()
    return world


def test_never_a_live_hedge_and_a_live_unwinding_at_once() -> None:
    worlds = [story(seed) for seed in range(STORIES)]
    assert [seed for seed, world in enumerate(worlds) if world.overlaps] == []
    assert sum(world.unwound for world in worlds) > STORIES  # the stories are about something


# -- each rule, turned off ------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ActsUnacknowledged(HedgerRight):
    def may_act(self, maker: Chain) -> bool:
        return self.stance is Stance.UNACKNOWLEDGED or HedgerRight.may_act(self, maker)


@dataclass(slots=True, kw_only=True)
class ActsUntilTheLendingIsSeen(HedgerRight):
    def may_act(self, maker: Chain) -> bool:
        return self.stance is Stance.LENDING or HedgerRight.may_act(self, maker)


@dataclass(slots=True, kw_only=True)
class BelievesARollback(HedgerRight):
    def hear(self, stored: Token | None) -> Token | None:
        try:
            return HedgerRight.hear(self, stored)
        except RightLost:
            if stored is not None and stored.owner is Owner.HEDGER:
                self.known, self.stance = stored, Stance.ACTING
            return None


@dataclass(slots=True, kw_only=True)
class TakesWhatWasLentToAPredecessor(MakerRight):
    def hear(
        self, stored: Token | None, *, is_clear: bool, is_done: bool, position: Position | None
    ) -> Token | None:
        if stored is not None and stored.owner is Owner.MAKER and stored.maker_epoch < self.epoch:
            self.lent = stored
            return None
        return MakerRight.hear(self, stored, is_clear=is_clear, is_done=is_done, position=position)


@dataclass(slots=True, kw_only=True)
class TakesUpWhatItHandedBack(MakerRight):
    def hear(
        self, stored: Token | None, *, is_clear: bool, is_done: bool, position: Position | None
    ) -> Token | None:
        if stored is not None and stored.owner is Owner.MAKER and stored.maker_epoch == self.epoch:
            self._answered = (stored.hedger_epoch, stored.sequence - 1)
        return MakerRight.hear(self, stored, is_clear=is_clear, is_done=is_done, position=position)


@dataclass(slots=True, kw_only=True)
class AnswersWithAnUnwindingOpen(MakerRight):
    def hear(
        self, stored: Token | None, *, is_clear: bool, is_done: bool, position: Position | None
    ) -> Token | None:
        return MakerRight.hear(self, stored, is_clear=True, is_done=is_done, position=position)


@dataclass(slots=True, kw_only=True)
class TakesItFromADeadHedger(MakerRight):
    def hear(
        self, stored: Token | None, *, is_clear: bool, is_done: bool, position: Position | None
    ) -> Token | None:
        answer = MakerRight.hear(
            self, stored, is_clear=is_clear, is_done=is_done, position=position
        )
        if stored is not None and stored.owner is Owner.HEDGER and answer is None:
            self.lent = replace(stored, owner=Owner.MAKER)
        return answer


@pytest.mark.parametrize(
    "hedger",
    [
        ActsUnacknowledged,
        ActsUntilTheLendingIsSeen,
        BelievesARollback,
    ],
)
def test_a_hedger_without_the_rule_is_found_out(hedger: type[HedgerRight]) -> None:
    assert any(
        story(seed, hedger=lambda epoch: hedger(epoch=epoch)).overlaps
        for seed in range(FOUND_WITHIN)
    )


@pytest.mark.parametrize(
    "maker",
    [
        TakesWhatWasLentToAPredecessor,
        TakesUpWhatItHandedBack,
        AnswersWithAnUnwindingOpen,
        TakesItFromADeadHedger,
    ],
)
def test_a_maker_without_the_rule_is_found_out(maker: type[MakerRight]) -> None:
    assert any(
        story(seed, maker=lambda epoch: maker(epoch=epoch)).overlaps for seed in range(FOUND_WITHIN)
    )
