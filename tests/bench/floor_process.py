"""A worker: the parts of a hedge measured alone, in a process set up like a runner.

Options: {"redis_url", "account", "seed", "frame", "count", "part"}. Parts: `parse`, `sign`,
`write` and `hop` (with a second worker, part `tail`, that is blocked in XREAD). It says
`micros`, one number a sample; the tail says `arrived` [[sequence, ns]].

As in the ring, the loop runs off the main thread on uvloop, and rests between two samples: code
and data that others have pushed out of the caches are not counted as free.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web

from hedgepair_runner import lifecycle
from hedgepair_runner.orders import Side, TimeInForce
from hedgepair_runner.redis_bus import TAIL_TIMEOUT_S, connect
from hedgepair_runner.venues.lighter.signer import NativeSigner
from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.venue import OrderRequest
from tests.bench.workers import listen, say

REST_S: Final = 0.012
_STREAM: Final = "bench:floor"
_WANTED: Final = ("trade_id", "size", "price", "ask_account_id", "maker_position_size_before")

Part = Callable[[dict[str, Any]], Awaitable[None]]


async def parse(options: dict[str, Any]) -> None:
    """JSON to objects, and the values that a hedge needs looked up."""
    frame: bytes = options["frame"].encode()

    def once(_: int) -> None:
        decoded = orjson.loads(frame)
        for rows in decoded["trades"].values():
            for trade in rows:
                for name in _WANTED:
                    trade.get(name)

    say(micros=await _timed(once, options["count"]))


async def sign(options: dict[str, Any]) -> None:
    """One limit IOC order by the native signer."""
    signer = NativeSigner(
        account_index=options["account"],
        api_key_index=4,
        private_key=keys.private_hex(keys.private_key(options["seed"], options["account"], 4)),
        chain_id=300,
    )

    def once(number: int) -> None:
        request = OrderRequest(
            market_id=0,
            client_order_index=number + 1,
            side=Side.SELL,
            size_lots=500,
            price_ticks=236_000,
            time_in_force=TimeInForce.IOC,
        )
        signer.create(request, nonce=number + 1)

    say(micros=await _timed(once, options["count"]))


async def write(options: dict[str, Any]) -> None:
    """A text of an order's length into an open WebSocket on the loopback."""
    frame = "x" * 700
    app = web.Application()
    app.router.add_get("/", _swallow)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    micros = []
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        for _ in range(options["count"]):
            await asyncio.sleep(REST_S)
            began_ns = time.monotonic_ns()
            await socket.send_str(frame)
            micros.append((time.monotonic_ns() - began_ns) / 1e3)
    await runner.cleanup()
    say(micros=micros)


async def _swallow(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        pass
    return socket


async def hop(options: dict[str, Any]) -> None:
    """One trade after the other into a stream; when each was handed to the client."""
    client = connect(options["redis_url"], timeout_s=1.0)
    sent = []
    for number in range(options["count"]):
        await asyncio.sleep(REST_S)
        sent.append((number, time.monotonic_ns()))
        await client.xadd(
            _STREAM, {"k": str(number), "v": options["frame"][:400]}, maxlen=1_000, approximate=True
        )
    await client.aclose()
    say(sent=sent)


async def tail(options: dict[str, Any]) -> None:
    """The other end of the hop: blocked in XREAD."""
    client = connect(options["redis_url"], timeout_s=TAIL_TIMEOUT_S)
    arrived: list[tuple[int, int]] = []
    position: Any = "0-0"
    say(ready=True)
    while len(arrived) < options["count"]:
        answer: Any = await client.xread({_STREAM: position}, count=500, block=1_000)
        now_ns = time.monotonic_ns()
        for entry_id, fields in _entries(answer):
            position = entry_id
            arrived.append((int(fields[b"k"]), now_ns))
    await client.aclose()
    say(arrived=arrived)


def _entries(answer: Any) -> list[Any]:
    """redis-py answers with a list of pairs, or with a mapping under RESP3."""
    if not answer:
        return []
    batches = answer.values() if isinstance(answer, dict) else [pair[1] for pair in answer]
    found = list(itertools.chain.from_iterable(batches))
    if found and isinstance(found[0][0], list):
        found = list(itertools.chain.from_iterable(found))
    return found


async def _timed(once: Callable[[int], None], count: int) -> list[float]:
    micros = []
    for number in range(count):
        await asyncio.sleep(REST_S)
        began_ns = time.monotonic_ns()
        once(number)
        micros.append((time.monotonic_ns() - began_ns) / 1e3)
    return micros


PARTS: Final[dict[str, Part]] = {
    "parse": parse,
    "sign": sign,
    "write": write,
    "hop": hop,
    "tail": tail,
}


def main(options: dict[str, Any]) -> int:
    async def run(stop: asyncio.Event) -> int:
        loop = asyncio.get_running_loop()

        def hung_up() -> None:
            loop.call_soon_threadsafe(stop.set)

        listen(lambda _: None, hung_up)
        async with asyncio.TaskGroup() as tasks:
            part = tasks.create_task(_run(options))
            stopping = tasks.create_task(stop.wait())
            await asyncio.wait({part, stopping}, return_when=asyncio.FIRST_COMPLETED)
            part.cancel()
            stopping.cancel()
        return 0

    return lifecycle.run(run)


async def _run(options: dict[str, Any]) -> None:
    await PARTS[options["part"]](options)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
