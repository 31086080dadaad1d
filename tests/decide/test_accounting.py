"""The books of a pair against the paper exchange: to the last unit of its own rounding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from hedgepair_runner.accounting import entry_after_units, realized_units
from hedgepair_runner.contract.identity import PairId, Role, client_order_index
from hedgepair_runner.contract.receipts import Receipt
from hedgepair_runner.local.exchange_records import market_of
from hedgepair_runner.orders import AccountTrade, Funding
from hedgepair_runner.receipting import Issuer, ReceiptBook
from hedgepair_runner.venues.lighter.account_parsing import funding_page_of, trades_of
from hedgepair_runner.venues.paper import rendering_funding, rendering_trades
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.views import TradeQuery

A, B, STREET = 101, 102, 7
PAIR = PairId(namespace="default", pairing="pair")
START_US = 1_800_000_000_000_000
MINUTE_US = 60_000_000
PICO = Decimal("1e-12")
RULES = ExchangeSettings(
    accidental_price_bps=None,
    price_band_bps=None,
    tier_of_account={A: "plus", B: "premium-500k"},
    funding_interval_us=MINUTE_US,
)
MARKET = market_of(ETH)


@dataclass(frozen=True)
class Step:
    """A trade of one leg with the street, or a minute that passes."""

    account: int
    lots: int
    ticks: int


STEPS = st.lists(
    st.builds(
        Step,
        account=st.sampled_from((A, B, B, STREET)),
        lots=st.integers(-900, 900).filter(bool),
        ticks=st.integers(190_000, 210_000),
    ),
    min_size=1,
    max_size=30,
)


class World:
    def __init__(self) -> None:
        self.now_us = START_US
        self.exchange = Exchange(
            chain_id=300, seed="books", markets=[ETH], settings=RULES, now_us=START_US
        )
        self._nonce = 1 << 20

    def play(self, step: Step) -> None:
        self.now_us += 1_000
        if step.account == STREET:
            self.exchange.set_index_price(ETH.market_id, step.ticks, now_us=self.now_us)
            self.now_us += MINUTE_US
            self.exchange.advance(self.now_us)
            return
        self._nonce += 1
        role = Role.MAKER if step.account == A else Role.HEDGER
        index = client_order_index(role, PAIR, self._nonce)
        is_ask = step.lots < 0
        # A rests and is taken, B takes.
        first, second = (A, STREET) if step.account == A else (STREET, B)
        for account in (first, second):
            own = account == step.account
            self.exchange.place_direct(
                account,
                market_id=ETH.market_id,
                is_ask=is_ask if own else not is_ask,
                size_lots=abs(step.lots),
                price_ticks=step.ticks,
                now_us=self.now_us,
                time_in_force=TimeInForce.GTT if account == first else TimeInForce.IOC,
                client_order_index=index if own else 0,
            )

    def trades(self) -> list[AccountTrade]:
        """As the venue's JSON tells them of either leg, oldest first."""
        found: list[AccountTrade] = []
        for account in (A, B):
            query = TradeQuery(account_index=account, descending=False, limit=10_000)
            rows = [
                rendering_trades.trade(trade, ETH, viewer=account, complete=False)
                for trade in self.exchange.trades(query).trades
            ]
            found += trades_of(rows, {0: MARKET}, accounts=(account,), channel="test")
        return sorted(found, key=lambda trade: (trade.trade_id, trade.account_index))

    def fundings(self) -> list[Funding]:
        found: list[Funding] = []
        for account in (A, B):
            payments = self.exchange.funding.payments(account)
            rows = [rendering_funding.payment(payment, ETH) for payment in payments]
            page, _ = funding_page_of({"position_fundings": rows}, account)
            found += page.values()
        return found

    def gained(self) -> Decimal:
        """What both accounts' collateral has gained since they were made."""
        start_pico = RULES.default_collateral_micro * 1_000_000
        found = (self.exchange.account(account) for account in (A, B))
        return sum(view.collateral_pico - start_pico for view in found if view) * PICO


