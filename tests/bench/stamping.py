"""Stamps what passes between a runner and the venue, by CLOCK_MONOTONIC, one clock for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import orjson

from hedgepair_runner.orders import SignedTx
from hedgepair_runner.venues.lighter.transport import Connection, Transport

_LIFE_MS = 599_000
"""Of a signed transaction (protocol §5.4)."""
_JUST_SIGNED_MS = 2
_TRADES = ("update/account_all_trades", "update/account_all")


class StampingTransport:
    """A Transport that notes when each frame was handed over that carries trades of the account.

    With `hold_back_s` such frames are passed on only after so long: whoever hears of a fill before
    that heard of it elsewhere.
    """

    def __init__(self, inner: Transport, *, hold_back_s: float = 0.0) -> None:
        self.frames: list[tuple[int, bytes | str]] = []
        self._inner = inner
        self._hold_back_s = hold_back_s

    async def get(
        self, path: str, params: Mapping[str, str], *, auth: str | None, timeout_s: float
    ) -> tuple[int, bytes]:
        return await self._inner.get(path, params, auth=auth, timeout_s=timeout_s)

    async def post_form(
        self, path: str, form: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, bytes]:
        return await self._inner.post_form(path, form, timeout_s=timeout_s)

    async def connect(self) -> Connection:
        return StampingConnection(await self._inner.connect(), self.frames, self._hold_back_s)

    async def close(self) -> None:
        await self._inner.close()

    def trades(self) -> list[tuple[int, int]]:
        """(trade id, nanoseconds) of every trade in a frame that was not a snapshot."""
        found = []
        for at_ns, text in self.frames:
            frame = orjson.loads(text)
            if frame["type"] in _TRADES:
                for rows in (frame.get("trades") or {}).values():
                    found += [(row["trade_id"], at_ns) for row in rows]
        return found

    def recorded(self) -> str | None:
        """The last such frame as it came."""
        for _, text in reversed(self.frames):
            if orjson.loads(text)["type"] in _TRADES:
                return text if isinstance(text, str) else text.decode()
        return None


class StampingConnection:
    """A Connection; parsing waits until the measurement is over."""

    def __init__(
        self, inner: Connection, frames: list[tuple[int, bytes | str]], hold_back_s: float
    ) -> None:
        self._inner = inner
        self._frames = frames
        self._hold_back_s = hold_back_s

    async def send(self, frame: str) -> None:
        await self._inner.send(frame)

    async def receive(self) -> bytes | str:
        frame = await self._inner.receive()
        now_ns = time.monotonic_ns()
        mark: Any = '"trades":{' if isinstance(frame, str) else b'"trades":{'
        if mark in frame:
            self._frames.append((now_ns, frame))
            if self._hold_back_s:
                await asyncio.sleep(self._hold_back_s)
        return frame

    async def close(self) -> None:
        await self._inner.close()


class HandOvers:
    """When each transaction was handed to the socket."""

    def __init__(self) -> None:
        self._handed: list[tuple[int, int, SignedTx]] = []

    def __call__(self, signed: SignedTx) -> None:
        self._handed.append((time.monotonic_ns(), time.time_ns() // 1_000_000, signed))

    def orders(self) -> list[tuple[int, int, bool]]:
        """(nanoseconds, lots, signed ahead) of every order."""
        found = []
        for at_ns, at_ms, signed in self._handed:
            lots = orjson.loads(signed.info).get("BaseAmount")
            if lots is not None:
                signed_ms = signed.expired_at_ms - _LIFE_MS
                found.append((at_ns, lots, at_ms - signed_ms > _JUST_SIGNED_MS))
        return found
