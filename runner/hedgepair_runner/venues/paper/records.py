"""The paper exchange's vocabulary: markets, orders, trades, transactions, as frozen facts.

Whole numbers as the venue counts (protocol §1.3): `_lots` is base · 10^size_decimals, `_ticks` is
price · 10^price_decimals, `_micro` is quote · 10^6 (lots · ticks of any market), `_pico` is
quote · 10^12 (what a fee in millionths of a micro comes to, protocol §7.11). Signed sizes are
positive for long. Times are Unix milliseconds (`_ms`) or microseconds (`_us`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

PICO_PER_MICRO = 1_000_000
NIL_MARKET = 255
MASTER_MAX_ACCOUNT_INDEX = 1 << 47
"""Sub-accounts count down from 2^48 − 2; master accounts count up from 0 (protocol §1.2)."""


class OrderType(IntEnum):
    LIMIT = 0
    MARKET = 1
    STOP_LOSS = 2
    STOP_LOSS_LIMIT = 3
    TAKE_PROFIT = 4
    TAKE_PROFIT_LIMIT = 5
    TWAP = 6
    TWAP_SUB = 7
    LIQUIDATION = 8

    @property
    def is_trigger(self) -> bool:
        """Waits for the mark price before it may trade."""
        return OrderType.STOP_LOSS <= self <= OrderType.TAKE_PROFIT_LIMIT

    @property
    def is_market(self) -> bool:
        """Its price bounds the average, not each fill (protocol §7.5)."""
        return self in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT)


class TimeInForce(IntEnum):
    IOC = 0
    GTT = 1
    POST_ONLY = 2


class OrderStatus(StrEnum):
    """Protocol §7.2. Whatever begins with `canceled` is terminal and may have filled in part."""

    IN_PROGRESS = "in-progress"
    PENDING = "pending"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    CANCELED_POST_ONLY = "canceled-post-only"
    CANCELED_REDUCE_ONLY = "canceled-reduce-only"
    CANCELED_POSITION_NOT_ALLOWED = "canceled-position-not-allowed"
    CANCELED_MARGIN_NOT_ALLOWED = "canceled-margin-not-allowed"
    CANCELED_TOO_MUCH_SLIPPAGE = "canceled-too-much-slippage"
    CANCELED_NOT_ENOUGH_LIQUIDITY = "canceled-not-enough-liquidity"
    CANCELED_SELF_TRADE = "canceled-self-trade"
    CANCELED_EXPIRED = "canceled-expired"
    CANCELED_OCO = "canceled-oco"
    CANCELED_CHILD = "canceled-child"
    CANCELED_LIQUIDATION = "canceled-liquidation"
    CANCELED_INVALID_BALANCE = "canceled-invalid-balance"

    @property
    def is_terminal(self) -> bool:
        return self is OrderStatus.FILLED or self.value.startswith("canceled")


class TradeType(StrEnum):
    TRADE = "trade"
    LIQUIDATION = "liquidation"
    DELEVERAGE = "deleverage"
    MARKET_SETTLEMENT = "market-settlement"


class TxStatus(IntEnum):
    """`status` of a transaction record (protocol §3.10)."""

    FAILED = 0
    PENDING = 1
    EXECUTED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What a market demands of an order. Margin fractions are out of 10,000."""

    market_id: int
    symbol: str
    size_decimals: int
    price_decimals: int
    min_base_lots: int
    min_quote_micro: int
    order_quote_limit_micro: int = 281_474_976_710_655
    default_initial_margin_fraction: int = 500
    min_initial_margin_fraction: int = 200
    maintenance_margin_fraction: int = 120
    closeout_margin_fraction: int = 80
    liquidation_fee_millionths: int = 10_000
    """At most so much of a liquidation goes to the insurance fund: 1 %."""
    funding_clamp_small_millionths: int = 500
    funding_clamp_big_millionths: int = 40_000
    base_interest_millionths: int = 100
    """Per 8 hours, as the clamps (protocol §7.14)."""
    status: str = "active"
    start_price_ticks: int = 1
    """Mark price before the first trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order at one moment. `order_index` is (market + 1)·2^48 + order nonce (protocol §1.2)."""

    order_index: int
    client_order_index: int
    account_index: int
    market_id: int
    is_ask: bool
    order_type: OrderType
    time_in_force: TimeInForce
    reduce_only: bool
    price_ticks: int
    initial_lots: int
    filled_lots: int = 0
    filled_quote_micro: int = 0
    trigger_price_ticks: int = 0
    expiry_ms: int = 0
    status: OrderStatus = OrderStatus.IN_PROGRESS
    priority: int = 0
    """Time priority within a price: the engine nonce when it last entered the book."""
    engine_nonce: int = 0
    """The engine's nonce of the last change: what order channels show as `nonce`."""
    order_version: int = 0
    self_trade_behaviour: int = 0
    self_trade_equality: int = 0
    triggered_us: int = 0
    """When the mark price let a trigger order go; 0: it waits, or it is no trigger order."""
    created_us: int = 0
    updated_us: int = 0
    block_height: int = 0

    @property
    def remaining_lots(self) -> int:
        return self.initial_lots - self.filled_lots


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a trade: who, by which order, from which position, at which cost."""

    account_index: int
    order_index: int
    client_order_index: int
    position_before_lots: int
    entry_quote_before_micro: int
    initial_margin_fraction_before: int
    sign_changed: bool
    fee_millionths: int
    pnl_pico: int
    """Realised profit of this trade, without the fee (protocol §7.13)."""
    allocated_before_pico: int = 0
    """Of an isolated position, as below."""
    allocated_after_pico: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One match, at the maker's price. Tape order is trade id order."""

    trade_id: int
    market_id: int
    price_ticks: int
    size_lots: int
    maker: Party
    taker: Party
    is_maker_ask: bool
    trade_type: TradeType = TradeType.TRADE
    engine_nonce: int = 0
    block_height: int = 0
    executed_us: int = 0

    @property
    def quote_micro(self) -> int:
        return self.size_lots * self.price_ticks

    @property
    def ask(self) -> Party:
        return self.maker if self.is_maker_ask else self.taker

    @property
    def bid(self) -> Party:
        return self.taker if self.is_maker_ask else self.maker


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position in one market. `entry_quote_micro` is unsigned (protocol §7.13)."""

    market_id: int
    size_lots: int = 0
    entry_quote_micro: int = 0
    realized_pnl_pico: int = 0
    initial_margin_fraction: int = 0
    """0 = the market's default."""
    margin_mode: int = 0
    """0 cross, 1 isolated."""
    allocated_margin_pico: int = 0
    """Collateral of an isolated position; a cross position has none of its own."""
    funding_paid_pico: int = 0

    @property
    def is_isolated(self) -> bool:
        return self.margin_mode == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRound:
    """What a market's holders paid each other at one time (protocol §7.14)."""

    funding_id: int
    market_id: int
    at_us: int
    rate_millionths: int
    """Of the hour; positive: longs pay."""
    index_price_ticks: int

    @property
    def value_pico(self) -> int:
        """What a long of one lot pays."""
        return self.index_price_ticks * self.rate_millionths


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """One account's part in a round."""

    round: FundingRound
    account_index: int
    size_lots: int
    """The position that paid or was paid."""
    change_pico: int
    """What it did to the account's collateral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TxRecord:
    """A transaction and its verdict, as `account_tx` and `GET /tx` tell it (protocol §3.10)."""

    tx_hash: str
    tx_type: int
    info: str
    """The tx_info text as it was sent."""
    account_index: int
    api_key_index: int
    nonce: int
    expired_at_ms: int
    status: TxStatus
    event_info: str = ""
    """JSON text with short keys; `ae` is the engine's error (protocol §3.10)."""
    queued_us: int = 0
    executed_us: int = 0
    sequence_index: int = 0
    block_height: int = 0
    l1_address: str = ""
