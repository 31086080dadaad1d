"""The chain: one position from trades that come in any order, twice, late, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner import ledger
from hedgepair_runner.ledger import Added, Chain, newest_price_units
from hedgepair_runner.orders import AccountTrade
from tests.decide.facts import BRIEFLY, MAKER_ACCOUNT, MARKET, anchored, linked, trade

sizes = st.lists(st.integers(-5, 5).filter(bool), min_size=1, max_size=12)
one_way = st.lists(st.integers(1, 5), min_size=1, max_size=12)


@st.composite
def deliveries(
    draw: st.DrawFn, of: st.SearchStrategy[list[int]]
) -> tuple[list[AccountTrade], list[AccountTrade]]:
    """(trades, the same in any order, some of them more than once)."""
    trades = linked(draw(of))
    again = draw(st.lists(st.sampled_from(trades), max_size=6))
    return trades, draw(st.permutations(trades + again))


@BRIEFLY
@given(deliveries(one_way))
def test_every_order_of_arrival_ends_at_the_same_position(
    case: tuple[list[AccountTrade], list[AccountTrade]],
) -> None:
    trades, arriving = case
    chain = anchored()

    answers = [chain.add(each) for each in arriving]

    assert chain.position_lots == trades[-1].after_lots
    assert chain.last_trade_id == chain.head_id == trades[-1].trade_id
    assert answers.count(Added.DUPLICATE) == len(arriving) - len(trades)


@BRIEFLY
@given(deliveries(sizes))
def test_a_round_trip_that_arrives_late_raises_doubt_but_never_a_wrong_position(
    case: tuple[list[AccountTrade], list[AccountTrade]],
) -> None:
    trades, arriving = case
    chain = anchored()

    late = [each for each in arriving if chain.add(each) is Added.LATE]

    assert chain.position_lots == (None if late else trades[-1].after_lots)
    chain.anchor(100, 0)
    assert chain.position_lots == trades[-1].after_lots


@BRIEFLY
@given(deliveries(sizes), st.data())
def test_a_sound_position_was_the_true_one_after_some_trade(
    case: tuple[list[AccountTrade], list[AccountTrade]], data: st.DataObject
) -> None:
    trades, arriving = case
    true_lots = {0, *(each.after_lots for each in trades)}
    chain = anchored()

    for each in data.draw(st.lists(st.sampled_from(arriving), max_size=10)):
        chain.add(each)
        assert chain.position_lots is None or chain.position_lots in true_lots


@BRIEFLY
@given(one_way.filter(lambda steps: len(steps) >= 2), st.data())
def test_a_missing_trade_blocks_the_position_until_it_arrives(
    steps: list[int], data: st.DataObject
) -> None:
    trades = linked(steps)
    missing = trades[data.draw(st.integers(0, len(trades) - 2))]
    chain = anchored()
    for each in trades:
        if each is not missing:
            chain.add(each)

    assert chain.is_broken
    assert chain.position_lots is None

    assert chain.add(missing) is Added.LINKED
    assert chain.position_lots == trades[-1].after_lots


def test_a_newer_trade_that_happens_to_fit_does_not_skip_the_one_that_waits() -> None:
    first, there, back, last = linked([1, 2, -2, 3])
    chain = anchored()
    chain.add(there)
    chain.add(last)

    assert chain.position_lots is None
    chain.add(first)
    assert chain.position_lots is None
    chain.add(back)
    assert chain.position_lots == 4


def test_an_unanchored_chain_collects_and_knows_no_position() -> None:
    chain = Chain(account_index=MAKER_ACCOUNT, market_id=MARKET.market_id)
    trades = linked([1, 1, 1])

    assert {chain.add(each) for each in reversed(trades)} == {Added.WAITING}
    assert chain.position_lots is None

    chain.anchor(101, 1)
    assert chain.position_lots == 3


def test_trades_up_to_the_anchor_are_in_its_position_already() -> None:
    chain = anchored(at=102, lots=2)

    assert [chain.add(each) for each in linked([1, 1, 1])] == [
        Added.DUPLICATE,
        Added.DUPLICATE,
        Added.LINKED,
    ]
    assert chain.position_lots == 3


def test_an_anchor_without_a_trade_after_it_names_no_trade() -> None:
    chain = anchored(at=5_000, lots=7)

    assert chain.head_id == 5_000
    assert chain.last_trade_id == 0


def test_an_unknown_trade_behind_the_head_puts_the_chain_in_doubt_until_proved() -> None:
    chain = anchored()
    chain.add(trade(105, 2, 0))

    assert chain.add(trade(103, 1, 0)) is Added.LATE
    assert chain.position_lots is None
    assert chain.add(trade(106, 1, 2)) is Added.LINKED
    assert chain.position_lots is None, "a later trade that fits proves nothing"

    chain.anchor(106, 3)
    assert chain.position_lots == 3


def test_a_trade_of_another_account_is_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError, match="does not belong here"):
        anchored().add(trade(101, 1, account=MAKER_ACCOUNT + 1))


@BRIEFLY
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(-4, 4).filter(bool)), max_size=12))
def test_an_order_s_trades_add_up_whether_they_link_or_wait(
    parts: list[tuple[int, int]],
) -> None:
    chain = anchored()
    for number, (index, lots) in enumerate(parts):
        chain.add(trade(200 + number, lots, before=99, index=index))

    for index in (1, 2, 3):
        assert chain.traded_lots(index) == sum(lots for of, lots in parts if of == index)


def test_since_gives_known_trades_oldest_first() -> None:
    chain = anchored()
    for each in reversed(linked([1, 1, 1])):
        chain.add(each)

    assert [each.trade_id for each in chain.since(101)] == [102, 103]


# -- compaction -----------------------------------------------------------------------------------


@pytest.fixture
def keeping_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "KEPT_TRADES", 3)


@pytest.mark.usefixtures("keeping_three")
def test_what_was_compacted_is_still_a_duplicate() -> None:
    trades = linked([1] * 10)
    chain = anchored()
    for each in trades:
        chain.add(each)

    assert len(chain.since(0)) == 3
    assert {chain.add(each) for each in trades} == {Added.DUPLICATE}
    assert chain.position_lots == 10


@pytest.mark.usefixtures("keeping_three")
def test_compaction_never_shuts_out_the_trade_that_a_break_waits_for() -> None:
    missing, *rest = linked([1] * 8)
    chain = anchored()
    for each in rest:
        chain.add(each)
    assert chain.position_lots is None

    assert chain.add(missing) is Added.LINKED
    assert chain.position_lots == 8
    assert {chain.add(each) for each in rest} == {Added.DUPLICATE}


@pytest.mark.usefixtures("keeping_three")
def test_an_order_with_more_trades_than_are_kept_keeps_its_whole_sum() -> None:
    chain = anchored()
    for each in linked([1] * 6):
        chain.add(replace(each, client_order_index=9))

    assert chain.traded_lots(9) == 6


@pytest.mark.usefixtures("keeping_three")
def test_the_sum_of_an_order_goes_with_the_last_of_its_trades() -> None:
    chain = anchored()
    for number, each in enumerate(linked([1] * 6)):
        chain.add(replace(each, client_order_index=9 if number < 2 else 10))

    assert chain.traded_lots(9) == 0
    assert chain.traded_lots(10) == 4


# -- what an open gap was traded at ----------------------------------------------------------------


def test_the_newest_fills_of_the_gap_s_own_sign_make_its_price() -> None:
    chain = anchored()
    for each in (
        trade(101, 4, 0, price=100),
        trade(102, 3, 4, price=110),
        trade(103, -2, 7, price=500),
        trade(104, 2, 5, price=120),
    ):
        chain.add(each)

    assert newest_price_units(chain, 6) == (2 * 120 + 3 * 110 + 1 * 100, 6)
    assert newest_price_units(chain, -1) == (500, 1)


@pytest.mark.parametrize("lots", [pytest.param(10, id="long"), pytest.param(-1, id="short")])
def test_a_gap_without_known_fills_has_no_price(lots: int) -> None:
    chain = anchored()
    chain.add(trade(101, 4, 0))

    assert newest_price_units(chain, lots) is None


def test_the_newest_trade_says_when_it_was() -> None:
    chain = anchored()
    assert chain.newest_ms is None
    first, second = (replace(each, timestamp_ms=each.trade_id) for each in linked([1, 2]))
    chain.add(second)
    chain.add(first)
    assert chain.newest_ms == second.trade_id
