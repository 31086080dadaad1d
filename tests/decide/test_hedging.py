"""How much is hedged and at which price: the gap, its bound, and the pair's own quotes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.hedging import (
    ATTEMPT_SHARES,
    Hedge,
    HedgeQuestion,
    NoHedge,
    bound_ticks,
    decide_hedge,
    gap_lots,
    pause_s,
    sendable_lots,
)
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Line
from hedgepair_runner.orders import Refused, Side, VerdictState
from hedgepair_runner.units import BPS
from tests.decide.facts import (
    BAND,
    BRIEFLY,
    HEDGER_ACCOUNT,
    MARKET,
    anchored,
    order,
    sent,
    trade,
    verdict,
)

SIDES = st.sampled_from(Side)
LAST_ATTEMPT = len(ATTEMPT_SHARES) - 1

QUESTION = HedgeQuestion(
    gap=100,
    attempt=LAST_ATTEMPT,
    max_slippage_bps=50,
    ioc_has_minimum=False,
    mark_ticks=None,
    own_quote_ticks=None,
)


def filled(lots: int, *, price: int = 100_000) -> Chain:
    """A's chain after one fill."""
    chain = anchored()
    chain.add(trade(101, lots, 0, price=price))
    return chain


# -- the gap --------------------------------------------------------------------------------------


def hedger_at(lots: int) -> Chain:
    return anchored(account=HEDGER_ACCOUNT, lots=lots)


@BRIEFLY
@given(
    maker=st.integers(-50, 50),
    hedger=st.integers(-50, 50),
    accepted=st.integers(-5, 5),
    open_lots=st.lists(st.integers(-9, 9).filter(bool), max_size=2),
)
def test_the_gap_is_the_net_with_everything_in_flight_counted(
    maker: int, hedger: int, accepted: int, open_lots: list[int]
) -> None:
    line = Line(BAND)
    slots = [sent(line, lots) for lots in open_lots]

    gap = gap_lots(anchored(lots=maker), hedger_at(hedger), accepted_net_lots=accepted, slots=slots)

    assert gap == maker + hedger - accepted + sum(open_lots)


def unanchored() -> Chain:
    return Chain(account_index=HEDGER_ACCOUNT, market_id=MARKET.market_id)


def broken() -> Chain:
    chain = hedger_at(0)
    chain.add(trade(105, 1, 7, account=HEDGER_ACCOUNT))
    return chain


def doubted() -> Chain:
    chain = hedger_at(0)
    chain.add(trade(105, 1, 0, account=HEDGER_ACCOUNT))
    chain.add(trade(103, 1, 0, account=HEDGER_ACCOUNT))
    return chain


@pytest.mark.parametrize(
    "unsound",
    [
        pytest.param(unanchored(), id="unanchored"),
        pytest.param(broken(), id="broken"),
        pytest.param(doubted(), id="in doubt"),
    ],
)
def test_an_unsound_chain_on_either_side_makes_the_gap_unknown(unsound: Chain) -> None:
    sound = hedger_at(5)

    assert gap_lots(unsound, sound, accepted_net_lots=0, slots=()) is None
    assert gap_lots(sound, unsound, accepted_net_lots=0, slots=()) is None


def test_a_hedge_is_counted_once_from_the_send_to_its_last_trade() -> None:
    maker, hedger, line = anchored(lots=10), hedger_at(0), Line(BAND)
    slot = sent(line, -10)

    def gap() -> int | None:
        return gap_lots(maker, hedger, accepted_net_lots=0, slots=[slot])

    assert gap() == 0
    line.answered(slot, Refused(code=23000, message="Too Many Requests!"))
    assert gap() == 0
    hedger.add(trade(101, -6, 0, account=HEDGER_ACCOUNT, index=slot.client_order_index))
    assert gap() == 0
    line.judged(verdict(slot.newest))
    assert gap() == 0, "executed, but how much of it is not known yet"
    line.order_seen(order(slot.client_order_index, -10, filled=6, status="canceled"))
    assert gap() == 4
    assert slot.is_closed(hedger.traded_lots(slot.client_order_index))


