"""How far a pair has come, and whether that is enough: each of A's trades counts once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.contract.spec import StopAfter
from hedgepair_runner.finishing import (
    Progress,
    counted,
    furthest,
    judged,
    read_progress,
    write_progress,
)
from hedgepair_runner.orders import AccountTrade
from tests.decide.facts import MARKET

NOTHING = Progress(upto_id=0)


def trades_of(*sizes: int, first_id: int = 1, price: int = 100_000) -> list[AccountTrade]:
    """Linked trades of these signed sizes, from flat."""
    position, found = 0, []
    for number, lots in enumerate(sizes):
        found.append(
            AccountTrade(
                account_index=1,
                trade_id=first_id + number,
                market_id=0,
                signed_lots=lots,
                price_ticks=price,
                before_lots=position,
                is_maker=True,
                order_index=1,
                client_order_index=1,
                fee_millionths=0,
                trade_type="trade",
                timestamp_ms=0,
            )
        )
        position += lots
    return found


@pytest.mark.parametrize(
    ("sizes", "rounds"),
    [
        pytest.param((5, -5), 1, id="there and back"),
        pytest.param((5, 3, -2, -6), 1, id="in parts"),
        pytest.param((5, -5, -4, 4), 2, id="twice"),
        pytest.param((5, -8, 3), 2, id="through zero"),
        pytest.param((5, -4), 0, id="not yet"),
    ],
)
def test_a_round_ends_where_the_position_comes_to_zero(sizes: tuple[int, ...], rounds: int) -> None:
    progress = counted(NOTHING, trades_of(*sizes))
    assert progress.rounds == rounds
    assert progress.volume_units == sum(abs(size) for size in sizes) * 100_000


@given(
    sizes=st.lists(st.integers(-9, 9).filter(bool), max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_a_count_that_is_carried_on_is_that_of_one_go_whatever_is_told_twice(
    sizes: list[int], cuts: list[int]
) -> None:
    trades = trades_of(*sizes)
    progress = NOTHING
    for cut in sorted(cuts):
        progress = counted(read_progress(write_progress(progress)), trades[: cut + 2])
    assert counted(progress, trades) == counted(NOTHING, trades)


def after(**bounds: Any) -> StopAfter:
    return StopAfter.model_validate(bounds)


@pytest.mark.parametrize(
    ("bounds", "cost", "finished"),
    [
        pytest.param(after(rounds=2), None, "stopAfter.rounds", id="rounds"),
        pytest.param(after(rounds=3), None, "", id="too few rounds"),
        pytest.param(after(volume="0.0019"), None, "stopAfter.volume", id="volume"),
        pytest.param(after(volume="99999"), None, "", id="too little volume"),
        pytest.param(after(cost="5"), Decimal("5.1"), "stopAfter.cost", id="cost"),
        pytest.param(after(cost="5"), Decimal("4.9"), "", id="cheaper"),
        pytest.param(after(cost="5"), None, "", id="an unknown cost ends nothing"),
        pytest.param(after(rounds=9, cost="5"), Decimal("6"), "stopAfter.cost", id="any of them"),
        pytest.param(None, Decimal("6"), "", id="no bounds"),
    ],
)
def test_any_bound_ends_it(bounds: StopAfter | None, cost: Decimal | None, finished: str) -> None:
    progress = counted(NOTHING, trades_of(5, -5, 5, -5))
    told = judged(progress, bounds, cost=cost, market=MARKET).finished
    assert told.startswith(finished)
    assert bool(told) == bool(finished)


def test_it_stays_finished_under_the_same_bounds_and_goes_on_under_others() -> None:
    costly = judged(NOTHING, after(cost="5"), cost=Decimal(6), market=MARKET)
    assert costly.finished
    assert judged(costly, after(cost="5"), cost=Decimal(1), market=MARKET).finished
    assert not judged(costly, after(cost="9"), cost=Decimal(6), market=MARKET).finished
    assert not judged(costly, None, cost=Decimal(6), market=MARKET).finished


def test_of_several_records_the_one_that_knows_most_counts() -> None:
    one, other = Progress(upto_id=4, rounds=1), Progress(upto_id=9, rounds=3)
    assert furthest([one, None, other]) == other
    assert furthest([None, None]) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"upto_id": "x", "rounds": 1}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_progress(text)
