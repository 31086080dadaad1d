"""A pair as real processes, on real sockets and a real Redis, around an exchange in this process.

The exchange is in the test's own process, so that its records can be audited; the runners are
what pods run. Waits have generous deadlines; nothing here judges speed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hedgepair_runner.contract.identity import PairId, Role, VenueId
from hedgepair_runner.local import children
from hedgepair_runner.local.redis_server import RedisServer
from hedgepair_runner.redis_bus import RedisBus, RedisLeases, connect
from hedgepair_runner.venues.paper.assembly import PAPER_CHAIN_ID, ExchangeOptions, serve
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.records import Order
from hedgepair_runner.venues.paper.server import ExchangeServer
from tests.flow import auditing
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, manifest_of
from tests.flow.scripted_market import ScriptedMarket
from tests.flow.tcp_proxy import TcpProxy

PATIENCE_S = 30.0
POLL_S = 0.01
ACCOUNTS = {Role.MAKER: MAKER_ACCOUNT, Role.HEDGER: HEDGER_ACCOUNT}


class LivePair:
    def __init__(self, server: ExchangeServer, *, redis: RedisServer, home: Path) -> None:
        self.server = server
        self.exchange = server.gateway.exchange
        self.market = ScriptedMarket(server.gateway, middle_ticks=ETH.start_price_ticks)
        self.proxy: TcpProxy | None = None
        self.children: list[children.Child] = []
        self.redis = redis
        self._home = home
        self._manifest = write_manifest(home, {})

    # -- processes --

    def start(self, role: Role) -> children.Child:
        """`hedgepair maker` or `hedgepair hedger`, through the proxy if there is one."""
        through = ["--ws-url", self.proxy.url] if self.proxy is not None else []
        return self.start_command(
            role.label, "-f", str(self._manifest), "--exchange-url", self.server.url, *through
        )

    def start_command(
        self, *words: str, manifest: Mapping[str, Any] | None = None
    ) -> children.Child:
        if manifest is not None:
            write_manifest(self._home, manifest)
        child = children.start(
            f"{words[0]}-{len(self.children)}",
            self.command(*words),
            log=self._home / f"{words[0]}-{len(self.children)}.log",
            environ=self.environ,
        )
        self.children.append(child)
        return child

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "hedgepair_runner", *words]

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "HEDGEPAIR_REDIS_URL": self.redis.url}

    @property
    def manifest_path(self) -> Path:
        return self._manifest

    async def release_leases(self) -> None:
        """As after a clean stop: the first start does not wait out a lease that nobody holds."""
        client = connect(self.redis.url, timeout_s=5.0)
        venue = VenueId(chain_id=PAPER_CHAIN_ID, url=self.server.url)
        for account in ACCOUNTS.values():
            leases = RedisLeases(client, venue=venue, account=account, key=4)
            await leases.acquire("before", ttl_ms=1_000)
            await leases.release("before")
        await client.aclose()

    async def hedges(self) -> int:
        """By the hedger's own report."""
        client = connect(self.redis.url, timeout_s=5.0)
        bus = RedisBus(client, client, pair=PairId(namespace="default", pairing="pair"))
        report = await bus.read_report(Role.HEDGER)
        await bus.close()
        return report.hedges if report is not None else 0

    def kill(self, child: children.Child) -> None:
        """SIGKILL."""
        self.children.remove(child)
        os.kill(child.pid, signal.SIGKILL)
        child.end(patience_s=10.0)

    async def stop(self, child: children.Child) -> None:
        """SIGTERM; it must end in order."""
        child.ask_to_stop()
        await self.until(lambda: child.exit_code is not None, f"{child.name} ends", is_stop=True)
        self.children.remove(child)
        if child.exit_code != 0:
            raise AssertionError(f"{child.name} ended with {child.exit_code}\n{child.last_words()}")

    # -- waiting --

    async def until(self, holds: Callable[[], object], what: str, *, is_stop: bool = False) -> None:
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while not holds():
            dead = [child for child in self.children if child.exit_code is not None]
            if dead and not is_stop:
                raise AssertionError(f"{dead[0].name} ended by itself\n{dead[0].last_words()}")
            if asyncio.get_running_loop().time() > deadline_s:
                words = "\n".join(f"{each.name}: {each.last_words()}" for each in self.children)
                raise AssertionError(f"not within {PATIENCE_S:g} s: {what}\n{words}")
            await asyncio.sleep(POLL_S)

    async def resting(self) -> Order:
        await self.until(self.quotes, "the maker rests a quote")
        return self.quotes()[0]

    async def covered(self) -> None:
        await self.until(lambda: self.net_lots() == 0, "every fill is hedged")

    async def trade_on(self, *, lots: int | None = None) -> None:
        """One more fill of what rests, until it is filled and hedged."""
        while True:
            quote = await self.resting()
            before = len(self.fills())
            self.market.fill(quote, quote.remaining_lots if lots is None else lots)
            if len(self.fills()) > before:
                break
        await self.covered()

    # -- the exchange's records --

    @property
    def judged(self) -> auditing.Pair:
        return auditing.Pair(maker_account=MAKER_ACCOUNT, hedger_account=HEDGER_ACCOUNT)

    def quotes(self) -> tuple[Order, ...]:
        return self.exchange.active_orders(MAKER_ACCOUNT, ETH.market_id)

    def fills(self) -> list[int]:
        return [
            trade.trade_id
            for trade in auditing.trades_of(self.exchange, self.judged)
            if auditing.lots_for(trade, MAKER_ACCOUNT)
        ]

    def net_lots(self) -> int:
        return auditing.net_lots(self.exchange, self.judged)

    def audit(self) -> None:
        found = auditing.faults_of(self.exchange, self.judged)
        if found:
            raise AssertionError("; ".join(found))

    async def answer_of(self, *words: str) -> Any:
        """The JSON that a command says of this pair; it must end with 0."""
        child = self.start_command(words[0], "-f", str(self._manifest), *words[1:], "-o", "json")
        await self.until(lambda: child.exit_code is not None, f"{words[0]} ends", is_stop=True)
        self.children.remove(child)
        if child.exit_code != 0:
            raise AssertionError(f"{child.name} ended with {child.exit_code}\n{child.last_words()}")
        return json.loads(child.log.read_text().splitlines()[-1])

    def end(self) -> None:
        for child in self.children:
            os.kill(child.pid, signal.SIGCONT)
            child.end(patience_s=0.1)


def write_manifest(home: Path, spec: Mapping[str, Any]) -> Path:
    path = home / "pair.yaml"
    path.write_text(json.dumps(manifest_of(spec).as_manifest()))
    return path


@asynccontextmanager
async def live_pair(
    *,
    redis: RedisServer,
    home: Path,
    has_proxy: bool = False,
    checking: Checking = Checking.SAMPLED,
) -> AsyncIterator[LivePair]:
    """An exchange with a standing ladder, and leases as after a clean stop. No runner yet."""
    options = ExchangeOptions(markets=(ETH,), gateway=GatewaySettings(checking=checking))
    async with serve(options) as server:
        pair = LivePair(server, redis=redis, home=home)
        pair.market.stand()
        await pair.release_leases()
        try:
            if has_proxy:
                async with TcpProxy(target=server.ws_url) as pair.proxy:
                    yield pair
            else:
                yield pair
        finally:
            pair.end()
