"""The right to act: each rule by itself (design §6). `test_acting_model` tries them together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.acting import (
    Errand,
    HedgerRight,
    MakerRight,
    Owner,
    Position,
    RightLost,
    Stance,
    Token,
    position_of,
)
from hedgepair_runner.ledger import Chain
from tests.decide.facts import MARKET, trade

ERRAND = Errand(gap_lots=5, hedger_account=102, hedger_lots=0, accepted_net_lots=0)
AT_FIVE = Position(trade_id=100, lots=5)
FLAT = Position(trade_id=101, lots=0)
CLAIM = Token(hedger_epoch=7, sequence=1, owner=Owner.HEDGER)
ACK = replace(CLAIM, sequence=2, maker_epoch=3, is_acknowledged=True, position=AT_FIVE)
LENT = replace(ACK, sequence=3, owner=Owner.MAKER, errand=ERRAND)
BACK = replace(ACK, sequence=4, position=FLAT)


def ledger(*, upto: int = 100) -> Chain:
    chain = Chain(account_index=101, market_id=MARKET.market_id)
    chain.anchor(90, 0)
    for known in (trade(100, 5, 0), trade(101, -5, 5)):
        if known.trade_id <= upto:
            chain.add(known)
    return chain


def acting() -> HedgerRight:
    right = HedgerRight(epoch=7)
    assert right.hear(None) == CLAIM
    assert right.hear(ACK) is None
    assert right.may_act(ledger())
    return right


def lent() -> HedgerRight:
    right = acting()
    right.lend(AT_FIVE, ERRAND)
    assert right.hear(ACK) == LENT
    assert right.hear(LENT) is None
    return right


def maker(*, epoch: int = 3) -> MakerRight:
    right = MakerRight(epoch=epoch)
    assert answer(right, CLAIM) == replace(ACK, maker_epoch=epoch)
    return right


def answer(
    right: MakerRight,
    stored: Token | None,
    *,
    is_clear: bool = True,
    is_done: bool = False,
    position: Position | None = AT_FIVE,
) -> Token | None:
    return right.hear(stored, is_clear=is_clear, is_done=is_done, position=position)


# -- the hedger -------------------------------------------------------------------------------


def test_a_new_hedger_does_not_act_before_its_epoch_is_acknowledged() -> None:
    right = HedgerRight(epoch=7)
    for stored in (None, CLAIM, replace(ACK, hedger_epoch=6), CLAIM):
        right.hear(stored)
        assert not right.may_act(ledger())


def test_a_claim_replaces_whatever_is_on_record_and_keeps_the_newest_maker() -> None:
    for stored in (replace(LENT, hedger_epoch=6), replace(ACK, hedger_epoch=9)):
        claim = replace(CLAIM, maker_epoch=3, position=AT_FIVE)
        assert HedgerRight(epoch=7).hear(stored) == claim


def test_a_hedger_without_a_partner_acts_at_once_and_never_lends() -> None:
    right = HedgerRight(epoch=7, has_partner=False)
    assert right.may_act(ledger())
    assert right.hear(None) is None
    assert not right.may_lend


def test_where_no_maker_ever_fenced_nobody_is_asked() -> None:
    right = HedgerRight(epoch=7)
    right.hear(None)
    assert not right.wants_makers_epoch
    assert right.hear(CLAIM) is None
    assert right.wants_makers_epoch
    right.is_told_makers_epoch(0)
    alone = right.hear(CLAIM)
    assert alone == replace(CLAIM, sequence=2, is_acknowledged=True)
    assert not right.may_act(ledger())
    right.hear(alone)
    assert right.may_act(ledger())
    assert not right.may_lend  # to nobody
    right.hear(replace(ACK, sequence=3))
    assert right.may_lend


@pytest.mark.parametrize(("epoch_at_venue", "is_alone"), [(3, True), (4, False), (2, False)])
def test_a_maker_that_retired_is_not_waited_for_if_the_venue_knows_of_no_later_one(
    epoch_at_venue: int, is_alone: bool
) -> None:
    right = HedgerRight(epoch=8)
    claim = right.hear(replace(BACK, is_retired=True))
    assert claim == replace(CLAIM, hedger_epoch=8, maker_epoch=3, is_retired=True, position=FLAT)
    right.hear(claim)
    right.is_told_makers_epoch(epoch_at_venue)
    answer = right.hear(claim)
    assert (answer is not None) is is_alone
    if answer is not None:
        right.hear(answer)
        assert not right.may_act(ledger(upto=100))
        assert right.may_act(ledger(upto=101))
        assert not right.may_lend


def test_a_maker_that_crashed_is_waited_for_whatever_the_venue_says() -> None:
    right = HedgerRight(epoch=8)
    right.hear(BACK)
    right.hear(replace(CLAIM, hedger_epoch=8, maker_epoch=3, position=FLAT))
    assert not right.wants_makers_epoch


def test_from_the_decision_to_lend_on_nothing_is_done_whatever_becomes_of_the_write() -> None:
    right = acting()
    right.lend(AT_FIVE, ERRAND)
    assert not right.may_act(ledger())
    assert right.hear(ACK) == LENT  # the write was lost: again
    assert not right.may_act(ledger())
    assert right.hear(LENT) is None
    assert right.stance is Stance.LENT
    assert not right.may_act(ledger())


def test_after_a_hand_back_it_acts_once_its_ledger_holds_the_position_named() -> None:
    right = lent()
    assert right.hear(BACK) is None
    assert not right.may_act(ledger(upto=100))
    assert right.may_act(ledger(upto=101))


def test_a_hand_back_may_be_heard_before_the_lending() -> None:
    right = acting()
    right.lend(AT_FIVE, ERRAND)
    assert right.hear(BACK) is None
    assert right.may_act(ledger(upto=101))


def test_newer_fills_are_no_reason_to_wait_and_missing_ones_are() -> None:
    right = lent()
    right.hear(BACK)
    chain = ledger(upto=101)
    chain.add(trade(102, 3, 0))
    assert right.may_act(chain)

    right = lent()
    right.hear(replace(BACK, position=Position(trade_id=0, lots=-3)))
    assert not right.may_act(ledger(upto=100))  # no trade explains eight lots


def test_what_a_dead_maker_did_is_proved_at_the_venue_before_the_hedger_acts() -> None:
    right = lent()
    right.hear(replace(BACK, maker_epoch=4))
    assert not right.may_act(ledger(upto=101))
    right.is_proved()
    assert right.may_act(ledger(upto=101))


def test_a_successor_that_acknowledges_meanwhile_disturbs_nobody() -> None:
    right = acting()
    assert right.hear(replace(ACK, sequence=3, maker_epoch=4, position=FLAT)) is None
    assert right.may_act(ledger())
    right.lend(AT_FIVE, ERRAND)
    wanted = right.hear(replace(ACK, sequence=3, maker_epoch=4, position=FLAT))
    assert wanted is not None
    assert (wanted.sequence, wanted.maker_epoch) == (4, 4)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(None, id="vanished"),
        pytest.param(CLAIM, id="went backwards"),
        pytest.param(ACK, id="went back to before the lending"),
        pytest.param(replace(LENT, maker_epoch=9), id="another of the same version"),
        pytest.param(replace(CLAIM, hedger_epoch=6, sequence=9), id="of an earlier hedger"),
        pytest.param(replace(CLAIM, hedger_epoch=8), id="claimed by a later one"),
        pytest.param(replace(LENT, sequence=5), id="lent by somebody else"),
    ],
)
def test_a_record_that_contradicts_memory_ends_the_epoch(stored: Token | None) -> None:
    with pytest.raises(RightLost):
        lent().hear(stored)


def test_a_right_that_is_not_held_cannot_be_lent() -> None:
    with pytest.raises(AssertionError):
        HedgerRight(epoch=7).lend(AT_FIVE, ERRAND)


# -- the maker --------------------------------------------------------------------------------


def test_a_maker_acknowledges_only_with_nothing_open_and_its_position_known() -> None:
    right = MakerRight(epoch=3)
    assert answer(right, CLAIM, is_clear=False) is None
    assert answer(right, CLAIM, position=None) is None
    assert answer(right, CLAIM) == ACK
    assert answer(right, ACK) is None


def test_a_maker_acts_on_what_was_lent_to_it_and_hands_back_when_it_is_done() -> None:
    right = maker()
    assert answer(right, LENT) is None
    assert right.lent == LENT
    assert answer(right, LENT, is_clear=False, is_done=True) is None
    assert answer(right, LENT, is_done=True, position=FLAT) == BACK
    assert right.lent is None


def test_what_was_handed_back_is_not_taken_up_again() -> None:
    right = maker()
    answer(right, LENT)
    answer(right, LENT, is_done=True, position=FLAT)
    # Redis rolled back, or the hand-back was lost: it is said again, and nothing is done.
    assert answer(right, LENT, position=FLAT) == BACK
    assert right.lent is None


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(replace(LENT, maker_epoch=2), id="to its predecessor"),
        pytest.param(replace(LENT, hedger_epoch=6), id="by a hedger that was succeeded"),
        pytest.param(replace(LENT, hedger_epoch=8), id="by one that it never acknowledged"),
        pytest.param(ACK, id="not at all"),
        pytest.param(None, id="no record"),
    ],
)
def test_a_maker_acts_on_nothing_else(stored: Token | None) -> None:
    right = maker()
    answer(right, stored, is_clear=False)
    assert right.lent is None


def test_a_claim_of_a_new_hedger_stops_the_unwinding_and_is_answered_when_all_is_closed() -> None:
    right = maker()
    answer(right, LENT)
    claim = replace(CLAIM, hedger_epoch=8)
    assert answer(right, claim, is_clear=False) is None
    assert right.lent is None
    assert answer(right, claim, position=FLAT) == replace(ACK, hedger_epoch=8, position=FLAT)
    answer(right, LENT)
    assert right.lent is None


def test_a_maker_that_was_succeeded_answers_nothing() -> None:
    right = MakerRight(epoch=3)
    assert answer(right, replace(CLAIM, maker_epoch=4)) is None


@pytest.mark.parametrize("stored", [None, CLAIM, ACK, LENT, BACK])
def test_a_maker_that_stops_in_order_says_so_last(stored: Token | None) -> None:
    right = MakerRight(epoch=3)
    word = right.retire(stored, FLAT)
    assert word is not None
    assert (word.is_retired, word.is_acknowledged, word.maker_epoch) == (True, True, 3)
    assert word.owner is Owner.HEDGER
    assert right.retire(word, FLAT) is None


def test_a_successor_takes_over_what_was_lent_to_a_dead_maker_by_acknowledging() -> None:
    right = MakerRight(epoch=4)
    taken = answer(right, LENT, position=FLAT)
    assert taken == replace(BACK, maker_epoch=4)
    assert right.lent is None


def test_a_position_is_named_by_the_newest_trade_that_is_known() -> None:
    chain = Chain(account_index=101, market_id=MARKET.market_id)
    chain.add(trade(80, 5, 0))
    assert position_of(chain) is None
    chain.anchor(90, 5)
    assert position_of(chain) == Position(trade_id=80, lots=5)
    chain.add(trade(100, 1, 9))
    assert position_of(chain) is None
