"""From `tx_type` and `tx_info` to a transaction and to its hash, or the venue's refusal.

What the venue's own structures can't hold is 21501; what they hold but no order may have answers
with the code of that field. Rules that need a market, a book or a clock are not asked here.
Unknown fields are ignored, since nothing signs them. The transactions themselves are defined in
`transaction_shapes` and named here as well, so that who handles them imports one module.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import lru_cache
from typing import cast

import orjson

from hedgepair_runner.venues.paper.crypto import fp5
from hedgepair_runner.venues.paper.crypto.poseidon2 import hash_elements
from hedgepair_runner.venues.paper.records import NIL_MARKET, OrderType, TimeInForce
from hedgepair_runner.venues.paper.transaction_shapes import (
    LAYOUTS,
    NO_ATTRIBUTES,
    TX_TYPES,
    UNSIGNED,
    Attributes,
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    MarginDirection,
    MarginMode,
    ModifyOrder,
    Transaction,
    UpdateLeverage,
    UpdateMargin,
    body_of,
)

__all__ = [
    "INVALID_TX_INFO",
    "LAYOUTS",
    "NO_ATTRIBUTES",
    "TX_TYPES",
    "UNSIGNED",
    "UNSUPPORTED_TX_TYPE",
    "Attributes",
    "CancelAllOrders",
    "CancelAllTimeInForce",
    "CancelOrder",
    "CreateOrder",
    "InvalidTransaction",
    "MarginDirection",
    "MarginMode",
    "ModifyOrder",
    "Transaction",
    "UpdateLeverage",
    "UpdateMargin",
    "body_of",
    "parse_transaction",
    "preimage",
    "transaction_hash",
]

INVALID_TX_INFO = 21501
UNSUPPORTED_TX_TYPE = 21505

MAX_ATTRIBUTES = 4
_MAX_ACCOUNT = 2**48 - 2
_SIGNATURE_BYTES = 80


class InvalidTransaction(Exception):
    """The venue's answer: its code (protocol appendix B) and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Outside `held_low`–`held_high` it is malformed, outside `low`–`high` it is `code`."""

    held_low: int
    held_high: int
    low: int
    high: int
    code: int
    message: str


def _u8(high: int, code: int, message: str) -> _Bounds:
    return _Bounds(0, 2**8 - 1, 0, high, code, message)


def _u32(code: int, message: str) -> _Bounds:
    return _Bounds(0, 2**32 - 1, 0, 2**32 - 1, code, message)


def _i64(high: int, code: int, message: str) -> _Bounds:
    return _Bounds(-(2**63), 2**63 - 1, 0, high, code, message)


_BOUNDS: Mapping[str, _Bounds] = {
    "account_index": _i64(_MAX_ACCOUNT, 21102, "invalid account index"),
    "api_key_index": _u8(254, 21110, "invalid api key index"),
    "nonce": _i64(2**48 - 1, 21104, "invalid nonce"),
    "expired_at_ms": _i64(2**48 - 1, INVALID_TX_INFO, "invalid tx info: ExpiredAt"),
    "market_id": _Bounds(-(2**15), 2**15 - 1, 0, 2**15 - 1, 21602, "invalid market index"),
    "client_order_index": _i64(2**48 - 1, 21727, "invalid client order index"),
    "index": _i64(2**60 - 1, 21700, "invalid order index"),
    "base_lots": _i64(2**48 - 1, 21701, "invalid base amount"),
    "price_ticks": _u32(21702, "invalid price"),
    "is_ask": _u8(1, 21703, "invalid isAsk"),
    "order_type": _u8(OrderType.TWAP, 21704, "invalid OrderType"),
    "time_in_force": _u8(2, 21705, "invalid OrderTimeInForce"),
    "reduce_only": _u8(1, 21740, "invalid reduce only mode"),
    "trigger_price_ticks": _u32(21729, "invalid order trigger price"),
    "expiry_ms": _i64(2**48 - 1, 21711, "invalid expiry"),
    "time_ms": _i64(2**48 - 1, 21714, "invalid cancel all time"),
    "initial_margin_fraction": _Bounds(
        0, 2**16 - 1, 1, 10_000, 21113, "invalid initial margin fraction"
    ),
    "margin_mode": _u8(1, 21613, "invalid margin mode"),
    "usdc_micro": _Bounds(
        -(2**63), 2**63 - 1, 1, 2**60 - 1, INVALID_TX_INFO, "invalid tx info: USDCAmount"
    ),
    "direction": _u8(1, 21615, "invalid update margin direction"),
}
_CANCEL_ALL_TIME_IN_FORCE = _u8(2, 21713, "invalid cancel all time in force")

_KINDS: Mapping[str, type[bool] | type[IntEnum]] = {
    "is_ask": bool,
    "reduce_only": bool,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "margin_mode": MarginMode,
    "direction": MarginDirection,
}

_ATTRIBUTE_NAMES = tuple(field.name for field in fields(Attributes))
_ATTRIBUTE_RANGES: Mapping[str, tuple[int, int]] = {
    "integrator_account_index": (0, _MAX_ACCOUNT),
    "integrator_taker_fee": (0, 1_000_000),
    "integrator_maker_fee": (0, 1_000_000),
    "skip_nonce": (1, 1),
    "cancel_all_market": (0, NIL_MARKET),
    "self_trade_behaviour": (0, 3),
    "self_trade_equality": (0, 1),
    "order_version": (0, 2**48 - 1),
}

