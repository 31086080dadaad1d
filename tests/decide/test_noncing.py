"""Slots: what one nonce may still trade, and what alone settles it (design §4.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.contract.identity import BAND as BAND_SIZE
from hedgepair_runner.noncing import BAND_RESERVE, Band, Line, Phase, Slot, next_epoch
from hedgepair_runner.orders import Accepted, Ambiguous, Refused, SendResult, VerdictState
from tests.decide.facts import BAND, BRIEFLY, alternative, order, sent, verdict

ACCEPTED = Accepted(tx_hash="")
REFUSED = Refused(code=21733, message="accidental price")
BOUNCE = Refused(code=21104, message="invalid nonce")
TOO_MANY = Refused(code=23000, message="Too Many Requests!")
LOST = Ambiguous(reason="timeout")

answers = st.sampled_from([ACCEPTED, REFUSED, BOUNCE, TOO_MANY, LOST])


# -- bands ----------------------------------------------------------------------------------------


@BRIEFLY
@given(remembered=st.integers(0, 10_000), venue_nonce=st.integers(0, 1 << 40))
def test_a_new_epoch_lies_above_all_that_was_signed_before(
    remembered: int, venue_nonce: int
) -> None:
    band = Band(epoch=next_epoch(remembered_epoch=remembered, venue_nonce=venue_nonce))

    assert band.first > venue_nonce
    assert band.first > Band(epoch=remembered).last


def test_bands_touch_and_do_not_overlap() -> None:
    assert Band(epoch=8).first == BAND.last + 1
    assert BAND.last - BAND.first + 1 == BAND_SIZE


def test_a_new_epoch_is_due_4096_nonces_before_the_band_ends() -> None:
    assert not BAND.is_nearly_spent(BAND.last - BAND_RESERVE)
    assert BAND.is_nearly_spent(BAND.last - BAND_RESERVE + 1)


def test_the_fence_has_the_first_nonce_and_orders_follow_it() -> None:
    line = Line(BAND)

    assert [line.open(), line.open()] == [BAND.first + 1, BAND.first + 2]


@pytest.mark.parametrize(
    "nonce",
    [
        pytest.param(BAND.first, id="the fence's own"),
        pytest.param(BAND.first - 1, id="of the epoch before"),
        pytest.param(BAND.last + 1, id="of the epoch after"),
    ],
)
def test_a_nonce_outside_the_band_is_never_carried(nonce: int) -> None:
    with pytest.raises(AssertionError, match="stays in its band"):
        Line(BAND).put(alternative(nonce, 5))


def test_a_band_that_is_used_up_gives_no_nonce() -> None:
    line = Line(BAND)
    line.next_nonce = BAND.last

    assert line.open() == BAND.last
    assert line.is_spent
    with pytest.raises(AssertionError, match="the band ended"):
        line.open()


@BRIEFLY
@given(st.permutations(range(1, 6)), st.sets(st.integers(1, 5)))
def test_the_lowest_open_nonce_comes_first_in_whatever_order_they_were_put(
    order_put: list[int], settled: set[int]
) -> None:
    line = Line(BAND)
    for offset in order_put:
        line.put(alternative(BAND.first + offset, 1))
    for offset in settled:
        line.judged(verdict(alternative(BAND.first + offset, 1)))

    lowest = line.lowest_unsettled

    open_offsets = set(order_put) - settled
    expected = BAND.first + min(open_offsets) if open_offsets else None
    assert (lowest.nonce if lowest is not None else None) == expected


# -- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "phase", "wants_other"),
    [
        pytest.param(ACCEPTED, Phase.ACCEPTED, False, id="200 is a promise"),
        pytest.param(REFUSED, Phase.REFUSED, True, id="refused for its content"),
        pytest.param(BOUNCE, Phase.BOUNCED, False, id="21104"),
        pytest.param(LOST, Phase.AMBIGUOUS, False, id="no answer"),
    ],
)
def test_no_answer_settles_a_slot(answer: SendResult, phase: Phase, wants_other: bool) -> None:
    line = Line(BAND)
    slot = sent(line, 5)

    line.answered(slot, answer)

    assert (slot.phase, slot.wants_other) == (phase, wants_other)
    assert not slot.is_settled
    assert slot.in_flight_lots(0) == 5


@BRIEFLY
@given(st.lists(answers, max_size=6), st.integers(-9, 9).filter(bool))
def test_whatever_the_door_says_the_whole_order_stays_in_flight(
    said: list[SendResult], lots: int
) -> None:
    line = Line(BAND)
    slot = sent(line, lots)
    for answer in said:
        line.answered(slot, answer)

    assert slot.in_flight_lots(0) == lots
    assert not slot.is_closed(0)


def test_an_answer_that_comes_after_the_verdict_changes_nothing() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    line.judged(verdict(slot.newest))

    line.answered(slot, BOUNCE)

    assert slot.phase is Phase.SETTLED
    assert slot.in_hand == 0


def test_an_acceptance_after_a_refusal_is_waited_for() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    line.sending(slot, now_s=1.0)
    line.answered(slot, REFUSED)

    line.answered(slot, ACCEPTED)

    assert slot.phase is Phase.ACCEPTED
    assert not slot.wants_other


def test_a_refused_nonce_goes_to_another_transaction() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    line.answered(slot, REFUSED)

    again = sent(line, 6, nonce=slot.nonce)

    assert again is slot
    assert slot.phase is Phase.SENDING
    assert not slot.wants_other
    assert line.next_nonce == slot.nonce + 1


# -- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "error", "phase", "wants_other"),
    [
        pytest.param(VerdictState.PENDING, "", Phase.ACCEPTED, False, id="queued"),
        pytest.param(VerdictState.EXECUTED, "", Phase.SETTLED, False, id="executed"),
        pytest.param(VerdictState.FAILED, "21600: gone", Phase.FAILED, False, id="failed"),
        pytest.param(VerdictState.FAILED, "", Phase.FAILED, False, id="failed without a reason"),
        pytest.param(
            VerdictState.FAILED, "transaction EXPIRED", Phase.REFUSED, True, id="expired in queue"
        ),
        pytest.param(
            VerdictState.FAILED, "21739: no margin", Phase.REFUSED, True, id="margin by its code"
        ),
        pytest.param(
            VerdictState.FAILED,
            "not enough margin to create the order",
            Phase.REFUSED,
            True,
            id="margin by its words",
        ),
        pytest.param(
            VerdictState.FAILED, "21104: invalid nonce", Phase.BOUNCED, False, id="nonce by code"
        ),
        pytest.param(
            VerdictState.FAILED, "Invalid nonce", Phase.BOUNCED, False, id="nonce by words"
        ),
    ],
)
def test_verdicts(state: VerdictState, error: str, phase: Phase, wants_other: bool) -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    line.answered(slot, ACCEPTED)

    settled = line.judged(verdict(slot.newest, state, error))

    assert (slot.phase, slot.wants_other) == (phase, wants_other)
    assert settled is (slot if slot.is_settled else None)


@pytest.mark.parametrize("error", ["expired", "21739", "21104"])
def test_the_end_of_an_older_alternative_says_nothing_about_the_newest(error: str) -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    older = slot.newest
    sent(line, 6, nonce=slot.nonce)
    line.answered(slot, ACCEPTED)

    line.judged(verdict(older, VerdictState.FAILED, error))

    assert slot.phase is Phase.ACCEPTED
    assert not slot.wants_other


def test_a_verdict_on_bytes_of_somebody_else_is_ignored() -> None:
    line = Line(BAND)
    slot = sent(line, 5)

    assert line.judged(verdict(alternative(slot.nonce, 5, name="another"))) is None
    assert slot.phase is Phase.SENDING


def test_a_failed_transaction_releases_all_alternatives_of_its_nonce() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    sent(line, 6, nonce=slot.nonce)

    line.judged(verdict(slot.alternatives[0], VerdictState.FAILED, "21600"))

    assert slot.in_flight_lots(0) == 0
    assert slot.is_closed(0)


def test_an_executed_burn_releases_the_order_it_replaced() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    sent(line, 0, nonce=slot.nonce)
    assert slot.in_flight_lots(0) == 5

    line.judged(verdict(slot.newest))

    assert slot.in_flight_lots(0) == 0
    assert slot.is_closed(0)


def test_the_verdict_names_the_hash_of_a_slot_that_its_order_settled() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    line.order_seen(order(slot.client_order_index, 5))
    assert slot.phase is Phase.SETTLED

    assert line.judged(verdict(slot.newest)) is None
    assert slot.executed_hash == slot.newest.signed.tx_hash


@pytest.mark.parametrize(
    ("others", "is_settled"),
    [
        pytest.param([], True, id="nothing else could have used it"),
        pytest.param([0], True, id="a burn that bounced"),
        pytest.param([6], False, id="another order may be queued, or have executed unheard"),
        pytest.param([6, 0], False, id="an order and a burn"),
    ],
)
def test_a_nonce_before_one_that_executed_was_used_by_the_failure_unless_by_another_order(
    others: list[int], is_settled: bool
) -> None:
    line = Line(BAND)
    slot, later = sent(line, 5), sent(line, 7)
    line.judged(verdict(slot.newest, VerdictState.FAILED, "21739"))
    for lots in others:
        sent(line, lots, nonce=slot.nonce)
        line.answered(slot, BOUNCE)
    line.consumed_after_all(slot)
    assert slot.in_flight_lots(0) != 0  # whatever the venue has queued may yet fail

    line.judged(verdict(later.newest))
    line.consumed_after_all(slot)

    assert slot.is_settled is is_settled
    assert slot.in_flight_lots(0) == (0 if is_settled else 6)


def test_without_a_failure_a_nonce_that_bounces_proves_nothing() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    line.answered(slot, BOUNCE)

    line.consumed_after_all(slot)

    assert slot.in_flight_lots(0) == 5


# -- orders ---------------------------------------------------------------------------------------


def test_an_order_settles_the_slot_whose_index_it_carries() -> None:
    line = Line(BAND)
    first, second = sent(line, 5), sent(line, 6)

    assert line.order_seen(order(second.client_order_index, 6)) is second
    assert (first.is_settled, second.is_settled) == (False, True)
    assert line.order_seen(order(999, 6)) is None


@pytest.mark.parametrize(
    ("known", "comes"),
    [
        pytest.param(("canceled", 2), ("open", 2), id="an open one after its end"),
        pytest.param(("open", 3), ("open", 1), id="less filled than before"),
    ],
)
def test_an_older_word_on_an_order_does_not_replace_a_newer_one(
    known: tuple[str, int], comes: tuple[str, int]
) -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    for status, filled in (known, comes):
        line.order_seen(order(slot.client_order_index, 5, status=status, filled=filled))

    assert slot.order is not None
    assert (slot.order.status, slot.order.filled_lots) == known


def test_a_forgotten_slot_is_found_by_nothing() -> None:
    line = Line(BAND)
    slot = sent(line, 5)
    line.forget(slot)

    assert not line.slots
    assert line.judged(verdict(slot.newest)) is None
    assert line.by_client_index(slot.client_order_index) is None


@pytest.mark.parametrize(
    ("wall_ms", "slack_ms", "may"),
    [
        pytest.param(1_000, 0, True, id="in the last millisecond"),
        pytest.param(1_001, 0, False, id="after it"),
        pytest.param(2_000, 1_000, True, id="the venue's clock may be behind"),
        pytest.param(500, -600, False, id="too close to the end to be sent again"),
    ],
)
def test_bytes_live_until_they_expire(wall_ms: int, slack_ms: int, may: bool) -> None:
    slot = Slot(nonce=1, alternatives=[alternative(1, 5, expires_ms=1_000)])

    assert slot.may_execute_at(wall_ms, slack_ms=slack_ms) is may


# -- in flight, against everything that can happen to one nonce -----------------------------------


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What the venue made of a nonce: which alternative won, and how much it filled."""

    sizes: tuple[int, ...]
    winner: int
    has_failed: bool
    fills: tuple[int, ...]

    @property
    def filled(self) -> int:
        return sum(self.fills)


