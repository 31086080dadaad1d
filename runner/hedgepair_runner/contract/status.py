"""What a runner says of itself: the report in Redis that its partner, the operator and people read.

Sizes are whole lots of the pair's market, signed; None means unknown, never zero (law 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class RunnerState(StrEnum):
    STARTING = "Starting"
    WAITING_FOR_LEASE = "WaitingForLease"
    FENCING = "Fencing"
    READING = "Reading"
    RUNNING = "Running"
    HOLDING = "Holding"
    """Up, but something is unknown or forbidden: no new orders. `reason` says what."""
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
    schema_version: int = 1
