"""The signed transactions that the exchange takes, as frozen facts (protocol §5).

Fields carry the product's names; `LAYOUTS` maps them to the venue's. Numbers are whole, as the
venue counts (protocol §1.3). A layout's order is the order of the JSON and of the signed preimage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum

from hedgepair_runner.venues.paper.records import NIL_MARKET, OrderType, TimeInForce

UNSIGNED = bytes(80)
"""Stands for a signature where nobody checks it."""


class CancelAllTimeInForce(IntEnum):
    IMMEDIATE = 0
    SCHEDULED = 1
    ABORT = 2


class MarginMode(IntEnum):
    CROSS = 0
    ISOLATED = 1


class MarginDirection(IntEnum):
    REMOVE = 0
    ADD = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """`L2TxAttributes` (protocol §5.2, §7.8); the defaults are the values left out on the wire.

    Fees are millionths. The fields stand in the order of their ids, 1 to 8.
    """

    integrator_account_index: int = 0
    integrator_taker_fee: int = 0
    integrator_maker_fee: int = 0
    skip_nonce: bool = False
    cancel_all_market: int = NIL_MARKET
    self_trade_behaviour: int = 0
    self_trade_equality: int = 0
    order_version: int = 0

    def by_id(self) -> dict[int, int]:
        """What is not at its default, by id, in order."""
        pairs = enumerate(fields(self), start=1)
        values = ((id_, getattr(self, f.name), f.default) for id_, f in pairs)
        return {id_: int(value) for id_, value, default in values if value != default}


NO_ATTRIBUTES = Attributes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What all transactions share: who, the key's nonce, until when, the signature s ‖ e."""

    account_index: int
    api_key_index: int
    nonce: int
    expired_at_ms: int
    signature: bytes = field(default=UNSIGNED, repr=False)
    attributes: Attributes = NO_ATTRIBUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder(Signed):
    market_id: int
    client_order_index: int
    base_lots: int
    """0 only for reduce-only: the whole position."""
    price_ticks: int
    is_ask: bool
    order_type: OrderType
    time_in_force: TimeInForce
    reduce_only: bool = False
    trigger_price_ticks: int = 0
    expiry_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(Signed):
    market_id: int
    index: int
    """A client order index below 2^48, else an order index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAllOrders(Signed):
    time_in_force: CancelAllTimeInForce
    time_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyOrder(Signed):
    market_id: int
    index: int
    """As in CancelOrder."""
    base_lots: int
    """The new total, with what has filled."""
    price_ticks: int
    trigger_price_ticks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLeverage(Signed):
    market_id: int
    initial_margin_fraction: int
    """Out of 10,000."""
    margin_mode: MarginMode


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMargin(Signed):
    market_id: int
    usdc_micro: int
    direction: MarginDirection


Transaction = (
    CreateOrder | CancelOrder | CancelAllOrders | ModifyOrder | UpdateLeverage | UpdateMargin
)

TX_TYPES: Mapping[type[Transaction], int] = {
    CreateOrder: 14,
    CancelOrder: 15,
    CancelAllOrders: 16,
    ModifyOrder: 17,
    UpdateLeverage: 20,
    UpdateMargin: 29,
}

_WHO = (("AccountIndex", "account_index"), ("ApiKeyIndex", "api_key_index"))
_MARKET = ("MarketIndex", "market_id")
_SIZE_AND_PRICE = (("BaseAmount", "base_lots"), ("Price", "price_ticks"))
_TRIGGER_PRICE = ("TriggerPrice", "trigger_price_ticks")

LAYOUTS: Mapping[type[Transaction], tuple[tuple[str, str], ...]] = {
    CreateOrder: (
        *_WHO,
        _MARKET,
        ("ClientOrderIndex", "client_order_index"),
        *_SIZE_AND_PRICE,
        ("IsAsk", "is_ask"),
        ("Type", "order_type"),
        ("TimeInForce", "time_in_force"),
        ("ReduceOnly", "reduce_only"),
        _TRIGGER_PRICE,
        ("OrderExpiry", "expiry_ms"),
    ),
    CancelOrder: (*_WHO, _MARKET, ("Index", "index")),
    CancelAllOrders: (*_WHO, ("TimeInForce", "time_in_force"), ("Time", "time_ms")),
    ModifyOrder: (*_WHO, _MARKET, ("Index", "index"), *_SIZE_AND_PRICE, _TRIGGER_PRICE),
    UpdateLeverage: (
        *_WHO,
        _MARKET,
        ("InitialMarginFraction", "initial_margin_fraction"),
        ("MarginMode", "margin_mode"),
    ),
    UpdateMargin: (*_WHO, _MARKET, ("USDCAmount", "usdc_micro"), ("Direction", "direction")),
}
"""(the venue's name, ours) for each type, without what follows the body in every type."""


def body_of(tx: Transaction) -> dict[str, int]:
    """The body by the venue's names, in the venue's order."""
    return {wire: int(getattr(tx, name)) for wire, name in LAYOUTS[type(tx)]}
