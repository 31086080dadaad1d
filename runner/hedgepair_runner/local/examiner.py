"""Looks at everything that a pair stands on, each for a few seconds at most, whatever is down."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import redis.asyncio as redis
from redis.exceptions import RedisError

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.clock import SystemClock
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.equipment import account_of, private_key_of
from hedgepair_runner.local.doctoring import RedisSeen, VenueSeen
from hedgepair_runner.local.doctoring_pair import AccountSeen
from hedgepair_runner.local.pair_remote import PairRemote, Seen
from hedgepair_runner.redis_bus import connect
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.venues.lighter.aiohttp_transport import AiohttpTransport, Endpoints
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import Limiter
from hedgepair_runner.venues.lighter.signer import NativeSigner, SigningUnavailable
from hedgepair_runner.venues.paper.paper_signer import PaperSigner
from hedgepair_runner.venues.tiers import STANDARD
from hedgepair_runner.venues.venue import Signer, VenueRefused, VenueUnavailable

PATIENCE_S: Final = 4.0
"""Of one question."""
PINGS: Final = 5
Answer = TypeVar("Answer")


async def examine_redis(url: str, pair: PairId) -> RedisSeen:
    """Asks and writes one key of the pair's own prefix, which goes by itself."""
    client = connect(url, timeout_s=PATIENCE_S)
    try:
        await client.ping()
        latencies_ms = []
        for _ in range(PINGS):
            began_s = time.monotonic()
            await client.ping()
            latencies_ms.append((time.monotonic() - began_s) * 1_000)
        seen = RedisSeen(latency_ms=sorted(latencies_ms)[PINGS // 2])
        seen = replace(seen, write_error=await _write_error(client, pair))
        return await _told(client, seen)
    except (RedisError, OSError, TimeoutError) as error:
        return RedisSeen(error=type(error).__name__)
    finally:
        await client.aclose()


async def _write_error(client: redis.Redis, pair: PairId) -> str | None:
    """Empty when it could be written; None when there was no answer."""
    try:
        await client.set(keys.report(pair, Role.MAKER) + ":doctor", b"1", px=1_000)
    except RedisError as error:
        refused = "ResponseError" in {kind.__name__ for kind in type(error).__mro__}
        # The server's own words; they hold no password.
        return str(error).split("\n")[0] if refused else None
    return ""


async def _told(client: redis.Redis, seen: RedisSeen) -> RedisSeen:
    """What INFO says, where it may be asked."""
    try:
        info: dict[str, Any] = await client.info()
    except RedisError:
        return seen
    aof = info.get("aof_enabled")
    policy = info.get("maxmemory_policy")
    return replace(
        seen,
        version=str(info.get("redis_version", "")) or None,
        is_persistent=None if aof is None else bool(aof),
        eviction=None if policy is None else str(policy),
    )


async def examine_pair(url: str, pair: PairId) -> Seen | None:
    """None: Redis does not say."""
    async with PairRemote(url, pair) as remote:
        with suppress(BusUnavailable, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                return await remote.see()
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    venue: VenueSeen
    account: AccountSeen


class VenueExaminer:
    """Reads of one account over REST. It sends nothing and holds no stream."""

    def __init__(self, settings: RunnerSettings, role: Role) -> None:
        self._settings = settings
        self._symbol = settings.manifest.spec.market
        self._clock = SystemClock()
        account = account_of(role, settings.manifest)
        self._seen = AccountSeen(role=role, account_index=account.account_index)
        signer = self._signer(role)
        endpoints = settings.endpoints
        transport = AiohttpTransport(
            Endpoints(
                rest_url=endpoints.rest_url, ws_url=endpoints.ws_url, chain_id=endpoints.chain_id
            )
        )
        parts = VenueParts(
            transport=transport,
            clock=self._clock,
            rng=random.Random(1),
            limiter=Limiter(STANDARD),
        )
        self._venue = LighterVenue(signer, parts, symbols=(), watched=())

    def _signer(self, role: Role) -> Signer:
        """Without a key here only what is public is asked: its signer then signs nothing."""
        account = account_of(role, self._settings.manifest)
        chain_id = self._settings.endpoints.chain_id
        try:
            return NativeSigner(
                account_index=account.account_index,
                api_key_index=account.api_key_index,
                private_key=private_key_of(account, self._settings),
                chain_id=chain_id,
            )
        except (StartRefused, SigningUnavailable) as missing:
            self._seen = replace(self._seen, key_error=str(missing).partition(":")[0])
            return PaperSigner(
                account_index=account.account_index,
                api_key_index=account.api_key_index,
                chain_id=chain_id,
                clock=self._clock,
            )

    async def examine(self) -> Examined:
        try:
            venue = await self._venue_seen()
            if venue.error:
                return Examined(venue=venue, account=replace(self._seen, error=venue.error))
            return Examined(venue=venue, account=await self._account_seen(venue))
        finally:
            await self._venue.close()

    async def _venue_seen(self) -> VenueSeen:
        error = ""
        skew_ms = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                told_ms = await self._venue.read_wall_clock_ms()
                skew_ms = self._clock.wall_ms() - told_ms
        except (VenueUnavailable, VenueRefused, TimeoutError) as gone:
            error = str(gone) or "no answer in time"
            return VenueSeen(error=error, symbol=self._symbol)
        markets = await _asked(self._venue.markets)
        return VenueSeen(
            skew_ms=skew_ms,
            symbol=self._symbol,
            market=None if markets is None else markets.get(self._symbol),
            knows_market=None if markets is None else self._symbol in markets,
        )

    async def _account_seen(self, venue: VenueSeen) -> AccountSeen:
        seen = replace(self._seen, position_lots=await self._position(venue))
        market = venue.market
        if seen.key_error or market is None:
            return seen
        try:
            async with asyncio.timeout(PATIENCE_S):
                orders = await self._venue.read_active_orders(market.market_id)
        except VenueRefused as refused:
            return replace(seen, is_key_refused=True, error=str(refused))
        except (VenueUnavailable, TimeoutError) as gone:
            return replace(seen, error=str(gone) or "no answer in time")
        limits = await _asked(self._venue.read_limits)
        return replace(
            seen,
            orders=orders,
            next_nonce=await _asked(self._venue.read_next_nonce),
            tier=None if limits is None else limits.tier_name,
        )

    async def _position(self, venue: VenueSeen) -> int | None:
        """None: no answer. An account that is there and does not list the market is flat."""
        account_index = self._seen.account_index
        account = await _asked(lambda: self._venue.read_account(account_index))
        if account is None or venue.market is None:
            return None
        return account.positions_lots.get(venue.market.market_id, 0)


async def _asked(ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await ask()
    except (VenueUnavailable, VenueRefused, TimeoutError):
        return None