# -- what of it may be sent ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "open_lots", "sendable"),
    [
        pytest.param(-5, [], -5, id="nothing in flight"),
        pytest.param(-8, [5], -3, id="the hedge's own side counts in full"),
        pytest.param(3, [5], 3, id="an opposite hedge may fill nothing"),
        pytest.param(0, [5], 0, id="nor is what it would add hedged in advance"),
        pytest.param(-2, [5], 0, id="the maker turned round before the hedge filled"),
        pytest.param(3, [5, -3], 0, id="both sides in flight"),
    ],
)
def test_no_more_is_sent_than_is_right_whatever_the_open_slots_fill(
    net: int, open_lots: list[int], sendable: int
) -> None:
    line, maker, hedger = Line(BAND), anchored(lots=net), hedger_at(0)
    slots = [sent(line, lots) for lots in open_lots]
    gap = gap_lots(maker, hedger, accepted_net_lots=0, slots=slots)
    assert gap is not None

    assert sendable_lots(gap, hedger=hedger, slots=slots) == sendable


def test_what_an_opposite_order_did_fill_is_certain_before_its_trades_are_heard() -> None:
    line, hedger = Line(BAND), hedger_at(0)
    slot = sent(line, 5)
    line.order_seen(order(slot.client_order_index, 5, filled=4, status="canceled"))
    gap = gap_lots(anchored(lots=3), hedger, accepted_net_lots=0, slots=[slot])
    assert gap == 7

    assert sendable_lots(gap, hedger=hedger, slots=[slot]) == 7


@BRIEFLY
@given(net=st.integers(-20, 20), open_lots=st.lists(st.integers(-9, 9).filter(bool), max_size=3))
def test_whatever_fills_the_hedge_never_takes_the_net_past_zero(
    net: int, open_lots: list[int]
) -> None:
    line, hedger = Line(BAND), hedger_at(0)
    slots = [sent(line, lots) for lots in open_lots]
    gap = gap_lots(anchored(lots=net), hedger, accepted_net_lots=0, slots=slots)
    assert gap is not None

    hedge = -sendable_lots(gap, hedger=hedger, slots=slots)

    if hedge:
        same_side = sum(lots for lots in open_lots if lots * hedge > 0)
        assert (net + same_side + hedge) * net >= 0
        assert abs(net + same_side + hedge) < abs(net)


def test_a_failed_slot_blocks_nothing() -> None:
    line, hedger = Line(BAND), hedger_at(0)
    slot = sent(line, 5)
    line.judged(verdict(slot.newest, VerdictState.FAILED, "21600"))

    assert sendable_lots(3, hedger=hedger, slots=[slot]) == 3


# -- the price ------------------------------------------------------------------------------------


@BRIEFLY
@given(
    side=SIDES,
    units=st.integers(1, 10**9),
    lots=st.integers(1, 10**4),
    slippage_bps=st.integers(0, 1_000),
    attempt=st.integers(0, 9),
)
def test_the_bound_is_never_passed_by_a_part_of_a_tick(
    side: Side, units: int, lots: int, slippage_bps: int, attempt: int
) -> None:
    fill_price = max(Fraction(units, lots), Fraction(1))
    reference = (max(units, lots), lots)
    share = Fraction(*ATTEMPT_SHARES[min(attempt, LAST_ATTEMPT)])

    bound = bound_ticks(reference, side=side, slippage_bps=slippage_bps, attempt=attempt)

    worst = fill_price * (1 + side * share * Fraction(slippage_bps, BPS))
    assert bound >= 1
    assert side * (bound - worst) <= 0 or bound == 1
    assert side * (worst - bound) < 1 or bound == 1


@BRIEFLY
@given(side=SIDES, price=st.integers(100, 10**6), slippage_bps=st.integers(1, 1_000))
def test_each_attempt_reaches_further_and_none_beyond_the_last(
    side: Side, price: int, slippage_bps: int
) -> None:
    bounds = [
        bound_ticks((price, 1), side=side, slippage_bps=slippage_bps, attempt=attempt) * side
        for attempt in range(6)
    ]

    assert bounds == sorted(bounds)
    assert bounds[LAST_ATTEMPT:] == [bounds[LAST_ATTEMPT]] * (6 - LAST_ATTEMPT)


@pytest.mark.parametrize(
    ("gap", "price"),
    [
        pytest.param(100, 99_500, id="a sale no lower than 50 bps below the fill"),
        pytest.param(-100, 100_500, id="a purchase no higher than 50 bps above it"),
    ],
)
def test_the_bound_counts_from_the_maker_s_fill_not_from_the_mark(gap: int, price: int) -> None:
    question = replace(QUESTION, gap=gap, mark_ticks=90_000)

    hedge = decide_hedge(question, maker=filled(gap), market=MARKET)

    assert hedge == Hedge(side=Side.of(-gap), lots=100, price_ticks=price, covers_lots=gap), (
        "the mark has nothing to say where fills are known"
    )


