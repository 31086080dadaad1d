"""A Lighter venue: streams, order path and reads of one account, put together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hedgepair_runner.clock import Clock
from hedgepair_runner.orders import (
    AccountRead,
    AccountTrade,
    Book,
    Funding,
    OwnOrder,
    SendResult,
    SignedTx,
    Verdict,
)
from hedgepair_runner.reckoning import DayTrade, FundingPaid
from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.feeder import AccountFeed, MarketFeed
from hedgepair_runner.venues.lighter.limiting import SEND_WEIGHT, Limiter
from hedgepair_runner.venues.lighter.reader import Reader
from hedgepair_runner.venues.lighter.sender import Sender
from hedgepair_runner.venues.lighter.sessions import SessionSettings
from hedgepair_runner.venues.lighter.streamer import Streamer, StreamListener, StreamParts
from hedgepair_runner.venues.lighter.streams import (
    ACCOUNT_STREAM,
    MARKET_STREAM,
    Subscription,
    UserStats,
    account_subscriptions,
    market_subscriptions,
)
from hedgepair_runner.venues.lighter.tokens import Tokens
from hedgepair_runner.venues.lighter.transport import Transport
from hedgepair_runner.venues.tiers import AccountLimits
from hedgepair_runner.venues.venue import Lane, Signer, VenueEvent, VenueRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueParts:
    """The ports that a client works with, and the times it keeps.

    `on_handed` is called right after a transaction went to the socket, for benchmarks.
    """

    transport: Transport
    clock: Clock
    rng: random.Random
    limiter: Limiter
    on_handed: Callable[[SignedTx], None] | None = None
    session: SessionSettings = field(default_factory=SessionSettings)
    answer_timeout_s: float = 3.0
    book_levels: int = 60


class LighterVenue:
    """A Venue. `open` first, then `run` for as long as it is needed, then `close`.

    `symbols` are the markets whose books are followed; `watched` the foreign accounts whose
    public channel tells trades and positions.
    """

    def __init__(
        self, signer: Signer, parts: VenueParts, *, symbols: Sequence[str], watched: Sequence[int]
    ) -> None:
        self.account_index = signer.account_index
        self.signer = signer
        self.events: asyncio.Queue[VenueEvent] = asyncio.Queue()
        self._parts = parts
        self._symbols = tuple(symbols)
        self._watched = tuple(watched)
        self._tokens = Tokens(signer, clock=parts.clock)
        self._reader = Reader(parts.transport, parts.limiter, signer=signer, tokens=self._tokens)
        self.sender = Sender(
            parts.transport,
            parts.limiter,
            on_handed=parts.on_handed,
            answer_timeout_s=parts.answer_timeout_s,
        )
        self.streams: dict[str, Streamer] = {}
        """By name, once open: `counts` and `age_s` of each are for metrics."""
        self._account_feed: AccountFeed | None = None
        self._market_feed: MarketFeed | None = None

    async def open(self) -> Mapping[str, Market]:
        """Reads the markets and prepares the streams. VenueRefused: a symbol that is not there."""
        markets = await self._reader.markets()
        missing = [symbol for symbol in self._symbols if symbol not in markets]
        if missing:
            raise VenueRefused(f"the venue has no perpetual market {', '.join(missing)}")
        market_ids = [markets[symbol].market_id for symbol in self._symbols]
        table = self._reader.markets_by_id
        self._account_feed = AccountFeed(table, self.sender, events=self.events)
        self._market_feed = MarketFeed(table, market_ids, events=self.events)
        self.streams = {
            ACCOUNT_STREAM: self._streamer(
                ACCOUNT_STREAM,
                account_subscriptions(self.account_index, self._watched),
                self._account_feed,
            ),
            MARKET_STREAM: self._streamer(
                MARKET_STREAM, market_subscriptions(market_ids), self._market_feed
            ),
        }
        return markets

    def _streamer(
        self, name: str, subscriptions: Sequence[Subscription], listener: StreamListener
    ) -> Streamer:
        parts = StreamParts(
            transport=self._parts.transport,
            subscriptions=subscriptions,
            listener=listener,
            token=self._tokens.current,
            rng=self._parts.rng,
            settings=self._parts.session,
        )
        return Streamer(name, parts)

    def forget_tokens(self) -> None:
        """After the signer got another key."""
        self._tokens.forget()

    async def run(self) -> None:
        if not self.streams:
            raise AssertionError("open() comes before run()")
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, streamer in self.streams.items():
                    tasks.create_task(streamer.run(), name=f"stream {name}")
        except* VenueRefused as group:
            refusals = [error for error in group.exceptions if isinstance(error, VenueRefused)]
        # Outside of except*, so that the caller catches it by its own name.
        raise refusals[0]

    async def close(self) -> None:
        await self._parts.transport.close()

    def book(self, market_id: int) -> Book | None:
        book = self._market_feed.books.get(market_id) if self._market_feed else None
        return book.top(self._parts.book_levels) if book is not None else None

    def mark_price_ticks(self, market_id: int) -> int | None:
        """None once the stream is lost; while it is alive, silence means "unchanged"."""
        return self._market_feed.mark_price_ticks.get(market_id) if self._market_feed else None

    def stream_age_s(self, stream: str) -> float | None:
        streamer = self.streams.get(stream)
        return streamer.age_s() if streamer is not None else None

    @property
    def book_gaps(self) -> int:
        return self._market_feed.gaps if self._market_feed else 0

    @property
    def user_stats(self) -> UserStats | None:
        """Margin figures as the venue last told them; None while the stream is down."""
        return self._account_feed.stats if self._account_feed else None

    @property
    def limiter(self) -> Limiter:
        """The request budget, as far as this process spends it."""
        return self._parts.limiter

    def delay_s(self, lane: Lane) -> float:
        """Seconds until an order of this lane could go; 0.0: now. Books nothing."""
        now_s = asyncio.get_running_loop().time()
        return self._parts.limiter.delay_s(lane, SEND_WEIGHT, now_s, is_send=True, uses_quota=True)

    def headroom(self, lane: Lane) -> int:
        """Transactions that the lane could send right now within the rate budget."""
        return self._parts.limiter.headroom(lane, asyncio.get_running_loop().time())

    def send(self, signed: SignedTx, *, lane: Lane) -> Coroutine[Any, Any, SendResult]:
        return self.sender.send(signed, lane=lane)

    async def markets(self) -> Mapping[str, Market]:
        return await self._reader.markets()

    async def read_limits(self) -> AccountLimits:
        return await self._reader.limits()

    async def read_account(self, account_index: int) -> AccountRead:
        return await self._reader.account(account_index)

    async def read_active_orders(self, market_id: int) -> tuple[OwnOrder, ...]:
        return await self._reader.active_orders(market_id)

    async def read_orders(self, client_order_indexes: Sequence[int]) -> tuple[OwnOrder, ...]:
        return await self._reader.orders(client_order_indexes)

    async def read_next_nonce(self) -> int:
        return await self._reader.next_nonce(self.signer.account_index, self.signer.api_key_index)

    async def read_next_nonce_of(self, account_index: int, api_key_index: int) -> int:
        return await self._reader.next_nonce(account_index, api_key_index)

    async def read_verdict(self, tx_hash: str) -> Verdict | None:
        return await self._reader.verdict(tx_hash)

    async def read_own_trades(
        self, market_id: int, *, after_trade_id: int
    ) -> tuple[AccountTrade, ...]:
        return await self._reader.own_trades(market_id, after_trade_id=after_trade_id)

    async def read_day_trades(
        self, market_id: int, *, since_ms: int, after_trade_id: int
    ) -> tuple[DayTrade, ...]:
        return await self._reader.day_trades(
            market_id, since_ms=since_ms, after_trade_id=after_trade_id
        )

    async def read_fundings(self, market_id: int, *, since_ms: int) -> tuple[FundingPaid, ...]:
        return await self._reader.fundings(market_id, since_ms=since_ms)

    async def read_recent_own_trades(self, market_id: int) -> tuple[AccountTrade, ...]:
        return await self._reader.recent_own_trades(market_id)

    async def read_account_fundings(
        self, account_index: int, market_id: int, *, since_ms: int
    ) -> tuple[Funding, ...]:
        return await self._reader.account_fundings(account_index, market_id, since_ms=since_ms)

    async def read_public_trades(
        self, market_id: int, account_index: int
    ) -> tuple[AccountTrade, ...]:
        return await self._reader.public_trades(market_id, account_index)

    async def read_tape_id(self, market_id: int) -> int:
        return await self._reader.tape_id(market_id)

    async def read_wall_clock_ms(self) -> int:
        return await self._reader.wall_clock_ms()
