"""What no sequence of orders may break: value, priority, and one story told by all events."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.records import (
    OrderStatus,
    OrderType,
    TimeInForce,
    TxStatus,
)
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import (
    Attributes,
    MarginDirection,
    MarginMode,
)
from hedgepair_runner.venues.paper.views import Accepted
from tests.exchange.desk import ALICE, BOB, CAROL, DAVE, PRICE, UNLIMITED, Desk
from tests.exchange.story import Story, rank
from tests.exchange.worth import worth_pico

TRADERS = (ALICE, BOB, CAROL, DAVE)
USDC = 10**12
GTT = TimeInForce.GTT
SIX_MINUTES_MS = 360_000
TRIGGERS = (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT_LIMIT)
RULES = replace(
    UNLIMITED,
    tier_of_account={ALICE: "premium", BOB: "plus", CAROL: "standard"},
    same_l1=frozenset({frozenset({CAROL, DAVE})}),
    funding_interval_us=60_000_000,
    insurance_fund_micro=20_000_000_000,
)
"""Fees and delays that differ, two accounts of one owner, funding by the minute, and a fund that
bears one takeover and not the next."""


@dataclass(frozen=True, slots=True)
class Place:
    account: int
    side: str
    lots: int
    price: int
    tif: TimeInForce
    kind: OrderType
    reduce_only: bool
    behaviour: int
    equality: int
    trigger: int


@dataclass(frozen=True, slots=True)
class Cancel:
    account: int
    which: int


@dataclass(frozen=True, slots=True)
class Modify:
    account: int
    which: int
    lots: int
    price: int


@dataclass(frozen=True, slots=True)
class CancelAll:
    account: int


@dataclass(frozen=True, slots=True)
class Wait:
    microseconds: int


@dataclass(frozen=True, slots=True)
class Index:
    ticks: int


@dataclass(frozen=True, slots=True)
class Isolate:
    account: int
    fraction: int


@dataclass(frozen=True, slots=True)
class Allocate:
    account: int
    usdc: int


Action = Place | Cancel | Modify | CancelAll | Wait | Index | Isolate | Allocate

accounts = st.sampled_from(TRADERS)
prices = st.integers(PRICE - 4, PRICE + 4)
sizes = st.integers(50, 300) | st.sampled_from([1_000_000, 9_000_000])
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(
        Place,
        account=accounts,
        side=st.sampled_from(["buy", "sell"]),
        lots=sizes,
        price=prices,
        tif=st.sampled_from([GTT, GTT, GTT, TimeInForce.POST_ONLY, TimeInForce.IOC]),
        kind=st.sampled_from([OrderType.LIMIT] * 5 + [OrderType.MARKET, *TRIGGERS]),
        reduce_only=st.sampled_from([False] * 5 + [True]),
        behaviour=st.integers(0, 3),
        equality=st.integers(0, 1),
        trigger=prices,
    ),
    st.builds(Cancel, account=accounts, which=st.integers(0, 9)),
    st.builds(Modify, account=accounts, which=st.integers(0, 9), lots=sizes, price=prices),
    st.builds(CancelAll, account=accounts),
    st.builds(Wait, microseconds=st.sampled_from([0, 100_000, 250_000, 400_000_000])),
    st.builds(Index, ticks=st.sampled_from([PRICE - 30_000, PRICE - 5_000, PRICE, PRICE + 9_000])),
    st.builds(Isolate, account=accounts, fraction=st.sampled_from([200, 500, 2_000])),
    st.builds(Allocate, account=accounts, usdc=st.sampled_from([-1_000, 1, 20_000])),
)


def _carry_out(desk: Desk, action: Action) -> None:
    match action:
        case Wait():
            desk.wait(action.microseconds)
            return
        case Place():
            reduces_by_master = action.behaviour == 3 and action.equality == 1
            tx = desk.order(
                action.account,
                action.side,
                action.lots,
                action.price,
                tif=TimeInForce.IOC if action.kind.is_market else action.tif,
                trigger=action.trigger if action.kind.is_trigger else 0,
                kind=action.kind,
                reduce_only=action.reduce_only,
                attributes=Attributes(
                    self_trade_behaviour=action.behaviour,
                    self_trade_equality=0 if reduces_by_master else action.equality,
                ),
            )
            if tx.expiry_ms:
                tx = replace(tx, expiry_ms=desk.now_ms + SIX_MINUTES_MS)
            _send_and_check_nonce(desk, desk.admit(tx), tx.account_index, tx.nonce)
        case Cancel() | Modify():
            live = desk.exchange.active_orders(action.account)
            if not live:
                return
            index = live[action.which % len(live)].order_index
            other = (
                desk.cancel(action.account, index)
                if isinstance(action, Cancel)
                else desk.modify(action.account, index, action.lots, action.price)
            )
            _send_and_check_nonce(desk, desk.admit(other), action.account, other.nonce)
        case CancelAll():
            all_ = desk.cancel_all(action.account)
            _send_and_check_nonce(desk, desk.admit(all_), action.account, all_.nonce)
        case Index():
            desk.index(action.ticks)
        case Isolate():
            leverage = desk.leverage(action.account, action.fraction, MarginMode.ISOLATED)
            _send_and_check_nonce(desk, desk.admit(leverage), action.account, leverage.nonce)
        case Allocate():
            side = MarginDirection.ADD if action.usdc > 0 else MarginDirection.REMOVE
            margin = desk.margin(action.account, abs(action.usdc) * 10**6, side)
            _send_and_check_nonce(desk, desk.admit(margin), action.account, margin.nonce)


def _send_and_check_nonce(desk: Desk, answer: object, account: int, nonce: int) -> None:
    assert desk.nonce(account) == nonce + isinstance(answer, Accepted)
    desk.wait()


def _check_value(desk: Desk) -> None:
    """Positions cancel out, and no unit of money appears or gets lost."""
    assert worth_pico(desk.exchange, TRADERS) == (len(TRADERS) * 100_000 + 20_000) * USDC


def _check_book(desk: Desk, story: Story) -> None:
    book = desk.book()
    if book.asks and book.bids:
        assert book.asks[0].price_ticks > book.bids[0].price_ticks, "never crossed"
    for is_ask, levels, orders in (
        (True, book.asks, book.ask_orders),
        (False, book.bids, book.bid_orders),
    ):
        told = {
            price: lots for (_, ask, price), lots in story.levels.items() if ask == is_ask and lots
        }
        assert {level.price_ticks: level.size_lots for level in levels} == told
        by_order: dict[int, int] = {}
        for order in orders:
            by_order[order.price_ticks] = by_order.get(order.price_ticks, 0) + order.remaining_lots
        assert by_order == told
        assert list(orders) == sorted(story.resting(0, is_ask), key=rank)


def _check_states(desk: Desk, story: Story) -> None:
    """Every order is live or closed, never both, and neither forgotten."""
    live = {o.order_index for a in TRADERS for o in desk.exchange.active_orders(a)}
    closed = [o.order_index for a in TRADERS for o in desk.exchange.inactive_orders(a).orders]
    assert len(closed) == len(set(closed))
    assert live.isdisjoint(closed)
    assert live | set(closed) == set(story.orders)
    for account in TRADERS:
        resting = desk.exchange.active_orders(account)
        view = desk.account(account)
        assert view.total_order_count == len(resting)
        counts = [held.open_order_count + held.pending_order_count for held in view.positions]
        assert counts in ([], [len(resting)])
        assert view.pending_order_count == sum(o.status is OrderStatus.PENDING for o in resting)
    book = desk.book()
    assert desk.exchange.order_counts(0) == (len(book.ask_orders), len(book.bid_orders))


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.lists(actions, min_size=10, max_size=45))
def test_no_sequence_of_orders_breaks_the_exchange(plan: list[Action]) -> None:
    desk, story = Desk(RULES), Story()
    heard = 0
    for action in plan:
        _carry_out(desk, action)
        for event in desk.events[heard:]:
            story.hear(event)
        heard = len(desk.events)
        _check_value(desk)
        _check_book(desk, story)
    desk.wait(10_000_000)
    for event in desk.events[heard:]:
        story.hear(event)
    _check_value(desk)
    _check_book(desk, story)
    _check_states(desk, story)
    final = [record for record in desk.verdicts if record.status is not TxStatus.PENDING]
    assert len({record.tx_hash for record in final}) == len(final), "one verdict each"


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(actions, min_size=5, max_size=25))
def test_the_same_sequence_tells_the_same_story(plan: list[Action]) -> None:
    first, second = Desk(RULES), Desk(RULES)
    for desk in (first, second):
        for action in plan:
            _carry_out(desk, action)
        desk.wait(10_000_000)
    assert first.events == second.events


def test_the_defaults_are_those_of_the_demo() -> None:
    assert Desk(ExchangeSettings()).account(ALICE).tier_name == "standard"
