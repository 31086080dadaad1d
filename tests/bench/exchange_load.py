"""A worker: signs transactions beforehand, then sends them as fast as they are answered.

Commands: `sign` (`count` for each key) → {"seconds"}; `stream` (`url`, `count`, `window`): all on
one WebSocket, so many unanswered at once; `rest` (`url`, `count`): each key on a connection of its
own, one at a time; `watch` (`url`, `connections`, `count`, `window`): as `stream`, while others
watch the book. Answers: {"seconds", "answered", "refused", …}.

The market: of four transactions the first one rests, the second takes as much, the third rests out
of reach and the fourth cancels it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import uvloop

from hedgepair_runner.orders import Side, SignedTx, TimeInForce
from hedgepair_runner.venues.lighter.signer import NativeSigner
from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.venue import OrderRequest
from tests.bench.workers import listen, say

SEED: Final = "bench"
CHAIN_ID: Final = 300
KEYS: Final = 8
MAKER, TAKER = 1, 2
_PRICE: Final = 235_000
_HOUR_MS: Final = 3_600_000


class Trader:
    """A pair of accounts that trade with each other, each by one of its keys."""

    def __init__(self, key: int) -> None:
        self._maker, self._taker = (_signer(account, key) for account in (MAKER, TAKER))
        self._nonces = [0, 0]
        self._orders = key * 1_000_000

    def next_four(self) -> list[SignedTx]:
        self._orders += 2
        return [
            self._rests(self._orders, _PRICE, TimeInForce.GTT),
            self._takes(),
            self._rests(self._orders + 1, _PRICE + 100, TimeInForce.POST_ONLY),
            self._maker.cancel(market_id=0, order_index=self._orders + 1, nonce=self._nonce(0)),
        ]

    def _rests(self, client_order_index: int, ticks: int, time_in_force: TimeInForce) -> SignedTx:
        return self._maker.create(
            OrderRequest(
                market_id=0,
                client_order_index=client_order_index,
                side=Side.SELL,
                size_lots=500,
                price_ticks=ticks,
                time_in_force=time_in_force,
                expiry_ms=time.time_ns() // 1_000_000 + _HOUR_MS,
            ),
            nonce=self._nonce(0),
        )

    def _takes(self) -> SignedTx:
        return self._taker.create(
            OrderRequest(
                market_id=0,
                client_order_index=0,
                side=Side.BUY,
                size_lots=500,
                price_ticks=_PRICE,
                time_in_force=TimeInForce.IOC,
            ),
            nonce=self._nonce(1),
        )

    def _nonce(self, side: int) -> int:
        self._nonces[side] += 1
        return self._nonces[side]


def _signer(account: int, key: int) -> NativeSigner:
    private = keys.private_hex(keys.private_key(SEED, account, key))
    return NativeSigner(
        account_index=account, api_key_index=key, private_key=private, chain_id=CHAIN_ID
    )


# -- sockets without a library: the load must cost less than what it loads --


class Frames(asyncio.Protocol):
    """A WebSocket client whose mask is zero. `on_frame` gets each text."""

    def __init__(self, host: str, on_frame: Callable[[bytes], None]) -> None:
        self._host = host
        self._on_frame = on_frame
        self._buffer = bytearray()
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            f"GET /stream HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._is_open = True
            del self._buffer[: end + 4]
        position = 0
        while (frame := _frame_at(self._buffer, position)) is not None:
            begin, position = frame
            self._on_frame(bytes(self._buffer[begin:position]))
        del self._buffer[:position]


def _frame_at(buffer: bytearray, start: int) -> tuple[int, int] | None:
    """Where the next frame's text begins and ends; None: it has not come whole."""
    if len(buffer) < start + 2:
        return None
    length, begin = buffer[start + 1], start + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        begin += size
        length = int.from_bytes(buffer[start + 2 : begin], "big")
    return (begin, begin + length) if len(buffer) >= begin + length else None


def framed(text: bytes) -> bytes:
    if len(text) < 126:
        return bytes((0x81, 0x80 | len(text))) + bytes(4) + text
    return bytes((0x81, 0xFE)) + len(text).to_bytes(2, "big") + bytes(4) + text


class Answers(asyncio.Protocol):
    """A kept HTTP connection that posts one body after the other."""

    def __init__(self, requests: Sequence[bytes], done: asyncio.Future[int]) -> None:
        self._requests = iter(requests)
        self._done = done
        self._accepted = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) >= length:
            self._accepted += head.startswith(b"HTTP/1.1 200")
            self._buffer = b""
            self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._done.set_result(self._accepted)
        else:
            self._transport.write(request)


# -- commands --