def test_without_known_fills_the_mark_bounds_the_hedge() -> None:
    hedge = decide_hedge(replace(QUESTION, mark_ticks=90_000), maker=anchored(), market=MARKET)

    assert isinstance(hedge, Hedge)
    assert hedge.price_ticks == 89_550


def test_without_fills_and_mark_nothing_is_sent() -> None:
    assert isinstance(decide_hedge(QUESTION, maker=anchored(), market=MARKET), NoHedge)


def test_attempts_that_fill_nothing_wait_longer_and_longer() -> None:
    pauses = [pause_s(attempt) for attempt in range(10)]

    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 2.0


# -- the pair's own quotes ----------------------------------------------------------------------


@BRIEFLY
@given(
    gap=st.integers(-500, 500).filter(bool),
    own=st.integers(1, 2_000),
    touch=st.none() | st.integers(1, 2_000),
    fill=st.integers(1, 2_000),
    slippage_bps=st.integers(1, 1_000),
)
def test_no_hedge_reaches_a_quote_of_its_own_pair(
    gap: int, own: int, touch: int | None, fill: int, slippage_bps: int
) -> None:
    question = replace(
        QUESTION, gap=gap, own_quote_ticks=own, touch_ticks=touch, max_slippage_bps=slippage_bps
    )

    hedge = decide_hedge(question, maker=filled(gap, price=fill), market=MARKET)

    if isinstance(hedge, Hedge):
        assert hedge.price_ticks >= 1
        assert (own - hedge.price_ticks) * hedge.side > 0, "short of the own quote"


@pytest.mark.parametrize(
    ("own", "touch", "price"),
    [
        pytest.param(99_700, 99_800, 99_701, id="something better than the own quote to meet"),
        pytest.param(99_700, None, 99_701, id="the touch is unknown: try"),
        pytest.param(99_700, 99_700, None, id="the own quote is the touch: wait for its cancel"),
        pytest.param(99_400, 99_600, 99_500, id="the own quote is beyond the bound"),
    ],
)
def test_a_sale_stays_one_tick_above_the_pair_s_own_bid(
    own: int, touch: int | None, price: int | None
) -> None:
    question = replace(QUESTION, own_quote_ticks=own, touch_ticks=touch)

    hedge = decide_hedge(question, maker=filled(100), market=MARKET)

    assert (hedge.price_ticks if isinstance(hedge, Hedge) else None) == price


# -- the size -------------------------------------------------------------------------------------


def test_nothing_is_sent_when_hedged() -> None:
    assert decide_hedge(replace(QUESTION, gap=0), maker=filled(5), market=MARKET) == NoHedge(
        reason="hedged"
    )


@BRIEFLY
@given(gap=st.integers(-(10**6), 10**6).filter(bool), limit=st.integers(10**6, 10**9))
def test_a_hedge_has_the_gap_s_size_up_to_the_venue_s_limit(gap: int, limit: int) -> None:
    market = replace(MARKET, order_quote_limit_units=limit)

    hedge = decide_hedge(replace(QUESTION, gap=gap), maker=filled(gap), market=market)

    assert isinstance(hedge, Hedge)
    assert hedge.signed_lots * gap < 0
    assert 0 < hedge.lots <= abs(gap)
    assert hedge.lots * hedge.price_ticks <= limit
    assert hedge.lots == abs(gap) or (hedge.lots + 1) * hedge.price_ticks > limit


@pytest.mark.parametrize(
    ("gap", "ioc_has_minimum", "carried"),
    [
        pytest.param(1, False, None, id="a single lot is hedged where the venue allows it"),
        pytest.param(9, True, 9, id="below the minimum it is carried"),
        pytest.param(-9, True, -9, id="so is a short residue"),
        pytest.param(10, True, None, id="at the minimum it goes"),
    ],
)
def test_what_the_venue_refuses_as_too_small_is_carried(
    gap: int, ioc_has_minimum: bool, carried: int | None
) -> None:
    question = replace(QUESTION, gap=gap, ioc_has_minimum=ioc_has_minimum)

    hedge = decide_hedge(question, maker=filled(gap), market=MARKET)

    if carried is None:
        assert isinstance(hedge, Hedge)
        assert hedge.lots == abs(gap)
    else:
        assert isinstance(hedge, NoHedge)
        assert hedge.carried_lots == carried


def test_carried_dust_goes_with_the_next_fill() -> None:
    maker = filled(9)
    maker.add(trade(102, 3, 9, price=100_000))
    question = replace(QUESTION, gap=12, ioc_has_minimum=True)

    hedge = decide_hedge(question, maker=maker, market=MARKET)

    assert isinstance(hedge, Hedge)
    assert hedge.signed_lots == -12
