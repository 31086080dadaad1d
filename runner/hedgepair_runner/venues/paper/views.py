"""What the exchange answers to a read or to an intake call: frozen facts, no text of the wire.

Units as in `records`: `_lots`, `_ticks`, `_micro`, `_pico`, `_ms`, `_us`. Sizes are signed,
positive for long, where a side is not given beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hedgepair_runner.venues.paper.ledgers import Volumes
from hedgepair_runner.venues.paper.margining import Health
from hedgepair_runner.venues.paper.records import (
    FundingRound,
    Order,
    Position,
    Trade,
    TradeType,
)
from hedgepair_runner.venues.paper.transaction_shapes import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that the API refuses (protocol Appendix B). It consumes no nonce."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A well-formed transaction of a known account and key: what the signature check needs."""

    tx: Transaction
    tx_type: int
    tx_hash: str
    info: str
    """The tx_info text as it was sent."""
    account_index: int
    api_key_index: int
    public_key: str
    """80 hex digits, without 0x."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    tx_hash: str
    predicted_execution_ms: int
    volume_quota_remaining: int | None
    """None: the tier has no quota."""
    message: str
    due_us: int
    """When the engine gets it: arrival + the tier's delay, not before its forerunners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    tx_hashes: tuple[str, ...]
    predicted_execution_ms: int
    """Of the last one."""
    volume_quota_remaining: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    price_ticks: int
    size_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookView:
    """A book, best first. `engine_nonce` is of the book's last change, 0 if it never had one."""

    market_id: int
    asks: tuple[LevelView, ...]
    bids: tuple[LevelView, ...]
    ask_orders: tuple[Order, ...]
    """Individual resting orders by price, then time."""
    bid_orders: tuple[Order, ...]
    engine_nonce: int
    changed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """The best level of each side, cheaply."""

    ask: LevelView | None
    bid: LevelView | None
    engine_nonce: int
    changed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """A position with what follows from the mark price (protocol §7.13)."""

    position: Position
    initial_margin_fraction: int
    """In force, out of 10,000: the account's own setting or the market's default."""
    mark_price_ticks: int
    value_micro: int
    """|size| × mark."""
    unrealized_pnl_micro: int
    liquidation_price_ticks: int
    """0 = none."""
    open_order_count: int
    pending_order_count: int = 0
    position_tied_order_count: int = 0
    own: Health | None = None
    """Of an isolated position and its margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    account_index: int
    l1_address: str
    tier_name: str
    maker_fee_millionths: int
    taker_fee_millionths: int
    tier_changed_us: int | None
    collateral_pico: int
    """Cross collateral; what is allocated to isolated positions is theirs."""
    total_asset_value_pico: int
    """Cross asset value + what the isolated positions are worth with their margin."""
    cross_asset_value_pico: int
    """Collateral + Σ unrealised profit of the cross positions."""
    available_balance_pico: int
    """What backs new orders: cross asset value − initial margin requirement, at least 0."""
    cross_initial_margin_pico: int
    cross_maintenance_margin_pico: int
    cross_closeout_margin_pico: int
    cancel_all_time_ms: int
    """The armed dead man's switch, 0 = none."""
    total_order_count: int
    total_isolated_order_count: int
    pending_order_count: int
    """Trigger orders that wait; they are part of the total."""
    positions: tuple[PositionView, ...]
    """By market id; a flat one stays listed if it was traded or its leverage was set."""
    volume_quota_remaining: int | None
    total_trades_count: int
    total_volume_micro: int
    volumes: Volumes
    created_us: int
    changed_us: int
    """Last change of collateral, positions or settings."""


class TradeRole(StrEnum):
    ALL = "all"
    MAKER = "maker"
    TAKER = "taker"


class TradeSort(StrEnum):
    BLOCK_HEIGHT = "block_height"
    TIMESTAMP = "timestamp"
    TRADE_ID = "trade_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeQuery:
    """Filters of `trades` (protocol §3, `/api/v1/trades`). Every one that is None lets all pass."""

    market_id: int | None = None
    account_index: int | None = None
    role: TradeRole = TradeRole.ALL
    """Of the account; without an account it has no effect."""
    order_index: int | None = None
    is_ask: bool | None = None
    """The account's side; without an account it has no effect."""
    trade_type: TradeType | None = None
    from_trade_id: int | None = None
    """Only trades at or past this id in the direction of the sort."""
    start_ms: int | None = None
    end_ms: int | None = None
    """Inclusive, of the execution time."""
    sort_by: TradeSort = TradeSort.TRADE_ID
    """All three orders are trade id order on one engine."""
    descending: bool = True
    cursor: str = ""
    """`next_cursor` of the page before."""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePage:
    trades: tuple[Trade, ...]
    next_cursor: str
    """Empty: there are no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    orders: tuple[Order, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One minute of a market's trades; a minute without trades has no bar."""

    start_ms: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    volume_micro: int
    trades_count: int
    last_trade_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketStatistics:
    """A market's prices and its last 24 hours, to the minute."""

    market_id: int
    mark_price_ticks: int
    index_price_ticks: int
    """The mark price where no index was set."""
    last_trade_price_ticks: int
    """0 before the first trade."""
    open_interest_lots: int
    """Σ of the long positions."""
    daily_trades_count: int
    daily_volume_lots: int
    daily_volume_micro: int
    daily_low_ticks: int
    daily_high_ticks: int
    daily_open_ticks: int
    """First price of the 24 hours, 0 without a trade."""
    funding_estimate_millionths: int = 0
    """The rate of the payment to come, as far as it is known."""
    last_funding: FundingRound | None = None
