"""The generated market: deterministic, never empty, and no client's order rests for ever."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.generator import GENERATED
from hedgepair_runner.venues.paper.markets import BTC, CATALOGUE, ETH, SOL
from hedgepair_runner.venues.paper.price_paths import BAND_BPS
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.tape import TapeError, read_tape
from hedgepair_runner.venues.paper.views import TradeQuery
from tests.exchange.generated_market import CLIENT, Market

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("rules", [ETH, BTC, SOL], ids=lambda rules: rules.symbol)
def test_both_sides_hold_twenty_levels_at_every_moment(rules: MarketRules) -> None:
    market = Market(rules)

    market.run_s(20)

    assert market.fewest_levels >= 20
    assert len(market.trades()) > 50


def test_the_same_seed_makes_the_same_market_and_another_seed_another() -> None:
    markets = [Market(seed=seed) for seed in ("a", "a", "b")]
    for market in markets:
        market.run_s(5)

    first, second, other = (market.trades() for market in markets)

    assert first == second
    assert [trade.price_ticks for trade in first] != [trade.price_ticks for trade in other]


def test_a_demo_order_at_the_touch_fills_within_a_second_or_so_again_and_again() -> None:
    market = Market()

    times = sorted(market.seconds_to_fill(depth=1, lots=500, at_most_s=20) for _ in range(20))

    assert times[10] <= 1.0
    assert sum(times) <= 40


@pytest.mark.parametrize("depth", [3, 10, 20])
def test_an_order_fills_at_any_depth(depth: int) -> None:
    assert Market(profile="busy").seconds_to_fill(depth=depth, lots=500, at_most_s=120) > 0


def test_orders_fill_in_part_as_well_as_wholly() -> None:
    market = Market()
    partly = 0
    for _ in range(20):
        index = market.rest(depth=1, lots=500)
        while (order := market.live(index)) is not None and not order.filled_lots:
            market.run_until(market.clock.us + 20_000)
        if order is not None:
            partly += 1
            market.exchange.cancel_direct(CLIENT, index, now_us=market.clock.us)

    assert 1 <= partly < 20


@pytest.mark.parametrize("profile", list(PROFILES))
def test_the_price_stays_in_its_band_and_the_book_uncrossed(profile: str) -> None:
    market = Market(profile=profile)
    start = ETH.start_price_ticks

    for _ in range(20):
        market.run_s(1)
        touch = market.exchange.touch(0)
        assert touch.ask is not None
        assert touch.bid is not None
        assert touch.bid.price_ticks < touch.ask.price_ticks

    prices = [trade.price_ticks for trade in market.trades()]
    assert max(abs(price - start) for price in prices) < start * BAND_BPS // 10_000


def test_generated_quotes_respect_the_markets_minimums() -> None:
    for rules in CATALOGUE.values():
        book = Market(rules).exchange.book(rules.market_id, order_limit=500)
        for order in (*book.ask_orders, *book.bid_orders):
            assert order.account_index in GENERATED
            assert order.initial_lots >= rules.min_base_lots
            assert order.initial_lots * order.price_ticks >= rules.min_quote_micro


def test_after_a_stall_the_missed_steps_are_not_played_in_one_burst() -> None:
    market = Market()
    before = len(market.trades())

    market.clock.us += 3_600_000_000
    market.gateway.advance()

    assert len(market.trades()) - before < 200
    due_us = market.gateway.next_due_us()
    assert due_us is not None
    assert due_us >= market.clock.us


TAPE = """timestamp_ms,price,size,is_buy
1000,2500.00,0.3,true
1500,2500.50,0.2,false
2250,2499.75,0.00001,true
2000,2499.50,0.1,1
"""


def test_a_tape_is_played_at_its_own_times_prices_and_sizes() -> None:
    market = Market(tape=read_tape(TAPE.splitlines(), ETH))

    market.run_s(1)

    buys = [trade for trade in market.trades() if trade.is_maker_ask]
    sells = [trade for trade in market.trades() if not trade.is_maker_ask]
    assert sum(trade.size_lots for trade in buys) == 4_000
    assert sum(trade.size_lots for trade in sells) == 2_000
    assert all(abs(trade.price_ticks - 250_000) < 300 for trade in market.trades())


def test_a_tape_begins_anew_after_its_end() -> None:
    tape = read_tape(TAPE.splitlines(), ETH)

    assert [trade.after_us for trade in tape.trades] == [0, 500_000, 1_000_000]
    assert [tape.due_us(position) for position in range(4)] == [0, 500_000, 1_000_000, 2_000_000]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("price,size\n1,1\n", "lacks the column is_buy, timestamp_ms", id="columns"),
        pytest.param("timestamp_ms,price,size,is_buy\n", "holds no trade", id="empty"),
        pytest.param("timestamp_ms,price,size,is_buy\n1,x,1,true\n", "line 2", id="no number"),
        pytest.param("timestamp_ms,price,size,is_buy\n1,1,1,maybe\n", "line 2", id="no truth"),
        pytest.param("timestamp_ms,price,size,is_buy\n1,NaN,1,1\n", "line 2", id="no price"),
        pytest.param("timestamp_ms,price,size,is_buy\n1,1\n", "line 2", id="short line"),
    ],
)
def test_a_tape_that_cannot_be_read_is_refused_with_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(TapeError, match=complaint):
        read_tape(text.splitlines(), ETH)


@settings(max_examples=10, deadline=None)
@given(seed=st.text(max_size=5), lots=st.integers(50, 5_000), is_ask=st.booleans())
def test_a_clients_order_never_fills_beyond_its_size_or_its_price(
    seed: str, lots: int, is_ask: bool
) -> None:
    market = Market(seed=seed, profile="busy")
    touch = market.exchange.touch(0)
    assert touch.ask is not None
    assert touch.bid is not None
    price_ticks = (touch.ask if is_ask else touch.bid).price_ticks
    market.exchange.place_direct(
        CLIENT,
        market_id=0,
        is_ask=is_ask,
        size_lots=lots,
        price_ticks=price_ticks,
        now_us=market.clock.us,
    )

    market.run_s(3)

    query = TradeQuery(account_index=CLIENT, limit=1_000)
    trades = market.exchange.trades(query).trades
    assert sum(trade.size_lots for trade in trades) <= lots
    assert all(trade.price_ticks == price_ticks for trade in trades)
