"""A Transport to an exchange in this process: no sockets, so that all of it runs in virtual time.

`drive` gives the exchange its time. Both directions have a latency in the event loop's seconds,
and a Faults object that decides what becomes of each frame and request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Generic, NoReturn, TypeVar

from hedgepair_runner.venues.lighter.transport import Connection, TransportLost
from hedgepair_runner.venues.paper.fates import Loss
from hedgepair_runner.venues.paper.faults import Fate, Faults, Outcome
from hedgepair_runner.venues.paper.gateway import Gateway, TooManyConnections
from hedgepair_runner.venues.paper.rest import RestRequest
from hedgepair_runner.venues.paper.session import Session

_IP = "in-process"
_JUST_AFTER_S = 1e-6
"""Float seconds may fall a hair short of the microsecond that is due."""

_Frame = TypeVar("_Frame", str, bytes)


class LoopClock:
    """Unix time that runs with the event loop: virtual where the loop's time is.

    A client's Clock and a gateway's at once.
    """

    def __init__(self, *, started_at_ms: int = 1_800_000_000_000) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._epoch_us = started_at_ms * 1_000 - round(loop.time() * 1_000_000)

    def now_us(self) -> int:
        return self._epoch_us + int(self._loop.time() * 1_000_000)

    def wall_ms(self) -> int:
        return self.now_us() // 1_000

    def boot_s(self) -> float:
        return self._loop.time()


async def drive(gateway: Gateway) -> None:
    """Advances the exchange whenever something is due. Runs until cancelled."""
    woken = asyncio.Event()
    gateway.wake = woken.set
    while True:
        gateway.advance()
        woken.clear()
        due_us = gateway.next_due_us()
        wait_s = None
        if due_us is not None:
            wait_s = max(due_us - gateway.now_us(), 0) / 1_000_000 + _JUST_AFTER_S
        try:
            async with asyncio.timeout(wait_s):
                await woken.wait()
        except TimeoutError:
            continue


class InProcessTransport:
    """A Transport. `latency_s` is one way."""

    def __init__(
        self, gateway: Gateway, *, latency_s: float = 0.0, faults: Faults | None = None
    ) -> None:
        self.connections: list[InProcessConnection] = []
        """Those that are open, for tests that cut them."""
        self._gateway = gateway
        self._latency_s = latency_s
        self._faults = faults or Faults()

    async def get(
        self, path: str, params: Mapping[str, str], *, auth: str | None, timeout_s: float
    ) -> tuple[int, bytes]:
        request = RestRequest(method="GET", path=path, query=params, authorization=auth, ip=_IP)
        return await self._within(timeout_s, request)

    async def post_form(
        self, path: str, form: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, bytes]:
        return await self._within(
            timeout_s, RestRequest(method="POST", path=path, form=form, ip=_IP)
        )

    async def _within(self, timeout_s: float, request: RestRequest) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._request(request)
        except TimeoutError:
            raise TransportLost("no answer in time") from None

    async def _request(self, request: RestRequest) -> tuple[int, bytes]:
        fate = self._faults.request(request.method, request.path)
        if fate.is_request_lost:
            await _nothing_comes()
        await _pass(self._latency_s + fate.delay_s)
        if fate.instead is not None:
            answer = fate.instead
        else:
            answered = await self._gateway.rest(request)
            await _lose(answered.loss)
            answer = answered.status, answered.body
        if fate.is_answer_lost:
            await _nothing_comes()
        await _pass(self._latency_s)
        return answer

    async def connect(self) -> Connection:
        await _pass(2 * self._latency_s)
        if not self._faults.accepts_connection():
            raise TransportLost("the connection was refused")
        refused = await self._gateway.handshake(_IP)
        if refused is not None:
            await _lose(refused.loss)
            raise TransportLost(f"the handshake was answered with {refused.status}")
        connection = InProcessConnection(self._faults, self._latency_s, self.connections.remove)
        try:
            connection.open(self._gateway)
        except TooManyConnections as error:
            raise TransportLost(str(error)) from None
        self.connections.append(connection)
        return connection

    def cut(self) -> None:
        """Breaks every open connection, as a lost network would be noticed."""
        for connection in tuple(self.connections):
            connection.cut("the connection was cut")

    async def close(self) -> None:
        for connection in tuple(self.connections):
            await connection.close()


class InProcessConnection:
    """A Connection: two pipes and the exchange's session."""

    def __init__(
        self,
        faults: Faults,
        latency_s: float,
        forget: Callable[[InProcessConnection], None],
    ) -> None:
        self._faults = faults
        self._forget = forget
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        """None: nothing more comes."""
        self._session: Session | None = None
        self._lost: str | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self._up: _Pipe[str] = _Pipe(latency_s, self._to_session)
        self._down: _Pipe[bytes] = _Pipe(latency_s, self._inbox.put_nowait)

    def open(self, gateway: Gateway) -> None:
        self._session = gateway.open_session(self._from_session, self._hung_up, ip=_IP)

    async def send(self, frame: str) -> None:
        self._require_open()
        if not self._up.push(frame, self._faults.to_venue(frame)):
            self.cut("the connection was cut")
            self._require_open()

    async def receive(self) -> bytes | str:
        if self._lost is None or not self._inbox.empty():
            frame = await self._inbox.get()
            if frame is not None:
                return frame
        raise TransportLost(self._lost or "the connection is closed")

    async def close(self) -> None:
        self.cut("the connection is closed")

    def cut(self, reason: str) -> None:
        """What is under way is lost; the exchange notices at once."""
        if self._lost is not None:
            return
        self._lost = reason
        self._forget(self)
        self._up.stop()
        self._down.stop()
        if self._session is not None:
            self._session.close()
        self._inbox.put_nowait(None)

    def _require_open(self) -> None:
        if self._lost is not None:
            raise TransportLost(self._lost)

    def _to_session(self, frame: str) -> None:
        if self._session is None:
            raise AssertionError("a frame came before the session was opened")
        answer = self._session.begin(frame)
        if answer is not None:
            self._later(answer)

    def _later(self, answer: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(answer, name="paper session answer")
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    def _from_session(self, frame: bytes) -> None:
        if self._lost is None and not self._down.push(frame, self._faults.to_client(frame)):
            # Not at once: a session must not be closed from within its own sending.
            asyncio.get_running_loop().call_soon(self.cut, "the connection was cut")

    def _hung_up(self, code: int, reason: str) -> None:
        self.cut(f"the venue hung up with {code}: {reason}")


class _Pipe(Generic[_Frame]):
    """One direction: first in, first out, each frame after its latency at the earliest."""

    def __init__(self, latency_s: float, deliver: Callable[[_Frame], None]) -> None:
        self._latency_s = latency_s
        self._deliver: Callable[[_Frame], None] = deliver
        self._waiting: deque[_Frame] = deque()
        self._last_due_s = 0.0
        self._is_open = True

    def push(self, frame: _Frame, fate: Fate) -> bool:
        """False where the fate cuts the connection."""
        if fate.outcome is Outcome.CUT:
            return False
        copies = {Outcome.LOST: 0, Outcome.ARRIVES: 1, Outcome.TWICE: 2}[fate.outcome]
        for _ in range(copies):
            self._send(frame, self._latency_s + fate.delay_s)
        return True

    def stop(self) -> None:
        self._is_open = False
        self._waiting.clear()

    def _send(self, frame: _Frame, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        if delay_s <= 0 and not self._waiting:
            self._deliver(frame)
            return
        # Timers of one moment fire in any order: each takes whatever stands first.
        self._last_due_s = max(loop.time() + delay_s, self._last_due_s)
        self._waiting.append(frame)
        loop.call_at(self._last_due_s, self._deliver_next)

    def _deliver_next(self) -> None:
        if self._is_open and self._waiting:
            self._deliver(self._waiting.popleft())


async def _pass(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _lose(loss: Loss) -> None:
    """An answer that the exchange's own faults lose."""
    if loss is Loss.SILENT:
        await _nothing_comes()
    if loss is Loss.CUT:
        raise TransportLost("the connection was cut")


async def _nothing_comes() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody holds the future that was waited for")
