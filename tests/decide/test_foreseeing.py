"""The hedge of a whole fill is known while the quote rests, and signed before it is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.ahead_signer import LEAST_LIFE_MS, AheadSigner
from hedgepair_runner.foreseeing import foreseen_hedge
from hedgepair_runner.hedging import HedgeQuestion, HedgerPolicy, decide_hedge
from hedgepair_runner.orders import Side, SignedTx, TimeInForce
from hedgepair_runner.quotes import QuoteTold
from hedgepair_runner.venues.venue import OrderRequest, SigningFailed
from tests.decide.facts import BRIEFLY, MARKET, anchored, trade

POLICY = HedgerPolicy(
    max_slippage_bps=50, accepted_net_lots=0, max_net_lots=10**9, same_master=False
)
QUOTE = QuoteTold(
    client_order_index=7,
    side=int(Side.BUY),
    price_ticks=200_000,
    lots=500,
    is_gone=False,
    epoch=7,
    told_ms=1,
)
REQUEST = OrderRequest(
    market_id=1,
    client_order_index=9,
    side=Side.SELL,
    size_lots=500,
    price_ticks=199_700,
    time_in_force=TimeInForce.IOC,
)


@BRIEFLY
@given(
    side=st.sampled_from(Side),
    lots=st.integers(1, 10**6),
    price_ticks=st.integers(1, 10**6),
    before=st.integers(-(10**6), 10**6),
    slippage_bps=st.integers(1, 1_000),
)
def test_what_is_foreseen_is_what_the_whole_fill_then_asks_for(
    side: Side, lots: int, price_ticks: int, before: int, slippage_bps: int
) -> None:
    policy = replace(POLICY, max_slippage_bps=slippage_bps)
    quote = replace(QUOTE, side=int(side), lots=lots, price_ticks=price_ticks)
    chain = anchored(at=100, lots=before)
    chain.add(trade(101, side * lots, before, price=price_ticks, index=7))
    question = HedgeQuestion(
        gap=side * lots,
        attempt=0,
        max_slippage_bps=slippage_bps,
        ioc_has_minimum=False,
        mark_ticks=price_ticks + 5,
        own_quote_ticks=None,
    )

    foreseen = foreseen_hedge(quote, policy=policy, market=MARKET)

    decided = decide_hedge(question, maker=chain, market=MARKET)
    assert foreseen is not None
    # What it covers depends on the position before: it is no part of the order.
    assert replace(foreseen, covers_lots=chain.head_lots) == decided


def test_a_quote_that_is_gone_asks_for_nothing() -> None:
    assert foreseen_hedge(replace(QUOTE, is_gone=True), policy=POLICY, market=MARKET) is None
    nothing = replace(QUOTE, client_order_index=0, side=0, price_ticks=0, lots=0)
    assert foreseen_hedge(nothing, policy=POLICY, market=MARKET) is None


class CountingSigner:
    """Numbers its signatures; the number is the hash."""

    account_index = 102
    api_key_index = 4

    def __init__(self, clock: SetClock) -> None:
        self.count = 0
        self.refuses = False
        self._clock = clock

    def create(self, request: OrderRequest, *, nonce: int) -> SignedTx:
        if self.refuses:
            raise SigningFailed("no")
        self.count += 1
        return SignedTx(
            tx_type=14,
            info="{}",
            tx_hash=str(self.count),
            nonce=nonce,
            expired_at_ms=self._clock.wall_ms() + 599_000,
        )

    def cancel(self, *, market_id: int, order_index: int, nonce: int) -> SignedTx:
        raise AssertionError("only orders are signed here")

    def modify(
        self, *, market_id: int, order_index: int, size_lots: int, price_ticks: int, nonce: int
    ) -> SignedTx:
        raise AssertionError("only orders are signed here")

    def cancel_all(self, *, market_id: int | None, nonce: int, skip_nonce: bool) -> SignedTx:
        raise AssertionError("only orders are signed here")

    def schedule_cancel_all(self, *, at_ms: int, nonce: int) -> SignedTx:
        raise AssertionError("only orders are signed here")

    def abort_cancel_all(self, *, nonce: int) -> SignedTx:
        raise AssertionError("only orders are signed here")

    def auth_token(self, *, expires_at_s: int) -> str:
        raise AssertionError("only orders are signed here")


class SetClock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def wall_ms(self) -> int:
        return self.now_ms

    def boot_s(self) -> float:
        return self.now_ms / 1_000


def test_exactly_what_was_foreseen_is_signed_once() -> None:
    clock = SetClock()
    inner = CountingSigner(clock)
    signer = AheadSigner(inner, clock=clock)
    signer.foresee(REQUEST, nonce=11)

    assert signer.create(REQUEST, nonce=11).tx_hash == "1"
    assert inner.count == 1
    assert signer.create(REQUEST, nonce=11).tx_hash == "2"  # never given out twice


@pytest.mark.parametrize(
    ("request_", "nonce", "later_ms"),
    [
        pytest.param(replace(REQUEST, size_lots=499), 11, 0, id="another size"),
        pytest.param(replace(REQUEST, price_ticks=199_701), 11, 0, id="another price"),
        pytest.param(replace(REQUEST, side=Side.BUY), 11, 0, id="another side"),
        pytest.param(REQUEST, 12, 0, id="another nonce"),
        pytest.param(REQUEST, 11, 599_001 - LEAST_LIFE_MS, id="too little of its life is left"),
    ],
)
def test_anything_else_is_signed_afresh(request_: OrderRequest, nonce: int, later_ms: int) -> None:
    clock = SetClock()
    signer = AheadSigner(CountingSigner(clock), clock=clock)
    signer.foresee(REQUEST, nonce=11)
    clock.now_ms += later_ms

    signed = signer.create(request_, nonce=nonce)

    assert signed.tx_hash == "2"
    assert signed.nonce == nonce


def test_what_the_signer_refuses_is_heard_of_only_when_it_is_wanted() -> None:
    clock = SetClock()
    inner = CountingSigner(clock)
    signer = AheadSigner(inner, clock=clock)
    inner.refuses = True

    signer.foresee(REQUEST, nonce=11)

    with pytest.raises(SigningFailed):
        signer.create(REQUEST, nonce=11)
