"""The paper exchange on a port: HTTP and WebSocket by aiohttp, time by the machine's clock."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aiohttp import WSCloseCode, WSMsgType, web

from hedgepair_runner.venues.paper.fates import Loss
from hedgepair_runner.venues.paper.forms import read_form
from hedgepair_runner.venues.paper.gateway import Gateway
from hedgepair_runner.venues.paper.gateway_settings import Checking
from hedgepair_runner.venues.paper.outbox import Outbox
from hedgepair_runner.venues.paper.rest import TOO_LARGE, RestAnswer, RestRequest
from hedgepair_runner.venues.paper.session import Session
from hedgepair_runner.venues.paper.state_dir import StateDir
from hedgepair_runner.venues.paper.timed_faults import ABNORMAL_CLOSURE

if TYPE_CHECKING:
    from hedgepair_runner.venues.paper.admin import AdminServer

STREAM = "/stream"
MOST_UNSENT_BYTES = 8 * 1024 * 1024
"""What a client may be behind before it is cut off; some ten thousand trades."""
_SHUTDOWN_S = 2.0
_LONGEST_FRAME = 4 * 1024 * 1024
_LONGEST_SILENCE_S = 300.0
"""What the SDK waits by default (protocol §2)."""
_TEXT_FRAME = 0x81


class SystemClock:
    """Unix time at the start, and the monotonic clock from there on: it never runs backwards."""

    def __init__(self, *, not_before_us: int = 0) -> None:
        """It begins no earlier than `not_before_us`, though the machine's clock was set back."""
        self._offset_ns = max(time.time_ns(), not_before_us * 1_000) - time.monotonic_ns()

    def now_us(self) -> int:
        return (time.monotonic_ns() + self._offset_ns) // 1_000


