"""Keeps one stream up: connect, subscribe, receive, keep alive, and again after every loss.

What the frames mean is not known here: they go to a callback, in the order they came, before the
next one is read. Rules: `sessions` (one connection), `reconnecting` (the pause before the next).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from hedgepair_runner.venues.lighter.answer_parsing import error_frame
from hedgepair_runner.venues.lighter.fields import MalformedFrame
from hedgepair_runner.venues.lighter.reconnecting import UP_LONG_ENOUGH_S, pause_s
from hedgepair_runner.venues.lighter.sessions import (
    Session,
    SessionBroken,
    SessionSettings,
    SubscriptionRefused,
)
from hedgepair_runner.venues.lighter.streams import Subscription
from hedgepair_runner.venues.lighter.transport import Connection, Transport, TransportLost
from hedgepair_runner.venues.venue import VenueRefused

_TICK_S = 1.0
_CONNECT_TIMEOUT_S = 10.0


class StreamListener(Protocol):
    """Whoever makes sense of a stream. Synchronous, in the order of the frames."""

    def on_frame(self, frame: Mapping[str, Any]) -> Sequence[str] | None:
        """Inbound channels that want a fresh snapshot now, usually none.

        None: not a frame of its own; if it tells of an error, the session judges it.
        """
        ...

    def on_up(self, connection: Connection) -> None:
        """Every channel gave its snapshot, and each went through `on_frame`."""
        ...

    def on_lost(self, reason: str, *, was_up: bool) -> None: ...


@dataclass(slots=True)
class StreamCounts:
    """Plain numbers for metrics."""

    connects: int = 0
    losses: int = 0
    frames: int = 0
    malformed: int = 0
    last_loss: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamParts:
    """What a streamer works with."""

    transport: Transport
    subscriptions: Sequence[Subscription]
    listener: StreamListener
    token: Callable[[], str]
    rng: random.Random
    settings: SessionSettings = field(default_factory=SessionSettings)


class Streamer:
    def __init__(self, name: str, parts: StreamParts) -> None:
        self.name = name
        self.counts = StreamCounts()
        self._parts = parts
        self._session: Session | None = None
        self._connection: Connection | None = None

    async def run(self) -> None:
        """Never returns by itself. VenueRefused when a channel is refused for good."""
        attempt = 0
        while True:
            began_s = _now_s()
            reason = await self._one_connection()
            self.counts.losses += 1
            self.counts.last_loss = reason
            attempt = 0 if _now_s() - began_s >= UP_LONG_ENOUGH_S else attempt + 1
            await asyncio.sleep(pause_s(attempt, chance=self._parts.rng.random()))

    def age_s(self) -> float | None:
        """Seconds since the last frame; None while the stream is not up."""
        session = self._session
        return _now_s() - session.last_frame_s if session is not None and session.is_up else None

    async def _one_connection(self) -> str:
        """From connecting to the loss, whose reason it returns."""
        reason = "stopped"
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                self._connection = await self._parts.transport.connect()
            await self._serve(self._connection)
        except TimeoutError:
            reason = "connecting took too long"
        except (TransportLost, SessionBroken) as lost:
            reason = str(lost)
        except MalformedFrame as error:
            # What cannot be read cannot be trusted, nor can what follows it.
            self.counts.malformed += 1
            reason = f"malformed frame: {error}"
        except SubscriptionRefused as refused:
            reason = str(refused)
            raise VenueRefused(f"stream {self.name}: {refused}", code=refused.code) from refused
        finally:
            await self._leave(reason)
        return reason

    async def _serve(self, connection: Connection) -> None:
        parts = self._parts
        self.counts.connects += 1
        session = Session(parts.subscriptions, settings=parts.settings, now_s=_now_s())
        self._session = session
        keeper = asyncio.create_task(self._keep(session, connection), name=f"{self.name} keeper")
        receiver = asyncio.create_task(
            self._receive(session, connection), name=f"{self.name} receiver"
        )
        # Not a task group: its exception groups would hide which single loss ended the stream.
        try:
            done, _ = await asyncio.wait({keeper, receiver}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            keeper.cancel()
            receiver.cancel()
            await asyncio.gather(keeper, receiver, return_exceptions=True)

    async def _receive(self, session: Session, connection: Connection) -> None:
        listener = self._parts.listener
        while True:
            text = await connection.receive()
            self.counts.frames += 1
            session.note_frame(_now_s())
            frame = _decoded(text, stream=self.name)
            stale = listener.on_frame(frame)
            if stale is None:
                error = error_frame(frame)
                if error is not None:
                    session.handle_error(error)
            else:
                # Whoever waits for what was just told acts before the next frame is read; and the
                # tasks that it begins, such as publishing a fill, take their first step.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            if stale or not session.is_up or _concerns_session(frame):
                await self._answer(session, connection, frame, stale or ())

    async def _answer(
        self,
        session: Session,
        connection: Connection,
        frame: Mapping[str, Any],
        stale: Sequence[str],
    ) -> None:
        token, now_s = self._parts.token(), _now_s()
        replies = session.handle(frame, token=token, now_s=now_s)
        for inbound in stale:
            replies += session.resubscribe(inbound, token=token, now_s=now_s)
        if session.became_up():
            self._parts.listener.on_up(connection)
        for reply in replies:
            await connection.send(reply)

    async def _keep(self, session: Session, connection: Connection) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            for frame in session.tick(token=self._parts.token(), now_s=_now_s()):
                await connection.send(frame)

    async def _leave(self, reason: str) -> None:
        session, connection = self._session, self._connection
        self._session = self._connection = None
        if connection is None:
            return
        self._parts.listener.on_lost(reason, was_up=session is not None and session.is_up)
        await connection.close()


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _decoded(text: bytes | str, *, stream: str) -> Mapping[str, Any]:
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedFrame(stream, "(whole)", "a frame that is no JSON") from error
    if not isinstance(frame, dict):
        raise MalformedFrame(stream, "(whole)", "a frame that is no JSON object")
    return frame


def _concerns_session(frame: Mapping[str, Any]) -> bool:
    kind = frame.get("type")
    return isinstance(kind, str) and (
        kind in ("connected", "ping", "shutdown") or kind.startswith("subscribed/")
    )
