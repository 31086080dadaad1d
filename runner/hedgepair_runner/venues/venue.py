"""What maker and hedger may ask of a venue, and what it tells them.

Connection loss is an event, not an exception. A read either answers or raises VenueUnavailable:
there is no third way, so that a failed question can never be taken for "flat" (law 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from hedgepair_runner.budgeting import Claim, Grant, Needs, Resource
from hedgepair_runner.orders import (
    AccountRead,
    AccountTrade,
    Book,
    Funding,
    OwnOrder,
    SendResult,
    Side,
    SignedTx,
    TimeInForce,
    Verdict,
)
from hedgepair_runner.reckoning import DayTrade, FundingPaid
from hedgepair_runner.units import Market
from hedgepair_runner.venues.tiers import AccountLimits, Tier

if TYPE_CHECKING:
    import asyncio  # for a name in the port: deciding modules import this one, too

    from hedgepair_runner.venues.lighter.rationing import Ration  # which imports this one


class VenueUnavailable(Exception):
    """A read got no answer, or none that can be believed: wait and ask again."""


KEY_REFUSED = frozenset({21108, 21109, 21120, 21136})
"""The key at this index is another one, or signs wrongly (protocol §4)."""
NO_SUCH_ACCOUNT = 21100


class VenueRefused(Exception):
    """A read or subscription was refused for a reason that no retry mends (bad key, no account).

    `code` is the venue's own, 0 where the refusal is ours: a market that it does not have.
    """

    def __init__(self, sentence: str, *, code: int = 0) -> None:
        super().__init__(sentence)
        self.code = code


class Lane(IntEnum):
    """Whose request goes first when the budget is short (design §5)."""

    HEDGE = 0
    CANCEL = 1
    FLATTEN = 2
    QUOTE = 3
    READ = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUp:
    """A stream is connected and every channel of it gave its snapshot."""

    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDown:
    """A stream was lost; what it told is stale from now on."""

    stream: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSeen:
    """The book of a market changed; read it with `Venue.book`."""

    market_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersSeen:
    """Own orders that changed, in full; a snapshot lists every open order of the account."""

    account_index: int
    orders: tuple[OwnOrder, ...]
    is_snapshot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TradesSeen:
    """Trades of an account, from its channels. A snapshot replays history (protocol §6.5)."""

    account_index: int
    trades: tuple[AccountTrade, ...]
    is_snapshot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsSeen:
    """Signed positions by market id. In a snapshot, a market that is missing is flat."""

    account_index: int
    positions_lots: Mapping[int, int]
    is_snapshot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictsSeen:
    """Verdicts of own transactions, from `account_tx`."""

    verdicts: tuple[Verdict, ...]


VenueEvent = (
    StreamUp | StreamDown | BookSeen | OrdersSeen | TradesSeen | PositionsSeen | VerdictsSeen
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to be signed. `expiry_ms` is absolute Unix milliseconds, 0 for IOC."""

    market_id: int
    client_order_index: int
    side: Side
    size_lots: int
    price_ticks: int
    time_in_force: TimeInForce
    reduce_only: bool = False
    expiry_ms: int = 0
    self_trade_behaviour: int = 0
    self_trade_equality: int = 0


class Signer(Protocol):
    """Signs with one account's key. Synchronous, about half a millisecond (protocol §5.8).

    Raises SigningFailed when the signer refuses the request, with the signer's own sentence.
    """

    account_index: int
    api_key_index: int

    def create(self, request: OrderRequest, *, nonce: int) -> SignedTx: ...

    def cancel(self, *, market_id: int, order_index: int, nonce: int) -> SignedTx:
        """`order_index` may be a client order index (protocol §5.4)."""
        ...

    def modify(
        self, *, market_id: int, order_index: int, size_lots: int, price_ticks: int, nonce: int
    ) -> SignedTx: ...

    def cancel_all(self, *, market_id: int | None, nonce: int, skip_nonce: bool) -> SignedTx:
        """Immediate; of one market, or of the whole account when `market_id` is None."""
        ...

    def schedule_cancel_all(self, *, at_ms: int, nonce: int) -> SignedTx:
        """Arms the dead man's switch of the whole account at Unix milliseconds (protocol §7.9)."""
        ...

    def abort_cancel_all(self, *, nonce: int) -> SignedTx:
        """Disarms the dead man's switch."""
        ...

    def auth_token(self, *, expires_at_s: int) -> str: ...