class ExchangeServer:
    """Serves a gateway in the running loop. An async context manager, or `start` and `stop`."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        state: StateDir | None = None,
    ) -> None:
        """Port 0: any free one; `port` tells which, once started.

        With `state` nothing is told before it is safe there; the caller closes it after `stop`.
        """
        self.gateway = gateway
        self.host = host
        self.port = port
        self.admin: AdminServer | None = None
        """Set by who opens an admin port beside it."""
        self._woken = asyncio.Event()
        self._planned_us: int | None = None
        self._stopping = asyncio.Event()
        self._pending: asyncio.TaskGroup | None = None
        self._running: asyncio.Task[None] | None = None
        self._outbox = Outbox(state) if state is not None else None

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}{STREAM}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns once the port is open. Raises OSError if it cannot be."""
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Not in a group: the task is this object's own, and `stop` waits for it.
        self._running = asyncio.create_task(self._run(started), name="exchange server")
        await asyncio.wait([started, self._running], return_when=asyncio.FIRST_COMPLETED)
        if self._running.done():
            running, self._running = self._running, None
            await running

    async def stop(self) -> None:
        """Announces the shutdown, closes every socket with 1001, frees the port. Idempotent."""
        self._stopping.set()
        running, self._running = self._running, None
        if running is not None:
            await running

    async def failed(self) -> None:
        """Returns only when the server has stopped; raises what ended it, if something did."""
        if self._running is not None:
            await asyncio.wait([self._running])
            await self._running

    async def settled(self) -> None:
        """Returns when what has happened so far is safe in the state directory, if there is one."""
        if self._outbox is not None:
            await self._outbox.settled()

    async def _run(self, started: asyncio.Future[None]) -> None:
        app = web.Application(client_max_size=_LONGEST_FRAME)
        app.router.add_get(STREAM, self._stream)
        app.router.add_route("*", "/{path:.*}", self._rest)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            self.gateway.wake = self._wake
            async with asyncio.TaskGroup() as self._pending:
                background = [self._pending.create_task(self._keep_time(), name="exchange time")]
                if self.gateway.settings.checking is not Checking.OFF:
                    checks = self.gateway.checker.check_samples()
                    background.append(self._pending.create_task(checks, name="exchange samples"))
                if self._outbox is not None:
                    outbox = self._outbox.run()
                    background.append(self._pending.create_task(outbox, name="exchange outbox"))
                started.set_result(None)
                await self._stopping.wait()
                self.gateway.announce_shutdown(0)
                self.gateway.hang_up(WSCloseCode.GOING_AWAY, "shutdown")
                if self._outbox is not None:
                    self._outbox.close()
                for task in background:
                    task.cancel()
        finally:
            await runner.cleanup()

    # -- time --

    def _wake(self) -> None:
        """The timer is only disturbed if something is due before what it waits for."""
        due_us = self.gateway.next_due_us()
        if due_us is not None and (self._planned_us is None or due_us < self._planned_us):
            self._woken.set()

    async def _keep_time(self) -> None:
        while True:
            self._woken.clear()
            self.gateway.advance()
            self._planned_us = self.gateway.next_due_us()
            pause_s: float | None = None
            if self._planned_us is not None:
                pause_s = max(0, self._planned_us - self.gateway.now_us()) / 1e6
            try:
                async with asyncio.timeout(pause_s):
                    await self._woken.wait()
            except TimeoutError:
                # With a pause of zero nobody else would run before the next round.
                await asyncio.sleep(0)

    # -- REST --

    async def _rest(self, request: web.Request) -> web.Response:
        form: dict[str, str] = {}
        if request.method == "POST":
            try:
                form = read_form(await request.read(), request.content_type)
            except web.HTTPRequestEntityTooLarge:
                return await self._respond(request, TOO_LARGE)
            except web.RequestPayloadError:
                # Not compressed as it says: a form without fields, which is refused as such.
                form = {}
        answer = await self.gateway.rest(
            RestRequest(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                form=form,
                authorization=request.headers.get("Authorization"),
                ip=request.remote or "",
            )
        )
        await self.settled()
        return await self._respond(request, answer)

    async def _respond(self, request: web.Request, answer: RestAnswer) -> web.Response:
        if answer.loss is not Loss.NONE:
            await self._lose(request, answer.loss)
        return web.Response(
            status=answer.status, body=answer.body, content_type=answer.content_type
        )

    async def _lose(self, request: web.Request, loss: Loss) -> None:
        """The answer never leaves. A client that waits for it is not kept for ever."""
        if loss is Loss.SILENT:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_SILENCE_S):
                    await self._stopping.wait()
        if request.transport is not None:
            request.transport.abort()

    # -- WebSocket --

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        # Without compression: on one machine it costs more than it saves.
        socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=_LONGEST_FRAME, timeout=_SHUTDOWN_S
        )
        if not socket.can_prepare(request).ok:
            return await self._rest(request)
        refused = await self.gateway.handshake(request.remote or "")
        if refused is not None:
            return await self._respond(request, refused)
        await socket.prepare(request)
        session = self._open(request, socket)
        try:
            await self._listen(socket, session)
        finally:
            session.close()
        return socket

    def _open(self, request: web.Request, socket: web.WebSocketResponse) -> Session:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client left during the handshake")

        outbox = self._outbox

        def send(frame: bytes) -> None:
            if outbox is None:
                write(frame)
            else:
                outbox.deliver(write, frame)

        def write(frame: bytes) -> None:
            if transport.is_closing():
                return
            # Straight to the transport: no queue and no further turn of the loop before it.
            transport.write(frame_header(len(frame)) + frame)
            if transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
                transport.abort()

        def close(code: int, reason: str) -> None:
            if self._pending is None:
                raise AssertionError("sessions exist only while the server runs")
            if code == ABNORMAL_CLOSURE:
                transport.abort()
                return
            closing = _close(socket, code, reason)
            self._pending.create_task(closing, name="close socket")

        return self.gateway.open_session(send, close, ip=request.remote or "")

    async def _listen(self, socket: web.WebSocketResponse, session: Session) -> None:
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                pending = session.begin(message.data)
                if pending is not None:
                    if self._pending is None:
                        raise AssertionError("sessions exist only while the server runs")
                    self._pending.create_task(pending, name="frame")
            elif message.type is WSMsgType.PING:
                session.heard()
                await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                session.heard()


async def _close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    await socket.close(code=code, message=reason.encode())


def frame_header(length: int) -> bytes:
    """Of a whole text frame from the server, which is never masked (RFC 6455 §5.2)."""
    if length < 126:
        return bytes((_TEXT_FRAME, length))
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big")
