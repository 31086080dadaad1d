"""Where a drill is played: an exchange in this process, a Redis and two runners beside it.

The runners are what pods run, so they can be killed; the exchange is here, so that the drill can
fill a quote and arm a fault in one breath, and read the records past all faults.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis.asyncio as redis

from hedgepair_runner import environment
from hedgepair_runner.contract.identity import Role, VenueId
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.spec import Account
from hedgepair_runner.local import children, redis_server
from hedgepair_runner.local.children import Child
from hedgepair_runner.local.exchange_records import market_of, pair_records, position_lots
from hedgepair_runner.local.observations import PairRecords
from hedgepair_runner.local.redis_server import RedisServer
from hedgepair_runner.redis_bus import RedisLeases, connect
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.fault_rules import FaultRule
from hedgepair_runner.venues.paper.faulting import Armed
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.markets import UnknownMarketError, choose
from hedgepair_runner.venues.paper.records import MarketRules, Order, TimeInForce
from hedgepair_runner.venues.paper.server import ExchangeServer

TAKING_ACCOUNT: Final = 900_100
"""Fills the pair's quotes when the drill wants it; the market's own accounts do so, too."""

_PROFILE: Final = "calm"
_POLL_S: Final = 0.01
_BOOK_ORDERS: Final = 10_000
_ENDS_WITHIN_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """The pair that is drilled. Its manifest is a Paper pair's, with both legs."""

    manifest: HedgePair
    manifest_path: Path
    namespace: str
    seed: str

    def account(self, role: Role) -> Account:
        spec = self.manifest.spec
        if role is Role.MAKER:
            return spec.maker.account
        if spec.hedger is None:
            raise AssertionError("a drill is of a pair with both legs: others are refused")
        return spec.hedger.account

    @property
    def accounts(self) -> dict[Role, int]:
        return {role: self.account(role).account_index for role in Role}

    @property
    def rules(self) -> MarketRules:
        """Raises StartRefused for a market that the paper exchange does not have."""
        try:
            return choose([self.manifest.spec.market])[0]
        except UnknownMarketError as error:
            raise StartRefused(f"spec.market: {error}") from error


class RunnerLost(Exception):
    """A runner ended by itself; the text says which, and its last words."""