class SigningFailed(Exception):
    """The signer refused; nothing was sent. The message holds no secret."""


class Budget(Protocol):
    """The request budget of an L1 address, as far as one process spends it. Times in seconds of
    any clock that only moves forward, always the same one."""

    tier: Tier
    quota: Ration

    def adopt(self, tier: Tier) -> None:
        """The account's real tier became known."""
        ...

    def share(self, needs: Needs) -> None:
        """Others live on it, too: from now on it lives on grants."""
        ...

    def claims(self, now_s: float) -> dict[Resource, Claim]: ...

    def granted(self, resource: Resource, answer: Grant, *, asked_s: float) -> None: ...

    def is_low(self) -> bool: ...

    def headroom(self, lane: Lane, now_s: float) -> int: ...


class Venue(Protocol):
    """One account's view of a venue: its own private channels, public data, and the order path."""

    account_index: int
    signer: Signer
    events: asyncio.Queue[VenueEvent]

    async def run(self) -> None:
        """Keeps the streams up until cancelled. Never returns by itself."""
        ...

    async def close(self) -> None: ...

    def book(self, market_id: int) -> Book | None:
        """The live book, or None while it is unknown (no snapshot, or a gap)."""
        ...

    def mark_price_ticks(self, market_id: int) -> int | None:
        """The mark price, or None while it is unknown or stale."""
        ...

    def stream_age_s(self, stream: str) -> float | None:
        """Seconds since the stream last said anything; None while it is down."""
        ...

    @property
    def limiter(self) -> Budget: ...

    def delay_s(self, lane: Lane) -> float:
        """Seconds until an order of this lane could go; 0.0: now. Books nothing."""
        ...

    def headroom(self, lane: Lane) -> int:
        """Transactions that the lane could send right now within the rate budget."""
        ...

    async def send(self, signed: SignedTx, *, lane: Lane) -> SendResult:
        """Hands exactly these bytes to the venue. Never raises for what the venue does.

        An implementation may hand them over as soon as it is called, before it is awaited.
        """
        ...

    async def markets(self) -> Mapping[str, Market]: ...

    async def read_limits(self) -> AccountLimits:
        """The own account's tier and fee rates."""
        ...

    async def read_account(self, account_index: int) -> AccountRead: ...

    async def read_active_orders(self, market_id: int) -> tuple[OwnOrder, ...]: ...

    async def read_orders(self, client_order_indexes: Sequence[int]) -> tuple[OwnOrder, ...]: ...

    async def read_next_nonce(self) -> int: ...

    async def read_next_nonce_of(self, account_index: int, api_key_index: int) -> int:
        """Of any account's key: it tells which epoch has fenced it last (design §4.4)."""
        ...

    async def read_verdict(self, tx_hash: str) -> Verdict | None:
        """The verdict by hash; None when the venue does not know it (which proves nothing)."""
        ...

    async def read_own_trades(
        self, market_id: int, *, after_trade_id: int
    ) -> tuple[AccountTrade, ...]:
        """Own trades with a higher id, oldest first, complete back to that id."""
        ...

    async def read_day_trades(
        self, market_id: int, *, since_ms: int, after_trade_id: int
    ) -> tuple[DayTrade, ...]:
        """Own trades since then with a higher id and what each realised, complete, oldest first."""
        ...

    async def read_fundings(self, market_id: int, *, since_ms: int) -> tuple[FundingPaid, ...]:
        """Funding that the own position paid or was paid since then."""
        ...

    async def read_recent_own_trades(self, market_id: int) -> tuple[AccountTrade, ...]:
        """The newest own trades that one answer holds, oldest first."""
        ...

    async def read_account_fundings(
        self, account_index: int, market_id: int, *, since_ms: int
    ) -> tuple[Funding, ...]:
        """Funding payments of any account after that moment, oldest first."""
        ...

    async def read_public_trades(
        self, market_id: int, account_index: int
    ) -> tuple[AccountTrade, ...]:
        """Trades of any account within the recent public tape, oldest first; may be cut short."""
        ...

    async def read_tape_id(self, market_id: int) -> int:
        """Id of the market's newest public trade; 0 when it never traded."""
        ...

    async def read_wall_clock_ms(self) -> int:
        """The venue's clock, to compare with ours (design §4.4)."""
        ...