@st.composite
def fates(draw: st.DrawFn) -> Fate:
    """Alternatives grow, or are harmless; the winner fills nothing, a part, or all."""
    orders = sorted(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    sizes = [*orders, 0] if draw(st.booleans()) else orders
    winner = draw(st.integers(0, len(sizes) - 1))
    has_failed = draw(st.integers(0, 3)) == 0
    fills: list[int] = []
    if not has_failed:
        left = sizes[winner]
        while left and draw(st.booleans()):
            fills.append(draw(st.integers(1, left)))
            left -= fills[-1]
    return Fate(sizes=tuple(sizes), winner=winner, has_failed=has_failed, fills=tuple(fills))


@BRIEFLY
@given(fate=fates(), side=st.sampled_from([1, -1]), data=st.data())
def test_in_flight_is_never_less_than_what_may_come_in_whatever_order_it_is_told(
    fate: Fate, side: int, data: st.DataObject
) -> None:
    line = Line(BAND)
    nonce = line.open()
    for number, size in enumerate(fate.sizes):
        line.put(alternative(nonce, size * side, name=str(number)))
    slot = line.slots[nonce]
    traded = 0

    def hear_a_trade(lots: int) -> Callable[[], None]:
        def hear() -> None:
            nonlocal traded
            traded += lots * side

        return hear

    news = _news(line, slot, fate)
    news += [hear_a_trade(lots) for lots in fate.fills]
    for happens in data.draw(st.permutations(news)):
        happens()
        to_come = fate.filled - traded * side
        assert to_come <= slot.in_flight_lots(traded) * side <= max(fate.sizes) - traded * side
        if slot.is_closed(traded):
            assert to_come == 0

    assert slot.is_closed(traded)
    assert slot.in_flight_lots(traded) == 0


def _news(line: Line, slot: Slot, fate: Fate) -> list[Callable[[], object]]:
    """All that will be heard of the slot: answers that prove nothing, a verdict, its order."""
    winner = slot.alternatives[fate.winner]
    state = VerdictState.FAILED if fate.has_failed else VerdictState.EXECUTED
    judged = verdict(winner, state, "21600" if fate.has_failed else "")
    news: list[Callable[[], object]] = [
        lambda: line.answered(slot, LOST),
        lambda: line.answered(slot, REFUSED),
        lambda: line.answered(slot, ACCEPTED),
        lambda: line.judged(judged),
        lambda: line.judged(judged),
    ]
    if not fate.has_failed and winner.lots:
        rests = order(winner.client_order_index, winner.lots)
        ends = replace(rests, filled_lots=fate.filled, status="canceled")
        news += [lambda: line.order_seen(rests), lambda: line.order_seen(ends)]
    return news