class Stage:
    def __init__(
        self, play: Play, server: ExchangeServer, redis: RedisServer, *, folder: Path
    ) -> None:
        self._play = play
        self._gateway = server.gateway
        self._exchange = server.gateway.exchange
        self._url = server.url
        self._redis = redis
        self._folder = folder
        self._started = 0
        self._market = market_of(play.rules)
        self.children: dict[Role, Child] = {}

    # -- the exchange --

    def now_us(self) -> int:
        return self._gateway.now_us()

    def quotes(self) -> tuple[Order, ...]:
        maker = self._play.accounts[Role.MAKER]
        return self._exchange.active_orders(maker, self._market.market_id)

    def net_lots(self) -> int:
        return sum(
            position_lots(self._exchange, account, self._market.market_id)
            for account in self._play.accounts.values()
        )

    def fill(self, order: Order, lots: int) -> None:
        """Trades so much of a resting order, and whatever stands before it."""
        book = self._exchange.book(order.market_id, order_limit=_BOOK_ORDERS)
        ahead_lots = 0
        for standing in book.ask_orders if order.is_ask else book.bid_orders:
            if standing.order_index == order.order_index:
                break
            ahead_lots += standing.remaining_lots
        events = self._exchange.place_direct(
            TAKING_ACCOUNT,
            market_id=order.market_id,
            is_ask=not order.is_ask,
            size_lots=ahead_lots + lots,
            price_ticks=order.price_ticks,
            now_us=self.now_us(),
            time_in_force=TimeInForce.IOC,
        )
        self._gateway.publish(events)

    def arm(self, rules: Iterable[FaultRule]) -> list[Armed]:
        return [self._gateway.troubles.arm(rule) for rule in rules]

    def disarm(self) -> None:
        self._gateway.troubles.clear()

    def records(self) -> PairRecords:
        accounts = self._play.accounts
        return pair_records(
            self._exchange,
            market=self._market,
            maker=accounts[Role.MAKER],
            hedger=accounts[Role.HEDGER],
            now_us=self.now_us(),
        )

    # -- processes --

    def start(self, role: Role) -> None:
        self._started += 1
        name = f"{role.label}-{self._started}"
        command = [sys.executable, "-m", "hedgepair_runner", role.label]
        command += ["-f", str(self._play.manifest_path), "--namespace", self._play.namespace]
        environ = os.environ | {
            environment.REDIS_URL: self._redis.url,
            environment.EXCHANGE_URL: self._url,
            environment.PAPER_SEED: self._play.seed,
        }
        log = self._folder / f"{name}.log"
        self.children[role] = children.start(name, command, log=log, environ=environ)

    def kill(self, role: Role) -> None:
        os.kill(self.children.pop(role).pid, signal.SIGKILL)

    def freeze(self, role: Role | None, *, thaw: bool = False) -> None:
        """A runner, or with None Redis, stands still until it is thawed."""
        child = self._redis.child if role is None else self.children[role]
        os.kill(child.pid, signal.SIGCONT if thaw else signal.SIGSTOP)

    async def flush_redis(self) -> None:
        client = redis.Redis.from_url(self._redis.url)
        await client.flushall()
        await client.aclose()

    async def stop(self, role: Role, *, within_s: float) -> int | None:
        """SIGTERM. The exit code; None: it did not stop in time."""
        child = self.children.pop(role)
        child.ask_to_stop()
        await self.until(lambda: child.exit_code is not None, within_s=within_s)
        code = child.exit_code
        if code is None:
            child.end(patience_s=0.0)
        return code

    async def until(self, holds: Callable[[], object], *, within_s: float) -> bool:
        """Whether it came to hold in time. Raises RunnerLost."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        while not holds():
            self._refuse_losses()
            if loop.time() > deadline_s:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    def _refuse_losses(self) -> None:
        for child in self.children.values():
            if child.exit_code is not None:
                raise RunnerLost(
                    f"the {child.name} ended by itself with exit code {child.exit_code}; "
                    f"its last words:\n{child.last_words()}"
                )

    async def release_leases(self) -> None:
        """As after a clean stop: nobody waits out a lease that nobody held."""
        client = connect(self._redis.url, timeout_s=5.0)
        venue = VenueId(
            chain_id=self._play.manifest.spec.exchange.effective_chain_id, url=self._url
        )
        for role in Role:
            account = self._play.account(role)
            leases = RedisLeases(
                client, venue=venue, account=account.account_index, key=account.api_key_index
            )
            await leases.acquire("nobody", ttl_ms=1_000)
            await leases.release("nobody")
        await client.aclose()

    def end(self) -> None:
        os.kill(self._redis.child.pid, signal.SIGCONT)
        for child in self.children.values():
            os.kill(child.pid, signal.SIGCONT)
            child.end(patience_s=_ENDS_WITHIN_S)


@asynccontextmanager
async def staged(play: Play, folder: Path) -> AsyncIterator[Stage]:
    """A fresh exchange and a fresh Redis; logs lie in the folder. Raises StartRefused."""
    options = ExchangeOptions(
        seed=play.seed,
        chain_id=play.manifest.spec.exchange.effective_chain_id,
        markets=(play.rules,),
        gateway=GatewaySettings(checking=Checking.OFF),
        profile=PROFILES[_PROFILE],
    )
    with redis_server.start(directory=folder / "redis") as server:
        async with serve(options) as exchange:
            stage = Stage(play, exchange, server, folder=folder)
            try:
                await stage.release_leases()
                yield stage
            finally:
                stage.end()