class Load:
    def __init__(self) -> None:
        self._traders = [Trader(4 + number) for number in range(KEYS)]
        self._signed: list[list[SignedTx]] = [[] for _ in self._traders]

    async def command(self, command: dict[str, Any]) -> None:
        do: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "sign": self.sign,
            "stream": self.stream,
            "rest": self.rest,
            "watch": self.watch,
        }
        arguments = {name: value for name, value in command.items() if name != "do"}
        say(**await do[command["do"]](**arguments))

    async def sign(self, count: int) -> dict[str, Any]:
        """`count` for each key, on top of what is left."""
        began = time.perf_counter()
        for trader, signed in zip(self._traders, self._signed, strict=True):
            while len(signed) < count:
                signed += trader.next_four()
        return {"seconds": time.perf_counter() - began}

    async def stream(self, url: str, count: int, window: int) -> dict[str, Any]:
        frames = iter([framed(_send_tx(tx)) for tx in self._take(count)])
        took: list[float] = []
        sent_at: dict[int, float] = {}
        refused: list[str] = []
        done = asyncio.get_running_loop().create_future()
        waiting = 0

        def send(number: int) -> None:
            nonlocal waiting
            frame = next(frames, None)
            if frame is not None:
                waiting += number
                sent_at[len(sent_at)] = time.perf_counter()
                protocol.transport.write(frame)

        def hear(text: bytes) -> None:
            nonlocal waiting
            if b'"session_id"' in text:
                return
            if b'"code":200' not in text and b'"code": 200' not in text:
                refused.append(text.decode())
            took.append(time.perf_counter() - sent_at[len(took)])
            waiting -= 1
            send(1)
            if waiting == 0 and not done.done():
                done.set_result(None)

        protocol = await self._connect(url, hear)
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        for _ in range(window):
            send(1)
        await done
        seconds = time.perf_counter() - began
        protocol.transport.close()
        return {"seconds": seconds, "answered": len(took), "refused": refused[:3], "took_s": took}

    async def rest(self, url: str, count: int) -> dict[str, Any]:
        """Each key's transactions on its own connection; they share the market."""
        host, port = _address(url)
        loop = asyncio.get_running_loop()
        requests = [
            [_post(f"{host}:{port}", tx) for tx in signed[: count // KEYS]]
            for signed in self._signed
        ]
        for signed in self._signed:
            del signed[: count // KEYS]
        began, done = time.perf_counter(), []
        for each in requests:
            accepted: asyncio.Future[int] = loop.create_future()
            done.append(accepted)
            await loop.create_connection(
                lambda each=each, accepted=accepted: Answers(each, accepted),  # type: ignore[misc]  # bound early
                host,
                port,
            )
        answered = sum([await each for each in done])
        seconds = time.perf_counter() - began
        sent = sum(len(each) for each in requests)
        refused = [f"{sent - answered} refused"] if answered < sent else []
        return {"seconds": seconds, "answered": answered, "refused": refused}

    async def watch(self, url: str, connections: int, count: int, window: int) -> dict[str, Any]:
        """The same as `stream`, while so many others watch the book; each wants every update."""
        heard = [0] * connections
        last = [0.0]

        def counted(number: int) -> Callable[[bytes], None]:
            def count_frame(text: bytes) -> None:
                if text.startswith(b'{"channel":"order_book:0","type":"update'):
                    heard[number] += 1
                    last[0] = time.perf_counter()

            return count_frame

        text = framed(b'{"type":"subscribe","channel":"order_book/0"}')
        watchers = []
        for number in range(connections):
            watcher = await self._connect(url, counted(number))
            watchers.append(watcher)
            watcher.transport.write(text)
        await asyncio.sleep(0.2)
        began = time.perf_counter()
        sent = await self.stream(url, count, window)
        await asyncio.sleep(0.3)
        for watcher in watchers:
            watcher.transport.close()
        return {
            **sent,
            "seconds": last[0] - began if last[0] else sent["seconds"],
            "least": min(heard),
            "most": max(heard),
        }

    def _take(self, count: int) -> list[SignedTx]:
        """From all keys in turn, four by four, so that takes find what rests."""
        if count % (4 * KEYS):
            raise AssertionError("what is taken and not sent would leave a gap in the nonces")
        taken: list[SignedTx] = []
        while len(taken) < count:
            for signed in self._signed:
                taken += signed[:4]
                del signed[:4]
        return taken

    async def _connect(self, url: str, on_frame: Callable[[bytes], None]) -> Frames:
        host, port = _address(url)
        _, protocol = await asyncio.get_running_loop().create_connection(
            lambda: Frames(f"{host}:{port}", on_frame), host, port
        )
        return protocol


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise AssertionError("the server says its host and port")
    return parts.hostname, parts.port


def _send_tx(tx: SignedTx) -> bytes:
    data = f'{{"id":{tx.nonce},"tx_type":{tx.tx_type},"tx_info":{tx.info}}}'
    return f'{{"type":"jsonapi/sendtx","data":{data}}}'.encode()


def _post(host: str, tx: SignedTx) -> bytes:
    body = urlencode({"tx_type": tx.tx_type, "tx_info": tx.info, "price_protection": "true"})
    return (
        f"POST /api/v1/sendTx HTTP/1.1\r\nHost: {host}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def main() -> None:
    loop, ended, load = asyncio.get_running_loop(), asyncio.Event(), Load()
    tasks: set[asyncio.Task[None]] = set()

    def begin(command: dict[str, Any]) -> None:
        task = loop.create_task(load.command(command))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listen(
        lambda command: _later(loop, begin, command),
        lambda: _later(loop, ended.set),
    )
    say(ready=True)
    await ended.wait()


def _later(loop: asyncio.AbstractEventLoop, call: Any, *arguments: Any) -> None:
    loop.call_soon_threadsafe(call, *arguments)


if __name__ == "__main__":
    json.loads(sys.argv[1])
    uvloop.run(main())
