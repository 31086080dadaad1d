"""What the engine tells the world, in causal order: order, trade, position, then the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.venues.paper.records import (
    FundingPayment,
    Order,
    Position,
    Trade,
    TxRecord,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    trade: Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged:
    account_index: int
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChanged:
    """A price level of a book has a new total size; 0 lots: it is gone."""

    market_id: int
    is_ask: bool
    price_ticks: int
    size_lots: int
    engine_nonce: int
    now_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TxChanged:
    """A transaction was queued, executed or failed."""

    record: TxRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged:
    """Collateral, the dead man's switch or a margin setting of the account changed."""

    account_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """The account paid or received funding; its position and balance follow."""

    payment: FundingPayment


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """The account was liquidated, or its position was taken to close another's."""

    account_index: int
    trade: Trade
    is_deleverage: bool
    """The account is the one whose profit was cut short."""


Event = (
    OrderChanged
    | Traded
    | PositionChanged
    | LevelChanged
    | TxChanged
    | AccountChanged
    | FundingPaid
    | Notified
)
