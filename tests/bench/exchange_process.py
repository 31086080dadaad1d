"""A worker: the paper exchange with a scripted trader, signature checks off.

Options: {"script": "take" | "flow", "maker": 111, "hedger": 112, "one_l1": false,
"percent": 100}. It says its URLs first. Commands: `take` (until `count` quotes were taken),
`flow` (`rate`, `seconds`), `alone` (its own rate of fills with nobody listening), `first_quote`,
`forget_first_quote`, `settled`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict
from typing import Any, Final

import uvloop

from hedgepair_runner.venues.paper.assembly import ExchangeOptions, assemble, serve
from hedgepair_runner.venues.paper.events import Event
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.server import ExchangeServer, SystemClock
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.views import TradeQuery
from tests.bench.scripts import MARKET, FlowOfFills, Liquidity, Seen, TakeEachQuote, give_fill
from tests.bench.settings import SEED
from tests.bench.workers import listen, say

PROGRESS_EVERY: Final = 25
ALONE_S: Final = 1.0


class Stage:
    """The exchange, its script, and what the benchmark asks of them."""

    def __init__(self, server: ExchangeServer, options: dict[str, Any]) -> None:
        self._gateway = server.gateway
        self._exchange = server.gateway.exchange
        self._maker: int = options["maker"]
        self._hedger: int = options["hedger"]
        self._wanted = 0
        self._taker: TakeEachQuote | None = None
        self._flow: FlowOfFills | None = None
        if options["script"] == "take":
            self._taker = TakeEachQuote(
                self._exchange,
                maker=self._maker,
                percent=options.get("percent", 100),
                on_taken=self._on_taken,
            )
            self._gateway.attach(self._taker)
        else:
            self._flow = FlowOfFills(
                self._exchange,
                maker=self._maker,
                hedger=self._hedger,
                publish=self._publish,
                on_end=self._on_flow_end,
            )
            self._gateway.attach(self._flow)

    def command(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "take":
                taker = self._take_script()
                self._wanted = len(taker.taken) + command["count"]
                taker.is_on = True
                self._gateway.wake()
            case "flow":
                self._begin_flow(command["rate"], command["seconds"])
            case "alone":
                say(fills_per_s=_alone())
            case "first_quote":
                say(at_us=self._take_script().first_quote_us())
            case "forget_first_quote":
                self._take_script().forget_first_quote()
                say(done=True)
            case "settled":
                say(net_lots=self._net_lots())
            case other:
                raise AssertionError(f"nobody knows the command {other}")

    def _take_script(self) -> TakeEachQuote:
        if self._taker is None:
            raise AssertionError("this exchange runs the other script")
        return self._taker

    def _on_taken(self, count: int) -> None:
        if count % PROGRESS_EVERY == 0:
            say(progress=count)
        if count >= self._wanted:
            self._take_script().is_on = False
            # The last hedge is still on its way.
            asyncio.get_running_loop().call_later(0.3, self._say_taken)

    def _say_taken(self) -> None:
        taker = self._take_script()
        say(
            taken=[asdict(taken) for taken in taker.taken],
            executed_us={
                "maker": self._executed_us(self._maker),
                "hedger": self._executed_us(self._hedger),
            },
            net_lots=self._net_lots(),
        )

    def _executed_us(self, account_index: int) -> list[list[int]]:
        """[trade id, executed at] of the account's trades, oldest first."""
        query = TradeQuery(
            market_id=MARKET, account_index=account_index, descending=False, limit=100_000
        )
        return [
            [trade.trade_id, trade.executed_us] for trade in self._exchange.trades(query).trades
        ]

    def _begin_flow(self, rate: int, seconds: float) -> None:
        if self._flow is None:
            raise AssertionError("this exchange runs the other script")
        self._flow.begin(rate=rate, seconds=seconds, now_us=self._gateway.now_us())
        self._gateway.wake()

    def _publish(self, events: list[Event], now_us: int) -> None:
        self._gateway.publisher.publish(events, now_us=now_us)

    def _on_flow_end(self, seen: list[Seen]) -> None:
        say(seen=[asdict(each) for each in seen])

    def _net_lots(self) -> int:
        views = [self._exchange.account(account) for account in (self._maker, self._hedger)]
        return sum(
            held.position.size_lots
            for view in views
            if view is not None
            for held in view.positions
            if held.position.market_id == MARKET
        )


def _alone() -> float:
    """Fills a second that the engine makes and tells of while nobody asks for anything."""
    options = ExchangeOptions(gateway=GatewaySettings(checking=Checking.OFF))
    clock = SystemClock()
    gateway = assemble(options, clock=clock)
    gateway.publish(Liquidity(gateway.exchange, lots=10_000_000).lay(now_us=clock.now_us()))
    fills, began_s = 0, time.monotonic()
    while time.monotonic() - began_s < ALONE_S:
        now_us = clock.now_us()
        gateway.publisher.publish(give_fill(gateway.exchange, 1, now_us=now_us), now_us=now_us)
        fills += 1
    return fills / (time.monotonic() - began_s)


async def _serve(options: dict[str, Any]) -> None:
    groups = [frozenset((options["maker"], options["hedger"]))] if options["one_l1"] else []
    exchange = ExchangeOptions(
        seed=SEED,
        exchange=ExchangeSettings(same_l1=frozenset(groups)),
        gateway=GatewaySettings(checking=Checking.OFF),
    )
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    async with serve(exchange) as server:
        stage = Stage(server, options)
        listen(
            lambda command: _later(loop, stage.command, command),
            lambda: _later(loop, ended.set),
        )
        say(rest_url=server.url, ws_url=server.ws_url)
        await ended.wait()


def _later(loop: asyncio.AbstractEventLoop, call: Any, *arguments: Any) -> None:
    loop.call_soon_threadsafe(call, *arguments)


if __name__ == "__main__":
    uvloop.run(_serve(json.loads(sys.argv[1])))
