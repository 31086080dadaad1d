"""Facts for the tests of rules: markets, trades, orders, slots, with defaults that say nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise

from hypothesis import settings

from hedgepair_runner.contract.identity import PairId, Role, client_order_index
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Alternative, Band, Line, Slot
from hedgepair_runner.orders import (
    AccountTrade,
    Book,
    Level,
    OwnOrder,
    Side,
    SignedTx,
    Verdict,
    VerdictState,
)
from hedgepair_runner.units import Market

BRIEFLY = settings(max_examples=40, deadline=None)
"""For properties of rules that answer in microseconds."""

MAKER_ACCOUNT = 101
HEDGER_ACCOUNT = 102
PAIR = PairId(namespace="trading", pairing="eth-main")
BAND = Band(epoch=7)
MARKET = Market(
    market_id=1,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=10,
    min_quote_units=10_000,
    order_quote_limit_units=10**12,
)


def trade(
    trade_id: int,
    lots: int,
    before: int = 0,
    *,
    account: int = MAKER_ACCOUNT,
    price: int = 1_000,
    index: int = 0,
) -> AccountTrade:
    return AccountTrade(
        account_index=account,
        trade_id=trade_id,
        market_id=MARKET.market_id,
        signed_lots=lots,
        price_ticks=price,
        before_lots=before,
        is_maker=True,
        order_index=trade_id,
        client_order_index=index,
        fee_millionths=0,
        trade_type="trade",
        timestamp_ms=trade_id,
    )


def linked(
    sizes: Iterable[int], *, first_id: int = 101, start: int = 0, account: int = MAKER_ACCOUNT
) -> list[AccountTrade]:
    """Trades that follow each other without a gap, from a position of `start`."""
    stands = accumulate(sizes, initial=start)
    return [
        trade(first_id + number, after - before, before, account=account)
        for number, (before, after) in enumerate(pairwise(stands))
    ]


def anchored(*, at: int = 100, lots: int = 0, account: int = MAKER_ACCOUNT) -> Chain:
    chain = Chain(account_index=account, market_id=MARKET.market_id)
    chain.anchor(at, lots)
    return chain


def order(
    index: int,
    lots: int,
    *,
    filled: int = 0,
    status: str = "open",
    price: int = 1_000,
    engine_nonce: int = 0,
) -> OwnOrder:
    """An order of `lots` (signed), of which `filled` (unsigned) are."""
    return OwnOrder(
        account_index=HEDGER_ACCOUNT,
        market_id=MARKET.market_id,
        order_index=index,
        client_order_index=index,
        side=Side.of(lots),
        price_ticks=price,
        initial_lots=abs(lots),
        filled_lots=filled,
        filled_quote_units=filled * price,
        status=status,
        reduce_only=False,
        updated_us=0,
        engine_nonce=engine_nonce,
    )


def alternative(nonce: int, lots: int, *, name: str = "", expires_ms: int = 600_000) -> Alternative:
    """A signed order of `lots`, or with 0 a harmless transaction."""
    signed = SignedTx(
        tx_type=14 if lots else 16,
        info=f"{nonce}:{lots}:{name}",
        tx_hash=f"hash-{nonce}-{lots}-{name}",
        nonce=nonce,
        expired_at_ms=expires_ms,
    )
    index = client_order_index(Role.HEDGER, PAIR, nonce) if lots else 0
    return Alternative(signed=signed, lots=lots, client_order_index=index)


def sent(line: Line, lots: int, *, nonce: int | None = None, at_s: float = 0.0) -> Slot:
    """A slot whose bytes are on their way, no answer yet."""
    slot = line.put(alternative(line.open() if nonce is None else nonce, lots))
    line.sending(slot, now_s=at_s)
    return slot


def verdict(
    of: Alternative, state: VerdictState = VerdictState.EXECUTED, error: str = ""
) -> Verdict:
    return Verdict(tx_hash=of.signed.tx_hash, nonce=of.signed.nonce, state=state, error=error)


def book(
    bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], *, nonce: int = 10
) -> Book:
    """Levels as (price, size), best first."""
    return Book(
        market_id=MARKET.market_id,
        bids=tuple(Level(price, size) for price, size in bids),
        asks=tuple(Level(price, size) for price, size in asks),
        nonce=nonce,
    )
