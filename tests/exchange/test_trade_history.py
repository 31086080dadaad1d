"""Which trades a query finds, in pages (protocol §3.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.views import TradeQuery, TradeRole
from tests.exchange.desk import ALICE, BOB, CAROL, PRICE, START_US, UNLIMITED, Desk

FIRST = ExchangeSettings().first_trade_id


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Trade n, a second after the one before: maker, taker, taker's side, market."""
    desk = Desk()
    plan = [
        (ALICE, BOB, "buy", 0),
        (BOB, ALICE, "buy", 0),
        (ALICE, BOB, "sell", 0),
        (CAROL, BOB, "buy", 0),
        (ALICE, CAROL, "buy", 1),
    ]
    for maker, taker, side, market in plan:
        desk.place(maker, "sell" if side == "buy" else "buy", 100, market=market)
        desk.place(taker, side, 100, market=market)
        desk.wait(1_000_000)
    return desk


SECOND_MS = 1_000
START_MS = START_US // 1_000


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param(TradeQuery(), [4, 3, 2, 1, 0], id="all, newest first"),
        pytest.param(TradeQuery(descending=False), [0, 1, 2, 3, 4], id="oldest first"),
        pytest.param(TradeQuery(market_id=1), [4], id="a market"),
        pytest.param(TradeQuery(account_index=ALICE), [4, 2, 1, 0], id="an account"),
        pytest.param(TradeQuery(account_index=ALICE, market_id=0), [2, 1, 0], id="both"),
        pytest.param(
            TradeQuery(account_index=ALICE, role=TradeRole.MAKER), [4, 2, 0], id="as maker"
        ),
        pytest.param(TradeQuery(account_index=ALICE, role=TradeRole.TAKER), [1], id="as taker"),
        pytest.param(TradeQuery(account_index=ALICE, is_ask=True), [4, 0], id="selling"),
        pytest.param(TradeQuery(account_index=ALICE, is_ask=False), [2, 1], id="buying"),
        pytest.param(TradeQuery(from_trade_id=FIRST + 2), [2, 1, 0], id="from an id down"),
        pytest.param(TradeQuery(from_trade_id=FIRST + 2, descending=False), [2, 3, 4], id="and up"),
        pytest.param(
            TradeQuery(start_ms=START_MS + SECOND_MS, end_ms=START_MS + 3 * SECOND_MS),
            [3, 2, 1],
            id="between times",
        ),
        pytest.param(TradeQuery(account_index=99), [], id="a stranger"),
    ],
)
def test_a_query_finds_its_trades(desk: Desk, query: TradeQuery, found: list[int]) -> None:
    trades = desk.exchange.trades(query).trades
    assert [trade.trade_id - FIRST for trade in trades] == found


@pytest.mark.parametrize("descending", [True, False])
def test_pages_join_without_gap_or_repeat(desk: Desk, descending: bool) -> None:
    query = TradeQuery(limit=2, descending=descending)
    ids: list[int] = []
    for _ in range(3):
        page = desk.exchange.trades(query)
        ids += [trade.trade_id - FIRST for trade in page.trades]
        query = replace(query, cursor=page.next_cursor)
    assert ids == ([4, 3, 2, 1, 0] if descending else [0, 1, 2, 3, 4])
    assert query.cursor == ""


def test_a_query_by_order_finds_its_fills(desk: Desk) -> None:
    trade = desk.trades[1]
    query = TradeQuery(order_index=trade.taker.order_index)
    assert desk.exchange.trades(query).trades == (trade,)


def test_only_so_many_are_kept() -> None:
    desk = Desk(replace(UNLIMITED, trades_kept=20))
    for _ in range(25):
        desk.place(ALICE, "sell", 100, PRICE)
        desk.place(BOB, "buy", 100, PRICE)
    assert len(desk.exchange.trades(TradeQuery(market_id=0)).trades) == 20
    assert len(desk.exchange.trades(TradeQuery(account_index=ALICE)).trades) == 2
