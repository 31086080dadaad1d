"""A worker: a server under load, on one core of its own.

Options: {"kind": "exchange", "book_batch_us", "state": null or a directory}, or {"kind": "floor"}:
a server of the same library that answers everything with the same bytes. It says {"url"} and, to
any command, {"cpu_s", "rss_mib"} of its own process so far. {"kind": "memory", "trades": n,
"every": m} makes trades without sockets and says {"rss_mib": [[trades, MiB], …]}.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import uvloop
from aiohttp import WSMsgType, web

from hedgepair_runner.venues.paper.assembly import ExchangeOptions, assemble, serve
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.server import SystemClock
from tests.bench.workers import listen, say

SEED: Final = "bench"
ANSWER: Final = json.dumps(
    {
        "type": "jsonapi/sendtx",
        "code": 200,
        "message": '{"ratelimit": "didn\'t use volume quota"}',
        "tx_hash": "0" * 80,
        "predicted_execution_time_ms": 1_795_344_000_000,
        "id": 1,
    }
)


async def exchange(options: dict[str, Any]) -> None:
    state = options.get("state")
    served = ExchangeOptions(
        seed=SEED,
        markets=(ETH,),
        gateway=GatewaySettings(
            checking=Checking.SAMPLED, book_batch_us=options.get("book_batch_us", 50_000)
        ),
        state_dir=Path(state) if state else None,
    )
    async with serve(served) as server:
        await _serve_until_told(server.url)


async def floor(options: dict[str, Any]) -> None:
    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                json.loads(message.data)
                await socket.send_str(ANSWER)
        return socket

    async def send_tx(request: web.Request) -> web.Response:
        form = await request.post()
        json.loads(str(form["tx_info"]))
        return web.Response(text=ANSWER, content_type="application/json")

    app = web.Application()
    app.router.add_get("/stream", stream)
    app.router.add_post("/api/v1/sendTx", send_tx)
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await _serve_until_told(f"http://127.0.0.1:{runner.addresses[0][1]}")


async def memory(options: dict[str, Any]) -> None:
    """Two accounts trade with each other; the history is trimmed by the exchange's own rule."""
    gateway = assemble(
        ExchangeOptions(seed=SEED, gateway=GatewaySettings(checking=Checking.OFF)),
        clock=SystemClock(),
    )
    place, now_us = gateway.exchange.place_direct, gateway.now_us()
    grown = [[0, _rss_mib()]]
    for count in range(1, options["trades"] + 1):
        now_us += 1_000
        for account, is_ask in ((1, True), (2, False)):
            events = place(
                account,
                market_id=count % 3,
                is_ask=is_ask if count % 2 else not is_ask,
                size_lots=500,
                price_ticks=200_000 + count % 50,
                now_us=now_us,
            )
            gateway.publisher.publish(events, now_us=now_us)
        if count % options["every"] == 0:
            grown.append([count, _rss_mib()])
    say(rss_mib=grown)


async def _serve_until_told(url: str) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: dict[str, Any]) -> None:
        say(cpu_s=time.process_time(), rss_mib=_rss_mib())

    listen(
        lambda command: _later(loop, tell, command),
        lambda: _later(loop, ended.set),
    )
    if hasattr(os, "sched_setaffinity"):
        # Only now: the process that verifies signatures stays free to use another core.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    say(url=url)
    await ended.wait()


def _later(loop: asyncio.AbstractEventLoop, call: Any, *arguments: Any) -> None:
    loop.call_soon_threadsafe(call, *arguments)


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    uvloop.run({"exchange": exchange, "floor": floor, "memory": memory}[told["kind"]](told))
