"""Anchors: two agreeing reads place a position on the tape, or nothing is anchored."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.ledger import Chain
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.proving import READS_APART_S, Anchor, decide_anchor
from tests.decide.facts import BRIEFLY, MAKER_ACCOUNT, MARKET, linked, trade


@pytest.mark.parametrize(
    ("first", "second", "later", "anchor"),
    [
        pytest.param(3, 3, [], Anchor(trade_id=100, position_lots=3), id="nothing since"),
        pytest.param(3, 4, [], None, id="the reads disagree"),
        pytest.param(
            3,
            3,
            linked([2], start=3),
            Anchor(trade_id=100, position_lots=3),
            id="a trade after both",
        ),
        pytest.param(
            5,
            5,
            linked([2], start=3),
            Anchor(trade_id=100, position_lots=3),
            id="a trade before both",
        ),
        pytest.param(
            5,
            5,
            linked([2, 4], start=3),
            Anchor(trade_id=100, position_lots=3),
            id="between two trades",
        ),
        pytest.param(4, 4, linked([2], start=3), None, id="a position the trades never had"),
        pytest.param(
            3, 3, [trade(101, 2, 3), trade(103, 1, 9)], None, id="the trades are no chain"
        ),
    ],
)
def test_anchors(first: int, second: int, later: list[AccountTrade], anchor: Anchor | None) -> None:
    assert decide_anchor(tape_id=100, first_lots=first, second_lots=second, later=later) == anchor


@dataclass(frozen=True, kw_only=True)
class History:
    """Trades at their times; reads answer as of a moment that lags behind."""

    trades: list[AccountTrade]
    at_s: list[float]

    def lots(self, as_of_s: float) -> int:
        count = bisect_right(self.at_s, as_of_s)
        return self.trades[count - 1].after_lots if count else 0

    def tape_id(self, as_of_s: float) -> int:
        count = bisect_right(self.at_s, as_of_s)
        return self.trades[count - 1].trade_id if count else 100


@st.composite
def histories(draw: st.DrawFn) -> History:
    times = draw(st.lists(st.integers(0, 40), max_size=8).map(sorted))
    sizes = draw(
        st.lists(st.sampled_from([-2, -1, 1, 2]), min_size=len(times), max_size=len(times))
    )
    return History(trades=linked(sizes), at_s=[time / 10 for time in times])


@BRIEFLY
@given(history=histories(), lags=st.tuples(*[st.integers(0, 9)] * 3), data=st.data())
def test_with_reads_that_lag_less_than_a_second_a_sound_chain_is_never_wrong(
    history: History, lags: tuple[int, int, int], data: st.DataObject
) -> None:
    tape_s, first_s = 1.0, 1.1
    second_s = first_s + READS_APART_S
    tape_lag, first_lag, second_lag = (lag / 10 for lag in lags)
    tape_id = history.tape_id(tape_s - tape_lag)
    chain = Chain(account_index=MAKER_ACCOUNT, market_id=MARKET.market_id)
    heard = [each for each in history.trades if data.draw(st.booleans())]
    for each in heard:
        chain.add(each)

    anchor = decide_anchor(
        tape_id=tape_id,
        first_lots=history.lots(first_s - first_lag),
        second_lots=history.lots(second_s - second_lag),
        later=chain.since(tape_id),
    )
    if anchor is None:
        return
    chain.anchor(anchor.trade_id, anchor.position_lots)
    true_lots = {0, *(each.after_lots for each in history.trades)}
    for each in data.draw(st.permutations(history.trades)):
        assert chain.position_lots is None or chain.position_lots in true_lots
        chain.add(each)

    final = history.trades[-1].after_lots if history.trades else 0
    assert chain.position_lots in (None, final)


@BRIEFLY
@given(history=histories(), lag=st.integers(0, 9))
def test_a_quiet_account_is_anchored_by_the_first_pair_of_reads(history: History, lag: int) -> None:
    late_s = 10.0
    chain = Chain(account_index=MAKER_ACCOUNT, market_id=MARKET.market_id)
    lots = history.lots(late_s - lag / 10)

    anchor = decide_anchor(
        tape_id=history.tape_id(late_s), first_lots=lots, second_lots=lots, later=()
    )

    assert anchor is not None
    chain.anchor(anchor.trade_id, anchor.position_lots)
    assert chain.position_lots == (history.trades[-1].after_lots if history.trades else 0)
