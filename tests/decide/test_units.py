"""Whole lots and ticks: on the grid nothing is changed, off it it is refused or rounded."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.units import Market, NotOnGrid
from tests.decide.facts import BRIEFLY, MARKET

grids = st.builds(
    lambda size, price: replace(MARKET, size_decimals=size, price_decimals=price),
    st.integers(0, 8),
    st.integers(0, 8),
)
counts = st.integers(-(10**15), 10**15)


@BRIEFLY
@given(market=grids, count=counts)
def test_whole_numbers_come_back_as_they_went(market: Market, count: int) -> None:
    assert market.lots(market.base(count)) == count
    assert market.ticks(market.price(count)) == count


@pytest.mark.parametrize("text", ["0.00005", "1.00001", "-0.12345"])
def test_a_part_of_a_lot_is_refused(text: str) -> None:
    with pytest.raises(NotOnGrid, match="ETH market's grid"):
        MARKET.lots(Decimal(text))


def test_a_part_of_a_tick_is_refused() -> None:
    with pytest.raises(NotOnGrid, match=r"price 10\.005"):
        MARKET.ticks(Decimal("10.005"))


@BRIEFLY
@given(base=st.decimals("-1000", "1000", places=7))
def test_lots_round_toward_zero(base: Decimal) -> None:
    lots = MARKET.lots_down(base)

    assert abs(MARKET.base(lots)) <= abs(base)
    assert abs(base) - abs(MARKET.base(lots)) < MARKET.lot_base


@BRIEFLY
@given(price=st.decimals("0.001", "100000", places=5))
def test_ticks_round_to_the_side_they_name(price: Decimal) -> None:
    down, up = MARKET.price(MARKET.ticks_down(price)), MARKET.price(MARKET.ticks_up(price))

    assert down <= price <= up
    assert up - down <= MARKET.tick_price


@BRIEFLY
@given(price=st.integers(1, 10**7), base=st.integers(1, 1_000), quote=st.integers(0, 10**8))
def test_the_smallest_order_that_rests_meets_both_minimums_and_one_lot_less_does_not(
    price: int, base: int, quote: int
) -> None:
    market = replace(MARKET, min_base_lots=base, min_quote_units=quote)

    def may_rest(lots: int) -> bool:
        return lots >= 1 and lots >= base and lots * price >= quote

    smallest = market.smallest_resting_lots(price)

    assert may_rest(smallest)
    assert not may_rest(smallest - 1)


def test_a_quote_amount_is_lots_times_ticks() -> None:
    assert MARKET.quote(MARKET.lots(Decimal("0.5")) * MARKET.ticks(Decimal("3000"))) == 1_500
