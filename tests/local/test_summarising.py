"""The summary: every lot of a hedge covers one lot of a fill, the oldest first, never a second."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.local.observations import LegOrder, LegRecords, LegTrade, PairRecords
from hedgepair_runner.local.summarising import cover_fills, summarise
from hedgepair_runner.units import Market

MARKET = Market(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_units=10_000_000,
    order_quote_limit_units=10**15,
)
Trades = list[tuple[int, int]]


def trades(ids_and_lots: Trades) -> tuple[LegTrade, ...]:
    """Trade ids are milliseconds, too."""
    return tuple(
        LegTrade(
            trade_id=trade_id,
            at_us=trade_id * 1000,
            signed_lots=lots,
            price_ticks=235_000,
            order_index=trade_id,
            is_maker=True,
            pnl_quote=Decimal("0.5"),
            fee_quote=Decimal("0.1"),
        )
        for trade_id, lots in ids_and_lots
    )


def records(fills: Trades, hedges: Trades | None, *, orders: int = 0) -> PairRecords:
    resting = tuple(
        LegOrder(
            order_index=9_000 + n,
            is_ask=False,
            price_ticks=235_000,
            initial_lots=500,
            remaining_lots=500,
            placed_ms=1,
        )
        for n in range(orders)
    )
    maker = LegRecords(
        account_index=1,
        position_lots=sum(lots for _, lots in fills),
        orders=resting,
        trades=trades(fills),
    )
    hedger = None
    if hedges is not None:
        total = sum(lots for _, lots in hedges)
        hedger = LegRecords(account_index=2, position_lots=total, trades=trades(hedges))
    return PairRecords(market=MARKET, at_ms=1, maker=maker, hedger=hedger)


@pytest.mark.parametrize(
    ("fills", "hedges", "hedged", "waits_ms", "open_lots", "surplus_lots"),
    [
        pytest.param([], [], 0, [], 0, 0, id="nothing happened"),
        pytest.param([(1, 5)], [], 0, [], 5, 0, id="not hedged yet"),
        pytest.param([(1, 5)], [(3, -5)], 1, [2], 0, 0, id="hedged at once"),
        pytest.param([(1, 5)], [(3, -2)], 0, [], 3, 0, id="hedged in part"),
        pytest.param([(1, 5)], [(3, -2), (7, -3)], 1, [6], 0, 0, id="two hedges of one fill"),
        pytest.param([(1, 5), (2, 3)], [(4, -8)], 2, [3, 2], 0, 0, id="one hedge of two fills"),
        pytest.param([(1, 5), (2, 3)], [(4, -6)], 1, [3], 2, 0, id="the oldest fill first"),
        pytest.param([(1, 5)], [(3, -5), (4, -5)], 1, [2], 0, -5, id="hedged twice"),
        pytest.param([(1, 5)], [(3, 5)], 0, [], 5, 5, id="hedged the wrong way"),
        pytest.param([(1, 5), (2, -5)], [], 2, [], 0, 0, id="fills that offset each other"),
        pytest.param([(1, 5), (2, -2)], [(4, -3)], 2, [3], 0, 0, id="offset in part, then hedged"),
        pytest.param([(1, 5)], [(1, -5)], 1, [0], 0, 0, id="a trade between both legs"),
        pytest.param([(5, 5)], [(3, -5)], 1, [], 0, 0, id="hedged before it was filled"),
        pytest.param(
            [(1, 5), (4, -5)], [(2, -5), (6, 5)], 2, [1, 2], 0, 0, id="a whole round trip"
        ),
    ],
)
def test_covers_fills(
    fills: Trades,
    hedges: Trades,
    hedged: int,
    waits_ms: list[int],
    open_lots: int,
    surplus_lots: int,
) -> None:
    cover = cover_fills(trades(fills), trades(hedges))

    assert cover.hedged_fills == hedged
    assert [covering.wait_us // 1000 for covering in cover.coverings] == waits_ms
    assert (cover.open_lots, cover.surplus_lots) == (open_lots, surplus_lots)


LOTS = st.integers(-50, 50).filter(bool)
TAPE = st.lists(st.tuples(st.booleans(), LOTS), max_size=40)


@given(TAPE)
def test_what_is_open_and_what_is_too_much_add_up_to_the_net(tape: list[tuple[bool, int]]) -> None:
    fills = [(n, lots) for n, (is_fill, lots) in enumerate(tape, 1) if is_fill]
    hedges = [(n, lots) for n, (is_fill, lots) in enumerate(tape, 1) if not is_fill]

    cover = cover_fills(trades(fills), trades(hedges))

    assert cover.open_lots + cover.surplus_lots == sum(lots for _, lots in tape)
    assert (cover.open_lots == 0) == (cover.hedged_fills == len(fills))
    assert all(covering.wait_us >= 0 for covering in cover.coverings)
    assert len({covering.fill_id for covering in cover.coverings}) == len(cover.coverings)


@given(st.lists(LOTS, max_size=40))
def test_a_hedge_of_each_fill_covers_them_all(lots: list[int]) -> None:
    fills = [(2 * n, size) for n, size in enumerate(lots, 1)]
    hedges = [(2 * n + 1, -size) for n, size in enumerate(lots, 1)]

    cover = cover_fills(trades(fills), trades(hedges))

    assert cover.hedged_fills == len(cover.coverings) == len(lots)
    assert cover.surplus_lots == 0


def test_the_json_object_has_exactly_its_fields_in_plain_numbers() -> None:
    summary = summarise(records([(1, 500), (3, 12)], [(2, -500), (7, -12)], orders=1))

    assert summary.as_json() == {
        "fills": 2,
        "hedged_fills": 2,
        "maker_position": "0.0512",
        "hedger_position": "-0.0512",
        "net": "0",
        "resting_orders": 1,
        "fill_to_hedge_ms": {"p50": 1.0, "p99": 4.0},
        "pnl": "1.6",
    }
    assert summary.is_hedged


def test_what_does_not_exist_is_null_not_zero() -> None:
    summary = summarise(records([(1, 500)], None))

    assert summary.as_json()["hedger_position"] is None
    assert summary.as_json()["fill_to_hedge_ms"] == {"p50": None, "p99": None}
    assert not summary.is_hedged


@pytest.mark.parametrize(
    ("waits", "p50", "p99"),
    [
        pytest.param([4], 4, 4, id="one"),
        pytest.param([1, 2], 1, 2, id="two"),
        pytest.param(list(range(1, 101)), 50, 99, id="a hundred"),
    ],
)
def test_a_percentile_is_a_wait_that_happened(waits: list[int], p50: float, p99: float) -> None:
    fills = [(1000 * n, 1) for n in range(1, len(waits) + 1)]
    hedges = [(1000 * n + wait, -1) for n, wait in enumerate(waits, 1)]

    summary = summarise(records(fills, hedges))

    assert (summary.fill_to_hedge_p50_ms, summary.fill_to_hedge_p99_ms) == (p50, p99)
