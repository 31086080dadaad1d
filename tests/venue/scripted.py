"""A venue by script: frames that a test plays, requests that it answers, all in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import looptime
import orjson

from hedgepair_runner.orders import SignedTx
from hedgepair_runner.venues.lighter.transport import Connection, TransportLost
from hedgepair_runner.venues.venue import OrderRequest

_Result = TypeVar("_Result")
Json = dict[str, Any]
SNAPSHOTS: Mapping[str, Json] = {
    "order_book": {"order_book": {"asks": [], "bids": [], "nonce": 10, "begin_nonce": 0}},
    "market_stats": {"market_stats": {"mark_price": "2000.00"}},
    "account_all_orders": {"orders": {}},
    "account_all_trades": {"trades": {}},
    "account_all_positions": {"positions": {}},
    "account_all": {"positions": {}, "trades": {}},
    "account_tx": {"txs": []},
    "user_stats": {"stats": {"available_balance": "1", "collateral": "2", "portfolio_value": "3"}},
}


def in_virtual_time(main: Coroutine[Any, Any, _Result], *, end_s: float = 100_000) -> _Result:
    """Runs to the end on a loop that jumps over its waits."""
    loop = looptime.new_event_loop(start=0, end=end_s)
    try:
        result: _Result = loop.run_until_complete(main)
        return result
    finally:
        loop.close()


class ScriptedConnection:
    """The test's end: `play` a frame, look at what was `sent`, `cut`."""

    def __init__(self, *, answers_subscriptions: bool = True) -> None:
        self.sent: list[Json] = []
        self.texts: list[str] = []
        self.is_closed = False
        self.answers_subscriptions = answers_subscriptions
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()

    def play(self, frame: Json) -> None:
        self._frames.put_nowait(orjson.dumps(frame).decode())

    def play_text(self, text: str) -> None:
        self._frames.put_nowait(text)

    def cut(self) -> None:
        self.is_closed = True
        self._frames.put_nowait(None)

    def commands(self, kind: str) -> list[str]:
        """Channels that were asked for by `subscribe` or `unsubscribe`."""
        return [frame["channel"] for frame in self.sent if frame["type"] == kind]

    async def send(self, frame: str) -> None:
        if self.is_closed:
            raise TransportLost("cut")
        self.texts.append(frame)
        command = orjson.loads(frame)
        self.sent.append(command)
        if command["type"] == "subscribe" and self.answers_subscriptions:
            self.play(snapshot_of(command["channel"]))
        elif command["type"] == "ping":
            self.play({"type": "pong"})

    async def receive(self) -> bytes | str:
        frame = await self._frames.get()
        if frame is None:
            raise TransportLost("cut")
        return frame

    async def close(self) -> None:
        self.is_closed = True


def snapshot_of(channel: str) -> Json:
    kind = channel.split("/")[0]
    name = channel.replace("/", ":")
    return {"type": f"subscribed/{kind}", "channel": name, **SNAPSHOTS[kind]}


class ScriptedTransport:
    """Connections greet by themselves; `prepare` makes or refuses the next one."""

    def __init__(self) -> None:
        self.connections: list[ScriptedConnection] = []
        self.connected_at_s: list[float] = []
        self.prepare: Callable[[], ScriptedConnection] = ScriptedConnection
        self.answers: dict[str, list[tuple[int, object]]] = {}
        self.requests: list[tuple[str, Mapping[str, str], str | None]] = []

    def answer(self, path: str, body: object, *, status: int = 200) -> None:
        """The next answer of this path; the last one stays."""
        self.answers.setdefault(path, []).append((status, body))

    async def connect(self) -> Connection:
        self.connected_at_s.append(asyncio.get_running_loop().time())
        connection = self.prepare()
        self.connections.append(connection)
        connection.play({"type": "connected", "session_id": "1"})
        return connection

    async def get(
        self, path: str, params: Mapping[str, str], *, auth: str | None, timeout_s: float
    ) -> tuple[int, bytes]:
        return self._answered(path, params, auth)

    async def post_form(
        self, path: str, form: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, bytes]:
        return self._answered(path, form, None)

    def _answered(
        self, path: str, content: Mapping[str, str], auth: str | None
    ) -> tuple[int, bytes]:
        self.requests.append((path, dict(content), auth))
        answers = self.answers.get(path)
        if not answers:
            raise TransportLost("nothing was prepared")
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return status, body if isinstance(body, bytes) else orjson.dumps(body)

    async def close(self) -> None: ...


def signed_tx(nonce: int) -> SignedTx:
    """Its info has spaces that no JSON library would write."""
    return SignedTx(
        tx_type=14,
        info=f'{{"Nonce": {nonce},  "Sig":"x+/="}}',
        tx_hash=f"{nonce:080x}",
        nonce=nonce,
        expired_at_ms=1,
    )


class FakeSigner:
    """Makes tokens only, each another."""

    def __init__(self, account_index: int, api_key_index: int = 4) -> None:
        self.account_index = account_index
        self.api_key_index = api_key_index
        self.tokens = 0

    def auth_token(self, *, expires_at_s: int) -> str:
        self.tokens += 1
        return f"token-{self.tokens}"

    def create(self, request: OrderRequest, *, nonce: int) -> SignedTx:
        return signed_tx(nonce)

    def cancel(self, *, market_id: int, order_index: int, nonce: int) -> SignedTx:
        return signed_tx(nonce)

    def modify(
        self, *, market_id: int, order_index: int, size_lots: int, price_ticks: int, nonce: int
    ) -> SignedTx:
        return signed_tx(nonce)

    def cancel_all(self, *, market_id: int | None, nonce: int, skip_nonce: bool) -> SignedTx:
        return signed_tx(nonce)

    def schedule_cancel_all(self, *, at_ms: int, nonce: int) -> SignedTx:
        return signed_tx(nonce)

    def abort_cancel_all(self, *, nonce: int) -> SignedTx:
        return signed_tx(nonce)


class LoopTimeClock:
    """The loop's virtual seconds, as Unix time (which may run faster) and as time since boot."""

    def __init__(self, *, speed: int = 1) -> None:
        self._speed = speed

    def wall_ms(self) -> int:
        return 1_800_000_000_000 + int(asyncio.get_running_loop().time() * 1_000 * self._speed)

    def boot_s(self) -> float:
        return asyncio.get_running_loop().time()