_CLASSES = {tx_type: cls for cls, tx_type in TX_TYPES.items()}
_ENVELOPE = (("ExpiredAt", "expired_at_ms"), ("Nonce", "nonce"))


def parse_transaction(tx_type: int, tx_info: Mapping[str, object] | str) -> Transaction:
    """Raises InvalidTransaction. `tx_info` is the JSON text, or what it decodes to."""
    cls = _CLASSES.get(tx_type)
    if cls is None:
        raise InvalidTransaction(UNSUPPORTED_TX_TYPE, "unsupported tx type")
    info = _decoded(tx_info) if isinstance(tx_info, str) else tx_info
    values: dict[str, object] = {}
    for wire, name in (*LAYOUTS[cls], *_ENVELOPE):
        cancels_all = cls is CancelAllOrders and name == "time_in_force"
        bounds = _CANCEL_ALL_TIME_IN_FORCE if cancels_all else _BOUNDS[name]
        kind = CancelAllTimeInForce if cancels_all else _KINDS.get(name, int)
        values[name] = kind(_number(info.get(wire), wire, bounds))
    attributes = _attributes(info.get("L2TxAttributes"))
    signature = _signature(info.get("Sig"))
    # The classes' fields and the layouts are one list, which a test proves: mypy can't see it.
    make = cast("type[CancelAllOrders]", cls)
    return make(**values, signature=signature, attributes=attributes)  # type: ignore[arg-type]


def preimage(tx: Transaction, *, chain_id: int) -> list[int]:
    """The field elements that are hashed, without the attributes."""
    body = list(body_of(tx).values())
    if isinstance(tx, UpdateMargin):
        *before, _, direction = body
        body = [*before, tx.usdc_micro % 2**32, tx.usdc_micro // 2**32, direction]
    return [chain_id, TX_TYPES[type(tx)], tx.nonce, tx.expired_at_ms, *body]


def transaction_hash(tx: Transaction, *, chain_id: int) -> bytes:
    """40 bytes; `.hex()` of it is the venue's `tx_hash`, and it is what the signature signs."""
    digest = hash_elements(preimage(tx, chain_id=chain_id))
    if tx.attributes != NO_ATTRIBUTES:
        digest = hash_elements((*digest, *_attributes_hash(tx.attributes)))
    return fp5.to_bytes(digest)


def _decoded(text: str) -> Mapping[str, object]:
    try:
        info = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _malformed("not JSON") from error
    if not isinstance(info, dict):
        raise _malformed("not an object")
    return info


def _malformed(detail: str) -> InvalidTransaction:
    return InvalidTransaction(INVALID_TX_INFO, f"invalid tx info: {detail}")


def _number(value: object, wire: str, bounds: _Bounds) -> int:
    if type(value) is not int or not bounds.held_low <= value <= bounds.held_high:
        raise _malformed(wire)
    if not bounds.low <= value <= bounds.high:
        raise InvalidTransaction(bounds.code, bounds.message)
    return value


def _signature(value: object) -> bytes:
    if not isinstance(value, str):
        raise _malformed("Sig")
    try:
        signature = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("Sig") from error
    if len(signature) != _SIGNATURE_BYTES:
        raise _malformed("Sig")
    return signature


def _attributes(value: object) -> Attributes:
    if value is None:
        return NO_ATTRIBUTES
    if not isinstance(value, dict) or len(value) > MAX_ATTRIBUTES:
        raise _malformed("L2TxAttributes")
    values = dict(_attribute(key, number) for key, number in value.items())
    attributes = Attributes(**{**values, "skip_nonce": "skip_nonce" in values})  # type: ignore[arg-type]  # ints and one bool
    _check_combination(attributes)
    return attributes


def _attribute(key: object, value: object) -> tuple[str, int]:
    """Name and number of one entry, whose key is an id 1 … 8 in decimal."""
    ids = {str(id_): name for id_, name in enumerate(_ATTRIBUTE_NAMES, start=1)}
    name = ids.get(key) if isinstance(key, str) else None
    if name is None or type(value) is not int:
        raise _malformed("L2TxAttributes")
    low, high = _ATTRIBUTE_RANGES[name]
    if not low <= value <= high:
        raise _malformed(f"L2TxAttributes {key}")
    return name, value


def _check_combination(attributes: Attributes) -> None:
    """What the signer refuses as well (protocol §5.5, §7.8)."""
    has_fee = bool(attributes.integrator_taker_fee or attributes.integrator_maker_fee)
    has_mode = bool(attributes.self_trade_behaviour or attributes.self_trade_equality)
    if has_fee and not attributes.integrator_account_index:
        raise _malformed("integrator fees without an integrator")
    if has_fee and has_mode:
        raise _malformed("a self-trade mode together with integrator fees")
    if attributes.self_trade_behaviour == 3 and attributes.self_trade_equality == 1:
        raise _malformed("self-trade mode reduce with master account equality")


@lru_cache(maxsize=256)
def _attributes_hash(attributes: Attributes) -> tuple[int, ...]:
    """Cached, since a client uses few combinations."""
    elements = [element for pair in attributes.by_id().items() for element in pair]
    return hash_elements(elements + [0] * (8 - len(elements)))
