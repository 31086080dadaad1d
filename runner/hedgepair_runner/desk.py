"""What a maker and a hedger have in common: one account, one market, one lease, one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hedgepair_runner.bus import Bus
from hedgepair_runner.clock import Clock
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.halt_keeper import HaltKeeper
from hedgepair_runner.leaser import Leaser
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.noncing import BAND_RESERVE
from hedgepair_runner.receipt_store import ReceiptStore
from hedgepair_runner.sharing import Sharing
from hedgepair_runner.steering_store import SteeringStore
from hedgepair_runner.token_store import TokenStore
from hedgepair_runner.units import Market
from hedgepair_runner.venues.venue import StreamDown, StreamUp, Venue, VenueEvent

ACCOUNT_STREAM = "account"
MARKET_STREAM = "market"


def _no_other_key() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The ports and facts that a role works with for as long as its process lives."""

    role: Role
    pair: PairId
    holder: str
    version: str
    market: Market
    maker_account: int
    maker_key: int
    """Index of the API key that A's maker signs with: its nonces tell of makers (design §6)."""
    hedger_account: int | None
    venue: Venue
    bus: Bus
    steering: SteeringStore
    halts: HaltKeeper
    tokens: TokenStore
    leaser: Leaser
    clock: Clock
    metrics: RunnerMetrics
    receipts: ReceiptStore | None = None
    """None: nobody keeps receipts."""
    arms_switch: bool = False
    """Whether the maker keeps the venue's dead man's switch armed (design §7)."""
    sharing: Sharing | None = None
    """None: nobody else lives on this account's or its L1 address's limits."""
    reread_key: Callable[[], bool] = _no_other_key
    """Loads a rotated key; False where the Secret still holds the one that was refused."""
    band_reserve: int = BAND_RESERVE


@dataclass(slots=True)
class Streams:
    """Which streams are up now, by name."""

    up: set[str] = field(default_factory=set)

    def note(self, event: VenueEvent) -> None:
        if isinstance(event, StreamUp):
            self.up.add(event.stream)
        elif isinstance(event, StreamDown):
            self.up.discard(event.stream)

    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in (ACCOUNT_STREAM, MARKET_STREAM) if name not in self.up)
