"""What the venue's records say of a pair in a period: the facts that an audit judges (design §14).

Sizes are whole lots, signed where they say so (positive bought), prices whole ticks, times Unix
microseconds. Where the facts come from (REST, an exchange in this process) shows nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from hedgepair_runner.contract.identity import BAND, EPOCH_BITS, ClientIndex
from hedgepair_runner.units import Market

_NONCE_LOW = (BAND << EPOCH_BITS) - 1
"""What a client order index keeps of its nonce."""
SIGNED_LIFE_US = 599_000_000
"""The signer gives every transaction this long to execute (protocol §5.2)."""
ORDINARY = "trade"
"""The kind of a trade that an order made; the others the venue forces (protocol §3.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a trade."""

    account_index: int
    order_index: int
    client_order_index: int
    before_lots: int | None = None
    """Its position before the trade, signed; None where the source does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeTrade:
    """A trade with both sides. Trade ids are the order of the tape."""

    trade_id: int
    at_us: int
    lots: int
    price_ticks: int
    bid: Party
    ask: Party
    is_maker_ask: bool
    kind: str = ORDINARY

    def lots_for(self, account_index: int) -> int:
        """Signed, what it gave the account; a trade with itself gives nothing."""
        bought = self.lots if self.bid.account_index == account_index else 0
        sold = self.lots if self.ask.account_index == account_index else 0
        return bought - sold

    def party(self, account_index: int) -> Party | None:
        """The account's side; of a trade with itself the ask; None if it has none."""
        if self.ask.account_index == account_index:
            return self.ask
        return self.bid if self.bid.account_index == account_index else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFact:
    """An order of a leg, resting or ended. `created_us` may be early by `blur_us`."""

    order_index: int
    client_order_index: int
    signed_lots: int
    """Initial size."""
    filled_lots: int
    price_ticks: int
    created_us: int
    blur_us: int = 0
    is_ioc: bool = False
    is_resting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TxFact:
    """A transaction that the venue executed or failed; pending ones are no facts yet."""

    api_key_index: int
    nonce: int
    tx_hash: str
    is_executed: bool
    executed_us: int
    sequence: int
    """Order of those executed in the same instant."""
    expires_us: int

    @property
    def signed_us(self) -> int:
        """When it was signed, as its expiry tells; never after it was executed."""
        return min(self.expires_us - SIGNED_LIFE_US, self.executed_us)

    @property
    def nonce_low(self) -> int:
        return self.nonce & _NONCE_LOW


def nonce_low(index: ClientIndex) -> int:
    """The low bits of the nonce that an order's client index names."""
    return index.epoch_low * BAND + index.nonce_low


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingFact:
    """A funding payment; `change_quote` is what it did to the account's collateral."""

    funding_id: int
    at_us: int
    change_quote: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    """One account in the pair's market, and one key of it."""

    account_index: int
    api_key_index: int
    position_lots: int
    """Signed, at the time of the look."""
    orders: tuple[OrderFact, ...] = ()
    txs: tuple[TxFact, ...] = ()
    fundings: tuple[FundingFact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFacts:
    """A pair's records. `trades`: of either leg, each once, oldest first, from `from_us` until the
    look at `read_us`; what came after `to_us` only ties positions to trades.
    """

    market: Market
    from_us: int
    to_us: int
    read_us: int
    maker: LegFacts | None
    hedger: LegFacts | None
    trades: tuple[TapeTrade, ...]
    gaps: tuple[str, ...] = field(default=())
    """What the venue does not tell any more, as sentences."""

    @property
    def legs(self) -> tuple[LegFacts, ...]:
        return tuple(leg for leg in (self.maker, self.hedger) if leg is not None)