def book_of(world: World) -> ReceiptBook:
    book = ReceiptBook(
        Issuer(
            role=Role.HEDGER, pair=PAIR, holder="h", market=MARKET, maker_account=A, own_account=B
        )
    )
    book.begin(epoch=1, now_ms=START_US // 1_000, after_id=0)
    return book


def receipts_of(book: ReceiptBook) -> tuple[Receipt, ...]:
    return book.due(is_open=lambda index: False, wall_ms=lambda boot_s: 0)


def result(receipt: Receipt) -> Decimal:
    fees = Decimal(receipt.fee_quote) + Decimal(receipt.maker_fee_quote)
    return Decimal(receipt.pnl_quote) - fees + Decimal(receipt.funding_quote)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_receipts_and_what_is_open_come_to_the_collateral_of_both_legs(steps: list[Step]) -> None:
    world = World()
    for step in steps:
        world.play(step)
    book = book_of(world)
    for trade in world.trades():
        book.note(trade, now_ms=0)

    receipts = receipts_of(book)

    booked = sum(map(result, receipts), start=Decimal(0))
    total = book.total()
    assert total is not None
    by_hedges = [trade for trade in world.trades() if trade.account_index == B]
    if by_hedges:
        # What came after the last hedge waits for the next receipt.
        assert receipts[-1].carry is not None
        assert Decimal(receipts[-1].carry.total_quote) == booked
    fundings = world.fundings()
    book.books.fund(fundings)
    with_funding = book.total()
    assert with_funding is not None
    # The venue shows each payment rounded down to a millionth, and books it exactly.
    rounding = world.gained() - with_funding
    assert Decimal(0) <= rounding < Decimal("1e-6") * max(len(fundings), 1)
    if not fundings:
        assert total == world.gained()
    assert sum(each.signed_lots for each in receipts) == sum(t.signed_lots for t in by_hedges)


@settings(max_examples=20, deadline=None)
@given(STEPS, st.integers(0, 29))
def test_a_successor_that_goes_on_from_a_receipt_comes_to_the_same(
    steps: list[Step], cut: int
) -> None:
    world = World()
    for step in steps:
        world.play(step)
    trades = world.trades()
    whole, first = book_of(world), book_of(world)
    for trade in trades:
        whole.note(trade, now_ms=0)
    for trade in trades[:cut]:
        first.note(trade, now_ms=0)
    receipts = receipts_of(first)

    successor = book_of(world)
    for trade in trades:
        successor.note(trade, now_ms=0)
    if receipts:
        successor.resume(receipts[-1], epoch=1)
    later = receipts_of(successor)

    assert [*receipts, *later] == list(receipts_of(whole))
    assert successor.total() == whole.total()


@given(
    before=st.integers(-1_000, 1_000),
    entry=st.integers(0, 10**9),
    lots=st.integers(-1_000, 1_000).filter(bool),
    ticks=st.integers(1, 10**6),
)
def test_nothing_is_realised_by_adding_and_the_entry_never_turns_negative(
    before: int, entry: int, lots: int, ticks: int
) -> None:
    entry = entry if before else 0
    assert entry_after_units(before, entry, lots, ticks) >= 0
    if before * lots >= 0:
        assert realized_units(before, entry, lots, ticks) == 0


def test_a_trade_that_tells_no_entry_value_makes_the_total_unknown_until_it_is_booked() -> None:
    world = World()
    for account, lots in ((A, 500), (B, -500), (A, -200)):
        world.play(Step(account=account, lots=lots, ticks=200_000))
    *known, last = world.trades()
    book = book_of(world)
    for trade in known:
        book.note(trade, now_ms=0)
    assert book.total() is not None
    book.note(replace(last, entry_before_units=None), now_ms=0)

    assert book.total() is None
