"""The named market models: each moves, halts, thins out or is crossed as its line says."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from hedgepair_runner.venues.paper.command import main
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.generator import RIVAL_ACCOUNT, MarketGenerator
from hedgepair_runner.venues.paper.halting import NEVER, Halts
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.price_paths import Motion, PriceModel, move_price, path_at
from hedgepair_runner.venues.paper.recordings import read_recording
from hedgepair_runner.venues.paper.records import OrderStatus
from hedgepair_runner.venues.paper.tape import TapeError
from tests.exchange.generated_market import CLIENT, Market

pytestmark = pytest.mark.slow

START = 200_000


def prices(motion: Motion, *, steps: int, seed: str = "1", first: int = START) -> list[int]:
    chance, path = Random(seed), path_at(first)
    found = []
    for _ in range(steps):
        path = move_price(path, start_ticks=START, motion=motion, chance=chance)
        found.append(path.fair_ticks)
    return found


def spread_after(model: PriceModel, steps: int) -> float:
    """Mean distance from the start over many seeds."""
    motion = Motion(model=model, step_milliticks=10_000, pull_ppm=80_000)
    ends = [prices(motion, steps=steps, seed=str(seed))[-1] for seed in range(40)]
    return sum(abs(end - START) for end in ends) / len(ends)


def test_a_random_walk_strays_ever_farther_and_a_reverting_price_does_not() -> None:
    walk, reverting = PriceModel.RANDOM_WALK, PriceModel.MEAN_REVERTING

    assert spread_after(walk, 400) > 2.5 * spread_after(walk, 25)
    assert spread_after(reverting, 400) < 2.5 * spread_after(reverting, 25)


def test_a_reverting_price_comes_back_from_far_away() -> None:
    path = prices(PROFILES["reverting"].motion, steps=100, first=START * 2)

    assert abs(path[0] - START) > START * 0.9
    assert abs(path[-1] - START) < START * 0.01


def test_a_random_walk_never_reaches_zero() -> None:
    motion = Motion(model=PriceModel.RANDOM_WALK, step_milliticks=50_000_000)

    assert min(prices(motion, steps=2_000)) >= START // 10


def test_jumps_are_rare_large_and_within_the_band() -> None:
    path = prices(PROFILES["jumpy"].motion, steps=3_000)
    moves = [abs(after - before) for before, after in pairwise(path)]
    jumps = [move for move in moves if move > START * 0.001]

    assert 18 <= len(jumps) <= 75
    assert max(jumps) < START * 0.0065
    assert max(abs(price - START) for price in path) < START * 0.035


@pytest.mark.parametrize("model", list(PriceModel))
def test_the_same_seed_moves_the_price_the_same_way(model: PriceModel) -> None:
    motion = Motion(model=model)

    assert prices(motion, steps=50) == prices(motion, steps=50)
    assert prices(motion, steps=50) != prices(motion, steps=50, seed="2")


@pytest.mark.parametrize("name", list(PROFILES))
def test_every_profile_keeps_a_book_of_two_sides_and_trades(name: str) -> None:
    market = Market(profile=name)

    market.run_s(4)

    assert market.fewest_levels >= min(PROFILES[name].least_levels, 20)
    assert len(market.trades()) > 3


def test_a_jump_trades_through_a_resting_order_at_its_own_price() -> None:
    market = Market(profile="jumpy", seed="3")
    index = market.rest(depth=30, lots=100)
    bid = market.live(index)
    assert bid is not None

    market.run_s(40)

    assert market.live(index) is None
    fills = [each for each in market.trades() if each.bid.order_index == index]
    assert {fill.price_ticks for fill in fills} == {bid.price_ticks}


def test_a_halted_market_refuses_stands_still_and_opens_again() -> None:
    market = Market(profile="halting")
    market.run_s(49)
    assert market.exchange.markets[0].status == "active"

    market.run_s(2)
    halted, trades = market.exchange.book(0), len(market.trades())
    market.run_s(8)

    assert market.exchange.markets[0].status == "inactive"
    assert market.exchange.book(0) == halted
    assert halted.asks
    assert len(market.trades()) == trades
    market.run_s(3)
    assert market.exchange.markets[0].status == "active"
    assert len(market.trades()) > trades


def test_a_market_that_was_kept_in_a_halt_opens_with_its_new_generator() -> None:
    market = Market(profile="halting")
    market.run_s(52)
    assert market.exchange.markets[0].status == "inactive"

    MarketGenerator(
        market.exchange,
        markets=[ETH],
        profile=PROFILES["halting"],
        seed="9",
        now_us=market.clock.us,
    )

    assert market.exchange.markets[0].status == "active"


def test_a_halt_by_another_hand_is_left_alone() -> None:
    market = Market(profile="demo")
    market.exchange.set_market_status(0, "inactive")
    book = market.exchange.book(0)

    market.run_s(5)

    assert market.exchange.book(0) == book
    assert market.exchange.markets[0].status == "inactive"


def test_halts_come_round_and_round() -> None:
    halts = Halts(open_us=50, halted_us=10)

    changes = [0]
    while len(changes) < 5:
        following = halts.next_change_us(changes[-1])
        assert following is not None
        changes.append(following)

    assert changes == [0, 50, 60, 110, 120]
    assert [halts.is_halted(at) for at in (0, 49, 50, 59, 60)] == [False, False, True, True, False]
    assert NEVER.next_change_us(0) is None
    assert not NEVER.is_halted(10**15)


def test_a_thin_market_has_three_levels_a_side_and_walks_when_taken() -> None:
    market = Market(profile="thin")
    deepest = 0
    for _ in range(40):
        market.run_s(1)
        book = market.exchange.book(0)
        deepest = max(deepest, len(book.asks), len(book.bids))

    assert deepest == 3
    gaps = [abs(a.price_ticks - b.price_ticks) for a, b in pairwise(market.trades())]
    assert max(gaps) >= 40


def post_only_inside(market: Market) -> OrderStatus:
    """What becomes of a bid one tick below the ask that was the best a tenth of a second ago."""
    seen = market.exchange.touch(0).ask
    assert seen is not None
    market.run_until(market.clock.us + 100_000)
    index = market.post_only(is_ask=False, price_ticks=seen.price_ticks - 1)
    order = market.live(index) or market.closed(index)
    market.exchange.cancel_direct(CLIENT, index, now_us=market.clock.us)
    return order.status


def test_a_rival_crosses_post_only_orders_that_aim_inside_the_spread() -> None:
    market = Market(profile="crossed")
    answers = []
    for _ in range(60):
        market.run_until(market.clock.us + 200_000)
        answers.append(post_only_inside(market))

    assert 6 <= answers.count(OrderStatus.CANCELED_POST_ONLY) <= 50
    assert OrderStatus.OPEN in answers
    assert all(len(market.exchange.active_orders(RIVAL_ACCOUNT)) <= 1 for _ in answers)


BOOKS = """timestamp_ms,price,size,is_ask
1000,2000.00,1.0,true
1000,2000.004,0.5,true
1000,1999.00,2.0,false
1000,1998.00,0.3,false
1500,1990.00,1.5,true
1500,1989.00,0.5,false
1500,1988.00,0.00001,false
"""


def levels(market: Market) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    book = market.exchange.book(0)
    return (
        [(level.price_ticks, level.size_lots) for level in book.asks],
        [(level.price_ticks, level.size_lots) for level in book.bids],
    )


def quiet(recording: str) -> Market:
    """The recording alone: its takers come once in a while."""
    return Market(profile="none", tape=read_recording(recording.splitlines(), ETH))


def test_recorded_books_are_shown_at_their_times_round_and_round() -> None:
    market = quiet(BOOKS)
    first = ([(200_000, 10_000), (200_001, 5_000)], [(199_900, 20_000), (199_800, 3_000)])
    second = ([(199_000, 15_000)], [(198_900, 5_000)])

    assert levels(market) == first
    market.run_until(market.clock.us + 510_000)
    assert levels(market) == second
    market.run_s(1)
    assert levels(market) == first


def test_a_recorded_book_fills_the_orders_that_it_moves_through() -> None:
    market = quiet(BOOKS)
    index = market.rest(depth=1, lots=700)

    market.run_until(market.clock.us + 510_000)

    assert market.closed(index).status is OrderStatus.FILLED
    [trade] = market.trades()
    assert (trade.price_ticks, trade.size_lots) == (199_900, 700)
    # What it took is gone from the snapshot's ask until the next one.
    assert levels(market)[0] == [(199_000, 14_300)]


HEADER = "timestamp_ms,price,size,is_ask\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("price,is_ask\n1,true\n", "lacks the column size, timestamp_ms", id="columns"),
        pytest.param(HEADER, "holds no snapshot", id="empty"),
        pytest.param("", "lacks the column", id="nothing at all"),
        pytest.param(HEADER + "1,x,1,true\n", "line 2", id="no number"),
        pytest.param(HEADER + "1,1,1,maybe\n", "line 2", id="no truth"),
        pytest.param(HEADER + "1,-1,1,true\n", "line 2 of the recording has a neg", id="negative"),
        pytest.param(HEADER + "1,5,1,true\n", "0 ms after the first one lacks a side", id="side"),
        pytest.param(HEADER + "1,5,1,true\n1,5,1,false\n", "is crossed", id="crossed"),
        pytest.param(HEADER + "1,5,1,true\n1,4,0,false\n", "lacks a side", id="nothing bid"),
    ],
)
def test_a_recorded_book_that_cannot_be_read_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(TapeError, match=complaint):
        read_recording(text.splitlines(keepends=True), ETH)


def test_the_help_lists_every_profile_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    told = " ".join(capsys.readouterr().out.split())
    for profile in PROFILES.values():
        assert f"{profile.name}: {profile.summary}" in told


def test_the_rival_and_the_takers_are_told_from_clients() -> None:
    market = Market(profile="crossed")
    market.run_s(5)

    accounts = {trade.maker.account_index for trade in market.trades()}

    assert RIVAL_ACCOUNT in accounts
    assert CLIENT not in accounts
    assert all(trade.taker.account_index != RIVAL_ACCOUNT for trade in market.trades())
