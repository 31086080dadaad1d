"""Books, orders, trades and transactions: the words that rules and venues share.

Signed sizes are positive for a buy or a long position. Every fact here is what a venue said,
never what we hope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum


class Side(IntEnum):
    """The sign of what an order adds to a position."""

    BUY = 1
    SELL = -1

    @property
    def opposite(self) -> Side:
        return Side(-self)

    @property
    def is_ask(self) -> bool:
        return self is Side.SELL

    @staticmethod
    def of(signed_lots: int) -> Side:
        if signed_lots == 0:
            raise AssertionError("a size of zero has no side")
        return Side.BUY if signed_lots > 0 else Side.SELL


class TimeInForce(IntEnum):
    """The venue's numbers (protocol §5.4)."""

    IOC = 0
    GTT = 1
    POST_ONLY = 2


@dataclass(frozen=True, slots=True)
class Level:
    price_ticks: int
    size_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The best levels of a market, best first. Built only from an unbroken nonce chain."""

    market_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    nonce: int

    def side(self, side: Side) -> tuple[Level, ...]:
        """The levels that orders of this side rest on."""
        return self.bids if side is Side.BUY else self.asks


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """An order of one of our accounts, as the order channels and lists give it (protocol §3.5)."""

    account_index: int
    market_id: int
    order_index: int
    client_order_index: int
    side: Side
    price_ticks: int
    initial_lots: int
    filled_lots: int
    filled_quote_units: int
    status: str
    reduce_only: bool
    updated_us: int
    engine_nonce: int = 0
    """The engine's nonce of its last change; a book with a lower one does not show it yet."""

    @property
    def remaining_lots(self) -> int:
        return self.initial_lots - self.filled_lots

    @property
    def is_terminal(self) -> bool:
        """Filled, or any status that begins with `canceled` (protocol §7.2)."""
        return self.status == "filled" or self.status.startswith("canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTrade:
    """One account's side of a trade (protocol §3.6).

    `before_lots` is that account's signed position before the trade: the link of the chain
    (design §4.1). `account_index` with `trade_id` is the key; a trade between both legs carries
    one id for both.
    """

    account_index: int
    trade_id: int
    market_id: int
    signed_lots: int
    price_ticks: int
    before_lots: int
    is_maker: bool
    order_index: int
    client_order_index: int
    fee_millionths: int
    trade_type: str
    timestamp_ms: int
    entry_before_units: int | None = None
    """Unsigned entry value of that position (lots · ticks), where the source tells it."""

    @property
    def after_lots(self) -> int:
        return self.before_lots + self.signed_lots

    @property
    def is_forced(self) -> bool:
        """A liquidation, deleverage or settlement: nobody's order of ours."""
        return self.trade_type != "trade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """A funding payment of one account; `change_quote` is what it did to it (protocol §3.10)."""

    account_index: int
    at_ms: int
    change_quote: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRead:
    """An account at one moment, as `GET account` answers (protocol §3.4).

    `positions_lots` maps market id to a signed size; a market that is missing is flat.
    Amounts of quote are texts of the venue, kept as they came.
    """

    account_index: int
    l1_address: str
    positions_lots: Mapping[int, int]
    entry_prices: Mapping[int, str]
    available_balance: str
    collateral: str
    total_asset_value: str
    cancel_all_time_ms: int
    maintenance_quote: str = "0"
    """Maintenance margin of all cross positions."""
    margins: Mapping[int, PositionMargin] = field(default_factory=dict)
    """By market id; a market that is missing is flat, with the market's own fractions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMargin:
    """What `GET account` says of one position beside its size (protocol §3.4, §7.13).

    `liquidation_ticks` None: there is no such price. `value_quote` is size times mark.
    """

    initial_margin_bps: int
    liquidation_ticks: int | None
    value_quote: str
    unrealised_quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTx:
    """A transaction, signed: these bytes or none. `info` is the JSON text that is sent."""

    tx_type: int
    info: str
    tx_hash: str
    nonce: int
    expired_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the engine made of one transaction, found by its own hash (protocol §3.10, §7.1)."""

    tx_hash: str
    nonce: int
    state: VerdictState
    error: str = ""


class VerdictState(StrEnum):
    PENDING = "pending"
    EXECUTED = "executed"
    FAILED = "failed"
    """Failed in the engine. Normally its nonce is consumed; see protocol §7.1.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Queued, not executed (protocol §0.1)."""

    tx_hash: str
    predicted_execution_ms: int | None = None
    quota_remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The venue's door said no to these bytes, this time. A second copy may fare otherwise."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """Sent, and the outcome is unknown (design §4.3): timeout, reset, 429, 405, 5xx."""

    reason: str


SendResult = Accepted | Refused | Ambiguous
