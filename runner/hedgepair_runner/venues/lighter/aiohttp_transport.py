"""The network: REST and WebSocket over aiohttp, one session for both.

Proxies and their passwords come from the environment (`HTTPS_PROXY`, `NO_PROXY`, `.netrc`); a CA
bundle beside the system's by path. A local exchange is spoken to uncompressed: deflate costs more
time than the loopback; over `wss` it is offered.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from hedgepair_runner.venues.lighter.transport import Connection, TransportLost

_CONNECT_TIMEOUT_S = 5.0
_CLOSE_TIMEOUT_S = 0.5
"""A dead peer must not hold up the reconnect with its half of a closing handshake."""
_LARGEST_FRAME = 16 * 2**20
_DEFLATE_WINDOW_BITS = 15
_WIRE_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a venue is (protocol §1.1). The chain id is part of every signature."""

    rest_url: str
    ws_url: str
    chain_id: int


class AiohttpTransport:
    """A Transport. Make it inside the event loop that will use it."""

    def __init__(self, endpoints: Endpoints, *, ca_bundle: str | None = None) -> None:
        self._rest_url = endpoints.rest_url.rstrip("/")
        self._ws_url = endpoints.ws_url
        self._compress = _DEFLATE_WINDOW_BITS if endpoints.ws_url.startswith("wss://") else 0
        tls = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, ttl_dns_cache=300, keepalive_timeout=75),
            trust_env=True,
            headers={"Accept": "application/json"},
        )

    async def get(
        self, path: str, params: Mapping[str, str], *, auth: str | None, timeout_s: float
    ) -> tuple[int, bytes]:
        headers = {"Authorization": auth} if auth else {}
        return await self._request("GET", path, timeout_s, params=params, headers=headers)

    async def post_form(
        self, path: str, form: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, bytes]:
        return await self._request("POST", path, timeout_s, data=form)

    async def _request(
        self, method: str, path: str, timeout_s: float, **request: Any
    ) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.request(
                method, self._rest_url + path, timeout=timeout, **request
            ) as answer:
                return answer.status, await answer.read()
        except _WIRE_ERRORS as error:
            raise TransportLost(_reason(error)) from None

    async def connect(self) -> Connection:
        try:
            socket_ = await self._session.ws_connect(
                self._ws_url,
                compress=self._compress,
                max_msg_size=_LARGEST_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                autoping=True,
            )
        except _WIRE_ERRORS as error:
            raise TransportLost(_reason(error)) from None
        _send_at_once(socket_)
        return AiohttpConnection(socket_)

    async def close(self) -> None:
        await self._session.close()


class AiohttpConnection:
    """A Connection over aiohttp's WebSocket."""

    def __init__(self, socket_: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket_

    async def send(self, frame: str) -> None:
        try:
            await self._socket.send_str(frame)
        except _WIRE_ERRORS as error:
            raise TransportLost(_reason(error)) from None

    async def receive(self) -> bytes | str:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
            data: bytes | str = message.data
            return data
        raise TransportLost(_closing(self._socket, message))

    async def close(self) -> None:
        try:
            await self._socket.close()
        except _WIRE_ERRORS:
            return


def _send_at_once(socket_: aiohttp.ClientWebSocketResponse) -> None:
    """No Nagle: an order is one small write that nothing follows."""
    raw = socket_.get_extra_info("socket")
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _closing(socket_: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> str:
    code = socket_.close_code
    if isinstance(message.data, BaseException):
        return f"the socket broke: {_reason(message.data)}"
    return f"the socket was closed with {code}" if code else "the socket was closed"


def _reason(error: BaseException) -> str:
    """The kind of trouble alone: texts of aiohttp may hold URLs with a proxy's password."""
    return type(error).__name__
