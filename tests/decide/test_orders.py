"""The words of the venue: sides, what is left of an order, and when it has ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.orders import Side
from tests.decide.facts import book, order, trade


@pytest.mark.parametrize(
    ("status", "is_terminal"),
    [
        pytest.param("in-progress", False, id="being matched"),
        pytest.param("pending", False, id="waiting for a trigger"),
        pytest.param("open", False, id="resting"),
        pytest.param("filled", True, id="filled"),
        pytest.param("canceled", True, id="by its owner"),
        pytest.param("canceled-post-only", True, id="would have crossed"),
        pytest.param("canceled-not-enough-liquidity", True, id="remainder of an IOC"),
        pytest.param("canceled-by-a-reason-yet-unknown", True, id="only the prefix counts"),
    ],
)
def test_filled_and_canceled_orders_are_terminal(status: str, is_terminal: bool) -> None:
    assert order(1, 5, status=status).is_terminal is is_terminal


def test_a_canceled_order_may_have_been_filled_in_part() -> None:
    canceled = order(1, -5, filled=2, status="canceled")

    assert canceled.is_terminal
    assert canceled.remaining_lots == 3


@pytest.mark.parametrize(
    ("lots", "side"), [pytest.param(3, Side.BUY, id="+"), pytest.param(-3, Side.SELL, id="−")]
)
def test_the_sign_of_a_size_is_its_side(lots: int, side: Side) -> None:
    assert Side.of(lots) is side
    assert side.opposite is Side.of(-lots)
    assert side.is_ask is (lots < 0)


def test_nothing_has_no_side() -> None:
    with pytest.raises(AssertionError, match="zero has no side"):
        Side.of(0)


def test_buys_rest_among_the_bids_and_sells_among_the_asks() -> None:
    both = book([(99, 1)], [(101, 2)])

    assert both.side(Side.BUY) == both.bids
    assert both.side(Side.SELL) == both.asks


@pytest.mark.parametrize("kind", ["liquidation", "deleverage", "market-settlement"])
def test_whatever_is_no_plain_trade_was_forced(kind: str) -> None:
    plain = trade(1, 5, 2)

    assert plain.after_lots == 7
    assert not plain.is_forced
    assert replace(plain, trade_type=kind).is_forced
