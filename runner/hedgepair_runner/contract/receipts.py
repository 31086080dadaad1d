"""Receipts: one for each executed order of a pair's hedger, and of its maker where that took
(unwinds and closing orders). What they are for: who traded what because of what, when, at which
cost (design §8).

Sizes are whole lots, signed (positive bought), prices whole ticks, times Unix milliseconds,
amounts decimals as text in quote currency. None means that nobody knows it any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import orjson


class Purpose(StrEnum):
    HEDGE = "hedge"
    """Took a fill of A back on B."""
    UNWIND = "unwind"
    """Undid on A what could not be hedged (design §6)."""
    CLOSE = "close"
    """Closed on A what could not rest, or by request; it is hedged like any fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTrade:
    """A trade of the order."""

    trade_id: int
    signed_lots: int
    price_ticks: int
    fee_millionths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """So many lots of one of A's trades, at A's price."""

    trade_id: int
    signed_lots: int
    price_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMark:
    """How far a leg's trades are in the books: the last one, and the position they add up to."""

    trade_id: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Where the books of a pair stand after a hedger's receipt: what a successor goes on from.

    `uncovered`: fills of A, oldest first, with the lots that no hedge has covered yet.
    `total_quote`: realised since `since_ms`, both legs, after fees and funding. `funding_ms`: of
    the last funding payment in it.
    """

    maker: LegMark
    own: LegMark
    uncovered: tuple[Cover, ...]
    total_quote: str
    since_ms: int
    funding_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One executed order.

    `filled_ms`, `executed_ms`: by the venue's clock, when the first covered fill and the order's
    last trade happened; `seen_ms`, `sent_ms`, `accepted_ms` by the runner's. `slippage_bps`:
    against the price of what it covers, positive is a cost. `fee_quote` is of its own trades.
    `maker_fee_quote`, `pnl_quote` (realised by both legs, before fees) and `funding_quote` are of
    all that happened since the hedger's receipt before, but for orders with receipts of their own.
    `rebuilt`: made from the venue's records by a successor, without what only the sender knew.
    """

    client_order_index: int
    role: str
    purpose: Purpose
    account_index: int
    order_index: int
    epoch: int
    nonce: int
    holder: str
    market: str
    size_decimals: int
    price_decimals: int
    signed_lots: int
    quote_units: int
    trades: tuple[OwnTrade, ...]
    covers: tuple[Cover, ...]
    executed_ms: int
    fee_quote: str
    maker_fee_quote: str
    pnl_quote: str
    funding_quote: str
    slippage_bps: str | None = None
    size_lots: int | None = None
    price_ticks: int | None = None
    tx_hash: str = ""
    filled_ms: int | None = None
    seen_ms: int | None = None
    sent_ms: int | None = None
    accepted_ms: int | None = None
    rebuilt: bool = False
    carry: Carry | None = None
    schema_version: int = 1

    @property
    def last_trade_id(self) -> int:
        return self.trades[-1].trade_id


def write_receipt(receipt: Receipt) -> bytes:
    return orjson.dumps(receipt)


def read_receipt(text: bytes) -> Receipt:
    """A receipt as stored; fields that a newer writer added are passed over."""
    raw = orjson.loads(text)
    known = {name: raw[name] for name in Receipt.__dataclass_fields__ if name in raw}
    known["purpose"] = Purpose(known["purpose"])
    known["trades"] = tuple(OwnTrade(**trade) for trade in known["trades"])
    known["covers"] = tuple(Cover(**cover) for cover in known["covers"])
    if known.get("carry") is not None:
        carry = known["carry"]
        known["carry"] = Carry(
            maker=LegMark(**carry["maker"]),
            own=LegMark(**carry["own"]),
            uncovered=tuple(Cover(**cover) for cover in carry["uncovered"]),
            total_quote=carry["total_quote"],
            since_ms=carry["since_ms"],
            funding_ms=carry["funding_ms"],
        )
    return Receipt(**known)
