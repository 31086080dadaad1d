"""What a runner says of itself: the report in Redis that its partner, the operator and people read.

Sizes are whole lots of the pair's market, signed; None means unknown, never zero (law 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from hedgepair_runner.contract.halts import Halt, HaltReason
from hedgepair_runner.contract.legs import LegRisk, read_leg


class RunnerState(StrEnum):
    STARTING = "Starting"
    WAITING_FOR_LEASE = "WaitingForLease"
    FENCING = "Fencing"
    READING = "Reading"
    RUNNING = "Running"
    HOLDING = "Holding"
    """Up, but something is unknown or forbidden: no new orders. `reason` says what."""
    SUSPENDED = "Suspended"
    """By request: no order rests, everything filled is hedged, proved at the venue."""
    FLAT = "Flat"
    """By request: as Suspended, and both positions are proved to be zero."""
    RELEASED = "Released"
    """By request (Orphan): it acts no more, whatever rests."""
    COMPLETED = "Completed"
    """`stopAfter` was reached: flat, no orders; `reason` says which bound."""
    HALTED = "Halted"
    """A halt stands: `halts` says which. No new risk until a person acknowledges it."""
    STOPPING = "Stopping"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingOrder:
    """The maker's quote, as it rests or is being placed."""

    client_order_index: int
    is_ask: bool
    price_ticks: int
    remaining_lots: int
    placed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerReport:
    """One report. Written at every change of substance and at least once a second.

    `chain_*` are positions by the ledger's chain with the id of the last trade in it (design
    §4.1): the maker compares the hedger's `maker_chain_*` with its own to know what is covered.
    `position_lots` is the runner's own account. `gap_lots`, `in_flight` and `unhedged_s` (for how
    long the gap has been open) are the hedger's.

    `generation` and `step` are those of the desired state that it acts on (0: of its manifest
    alone); `config_hash` is `contract.desired.config_hash` of the configuration in force.
    `reason_code` is a word of the resource's conditions where one fits (such as UnknownMarket).
    `withdrawn_ms` and `flat_ms` are when the venue last proved, since the present wish, that no
    order of the pair rests and that the own position is zero; None: not proved.
    `leg` is what limits are judged by; `daily_pnl` (of the own account and market, since 00:00 UTC)
    and `margin_distance` (a ratio) say the same to people.
    `rounds` and `volume` (quote currency, filled on A) are the maker's, counted as stopAfter does.
    `entry_price` and amounts are decimals as text, in quote currency; `realized_pnl` is the
    pair's, after fees and funding, as the hedger counts it.
    `token_owner` is who has the right to act on the gap (design §6), as the hedger knows it:
    hedger, maker, or empty while that is not settled.
    """

    role: str
    holder: str
    version: str
    state: RunnerState
    reason: str = ""
    epoch: int = 0
    reported_ms: int = 0
    market: str = ""
    size_decimals: int = 0
    price_decimals: int = 0
    position_lots: int | None = None
    maker_chain_lots: int | None = None
    maker_chain_trade_id: int | None = None
    hedger_chain_lots: int | None = None
    hedger_chain_trade_id: int | None = None
    gap_lots: int | None = None
    unhedged_s: float | None = None
    in_flight: int = 0
    carried_lots: int = 0
    resting: tuple[RestingOrder, ...] = ()
    fills: int = 0
    hedges: int = 0
    rounds: int = 0
    source_ages_s: dict[str, float | None] = field(default_factory=dict)
    headroom_requests: int | None = None
    headroom_quota: int | None = None
    generation: int = 0
    step: int = 0
    wish: str = ""
    config_hash: str = ""
    reason_code: str = ""
    halts: tuple[Halt, ...] = ()
    withdrawn_ms: int | None = None
    flat_ms: int | None = None
    entry_price: str | None = None
    open_orders: int | None = None
    last_fill_ms: int | None = None
    realized_pnl: str | None = None
    daily_pnl: str | None = None
    margin_distance: str | None = None
    leg: LegRisk | None = None
    fencing_degraded: bool = False
    volume: str | None = None
    pod: str = ""
    token_owner: str = ""
    schema_version: int = 1

    @property
    def is_deaf(self) -> bool:
        """Its account's stream is down: its position is what it last heard, not what is (law 3)."""
        return self.source_ages_s.get("account", 0.0) is None


def read_report(text: bytes) -> RunnerReport:
    """A report as stored in Redis; fields that a newer writer added are passed over."""
    raw = orjson.loads(text)
    known = {name: raw[name] for name in RunnerReport.__dataclass_fields__ if name in raw}
    known["state"] = RunnerState(known["state"])
    known["resting"] = tuple(RestingOrder(**order) for order in known.get("resting", ()))
    known["halts"] = tuple(_read_halt(halt) for halt in known.get("halts", ()))
    known["leg"] = read_leg(known.get("leg"))
    return RunnerReport(**known)


def _read_halt(raw: dict[str, Any]) -> Halt:
    return Halt(**{**raw, "reason": HaltReason(raw["reason"])})
