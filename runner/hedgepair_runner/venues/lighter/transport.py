"""How the client reaches a venue: one port for the network, and for an exchange in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class TransportLost(Exception):
    """No answer, or no connection any more. What was sent may or may not have arrived."""


class Connection(Protocol):
    """One open WebSocket. Every method but `close` raises TransportLost once it is gone."""

    async def send(self, frame: str) -> None: ...

    async def receive(self) -> bytes | str:
        """The next frame's text, as it came."""
        ...

    async def close(self) -> None:
        """Never raises, never waits long; closing twice is fine."""
        ...


class Transport(Protocol):
    """Answers of REST are (HTTP status, body), whatever the status; no answer is TransportLost."""

    async def get(
        self, path: str, params: Mapping[str, str], *, auth: str | None, timeout_s: float
    ) -> tuple[int, bytes]: ...

    async def post_form(
        self, path: str, form: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, bytes]: ...

    async def connect(self) -> Connection: ...

    async def close(self) -> None: ...
