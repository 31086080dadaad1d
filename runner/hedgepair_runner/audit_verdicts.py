"""What an audit is asked, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.units import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuestion:
    """What is held against a pair's records.

    `pair` None: any HedgePair order on the pair's own leg counts as its own. `carried_lots`: what
    the network may make the hedger carry, as too small. `has_ended`: nothing may rest any more.
    `grace_us`: what is open at the end may be so young. `most_unhedged_us` None: reported only.
    """

    pair: PairId | None = None
    accepted_net_lots: int = 0
    carried_lots: int = 0
    has_ended: bool = False
    grace_us: int = 0
    most_unhedged_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A law that did not hold. `formula` is its number in design §14."""

    formula: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideTrade:
    """A trade of a leg that is none of the pair's orders': by hand, or forced by the venue."""

    trade_id: int
    at_us: int
    account_index: int
    signed_lots: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How far and how long the net was away from zero (from `risk.acceptedNet`, to be exact)."""

    worst_lots: int = 0
    """The largest, unsigned."""
    worst_lot_us: int = 0
    """The worst episode's lots times microseconds."""
    longest_us: int = 0
    worst_overshoot_lots: int = 0
    open_lots: int = 0
    """Signed, at the end."""
    open_us: int = 0
    """For how long it has been open at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegSummary:
    role: str
    account_index: int
    position_lots: int
    trades: int
    traded_lots: int
    orders: int
    resting_orders: int
    executed_txs: int
    fences: int
    funding_quote: Decimal
    """What funding did to its collateral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The verdict. `fills`, `hedges` and `unwinds` count trades of the pair's own orders."""

    market: Market
    from_us: int
    to_us: int
    fills: int
    hedges: int
    unwinds: int
    exposure: Exposure | None
    """None: one leg alone has no net."""
    legs: tuple[LegSummary, ...]
    foreign: tuple[OutsideTrade, ...]
    forced: tuple[OutsideTrade, ...]
    violations: tuple[Violation, ...]
    gaps: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.violations
