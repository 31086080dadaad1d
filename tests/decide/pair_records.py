"""The records of a pair, written down trade by trade: what an audit is asked about."""

from __future__ import annotations

from dataclasses import replace

from hedgepair_runner.audit_facts import (
    SIGNED_LIFE_US,
    AuditFacts,
    LegFacts,
    OrderFact,
    Party,
    TapeTrade,
    TxFact,
)
from hedgepair_runner.contract.identity import (
    BAND,
    PairId,
    Role,
    client_order_index,
    unwinding_order_index,
)
from hedgepair_runner.units import Market

PAIR = PairId(namespace="default", pairing="pair")
MARKET = Market(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_units=10_000_000,
    order_quote_limit_units=281_474_976_710_655,
)
A, B, STREET = 101, 102, 7
KEY = 4
PRICE = 200_000
MS = 1_000
FENCE = BAND


class Records:
    """Every step takes a millisecond; both keys are fenced at first."""

    def __init__(self) -> None:
        self.now_us = 1_000_000 * MS
        self._positions = {A: 0, B: 0, STREET: 0}
        self._nonces = {A: FENCE, B: FENCE}
        self._orders: dict[int, list[OrderFact]] = {A: [], B: []}
        self._txs: dict[int, list[TxFact]] = {A: [], B: []}
        self._trades: list[TapeTrade] = []
        for account in (A, B):
            self.tx(account, FENCE)

    def wait(self, ms: int) -> None:
        self.now_us += ms * MS

    # -- what happens --

    def quote(self, lots: int) -> OrderFact:
        return self._order(A, Role.MAKER, lots)

    def hedge(self, lots: int, *, traded: int | None = None, signed_ago_ms: int = 1) -> OrderFact:
        """An IOC of B, and its trade with the street."""
        order = self._order(B, Role.HEDGER, lots, signed_ago_ms=signed_ago_ms)
        self.fill(B, order, lots if traded is None else traded)
        return order

    def unwind(self, lots: int, *, signed_ago_ms: int = 1) -> OrderFact:
        order = self._order(A, Role.MAKER, lots, unwinds=True, signed_ago_ms=signed_ago_ms)
        self.fill(A, order, lots)
        return order

    def fill(self, account: int, order: OrderFact | None, lots: int, kind: str = "trade") -> None:
        """Signed, of the account; without an order a trade past the pair."""
        own = self._party(account, order)
        self._trade(own, self._party(STREET, None), lots, kind)

    def between_legs(self, quote: OrderFact, lots: int) -> None:
        """B's hedge meets A's quote; `lots` as A gets them."""
        hedge = self._order(B, Role.HEDGER, -lots)
        self._trade(self._party(A, quote), self._party(B, hedge), lots, "trade")

    def tx(self, account: int, nonce: int, *, signed_ago_ms: int = 1) -> TxFact:
        self.wait(1)
        tx = TxFact(
            api_key_index=KEY,
            nonce=nonce,
            tx_hash=f"{account}-{nonce}-{self.now_us}",
            is_executed=True,
            executed_us=self.now_us,
            sequence=len(self._txs[account]),
            expires_us=self.now_us - signed_ago_ms * MS + SIGNED_LIFE_US,
        )
        self._txs[account].append(tx)
        return tx

    def end(self, order: OrderFact) -> None:
        for orders in self._orders.values():
            orders[:] = [replace(o, is_resting=False) if o == order else o for o in orders]

    # -- what the venue tells --

    def facts(self, *, held: dict[int, int] | None = None, only: int | None = None) -> AuditFacts:
        """`held`: positions other than the trades'. `only`: records of one leg alone."""
        positions = self._positions | (held or {})
        legs = {
            account: LegFacts(
                account_index=account,
                api_key_index=KEY,
                position_lots=positions[account],
                orders=tuple(self._orders[account]),
                txs=tuple(self._txs[account]),
            )
            for account in (A, B)
        }
        trades = [t for t in self._trades if only is None or t.party(only) is not None]
        return AuditFacts(
            market=MARKET,
            from_us=0,
            to_us=self.now_us,
            read_us=self.now_us,
            maker=legs[A] if only in (None, A) else None,
            hedger=legs[B] if only in (None, B) else None,
            trades=tuple(trades),
        )

    def _order(
        self,
        account: int,
        role: Role,
        lots: int,
        *,
        unwinds: bool = False,
        signed_ago_ms: int = 1,
    ) -> OrderFact:
        self._nonces[account] += 1
        nonce = self._nonces[account]
        tx = self.tx(account, nonce, signed_ago_ms=signed_ago_ms)
        index = (
            unwinding_order_index(PAIR, nonce) if unwinds else client_order_index(role, PAIR, nonce)
        )
        is_quote = role is Role.MAKER and not unwinds
        order = OrderFact(
            order_index=account * 1_000 + len(self._orders[account]),
            client_order_index=index,
            signed_lots=lots,
            filled_lots=0,
            price_ticks=PRICE,
            created_us=tx.executed_us,
            is_ioc=not is_quote,
            is_resting=is_quote,
        )
        self._orders[account].append(order)
        return order

    def _party(self, account: int, order: OrderFact | None) -> Party:
        return Party(
            account_index=account,
            order_index=0 if order is None else order.order_index,
            client_order_index=0 if order is None else order.client_order_index,
            before_lots=self._positions[account],
        )

    def _trade(self, own: Party, other: Party, lots: int, kind: str) -> None:
        self.wait(1)
        bid, ask = (own, other) if lots > 0 else (other, own)
        self._trades.append(
            TapeTrade(
                trade_id=len(self._trades) + 1,
                at_us=self.now_us,
                lots=abs(lots),
                price_ticks=PRICE,
                bid=bid,
                ask=ask,
                is_maker_ask=False,
                kind=kind,
            )
        )
        self._positions[bid.account_index] += abs(lots)
        self._positions[ask.account_index] -= abs(lots)
