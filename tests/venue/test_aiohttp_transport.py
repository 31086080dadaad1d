"""The real transport against a real server on the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from aiohttp import web

from hedgepair_runner.venues.lighter.aiohttp_transport import AiohttpTransport, Endpoints
from hedgepair_runner.venues.lighter.transport import TransportLost

_Result = TypeVar("_Result")


async def _echo_request(request: web.Request) -> web.Response:
    form = await request.post() if request.method == "POST" else {}
    seen = {
        "query": dict(request.query),
        "form": {key: str(value) for key, value in form.items()},
        "auth": request.headers.get("Authorization"),
        "kind": request.content_type,
    }
    return web.json_response(seen, status=int(request.query.get("status", "200")))


async def _slow(request: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def _socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.data == "close":
            await socket.close(code=1001)
        elif message.data == "bytes":
            await socket.send_bytes(b"{}")
        else:
            await socket.send_str(message.data)
    return socket


def _with_server(scenario: Callable[[AiohttpTransport], Awaitable[_Result]]) -> _Result:
    async def main() -> _Result:
        app = web.Application()
        app.router.add_get("/slow", _slow)
        app.router.add_get("/stream", _socket)
        app.router.add_route("*", "/echo", _echo_request)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        transport = AiohttpTransport(
            Endpoints(
                rest_url=f"http://127.0.0.1:{port}/",
                ws_url=f"ws://127.0.0.1:{port}/stream",
                chain_id=300,
            )
        )
        try:
            return await scenario(transport)
        finally:
            await transport.close()
            await runner.cleanup()

    return asyncio.run(main())


def test_a_get_carries_its_query_and_its_token() -> None:
    status, body = _with_server(
        lambda transport: transport.get("/echo", {"by": "hash"}, auth="1:2:3", timeout_s=5)
    )

    assert status == 200
    assert b'"query": {"by": "hash"}' in body
    assert b'"auth": "1:2:3"' in body


def test_a_form_is_urlencoded_and_a_refusal_is_an_answer() -> None:
    status, body = _with_server(
        lambda transport: transport.post_form(
            "/echo?status=400", {"tx_type": "14", "tx_info": '{"a": "+/="}'}, timeout_s=5
        )
    )

    assert status == 400
    assert b'"tx_info": "{\\"a\\": \\"+/=\\"}"' in body
    assert b"application/x-www-form-urlencoded" in body


def test_a_slow_answer_is_lost() -> None:
    with pytest.raises(TransportLost, match="Timeout"):
        _with_server(lambda transport: transport.get("/slow", {}, auth=None, timeout_s=0.1))


def test_frames_go_both_ways_and_a_close_is_told_with_its_code() -> None:
    async def scenario(transport: AiohttpTransport) -> tuple[object, object]:
        connection = await transport.connect()
        await connection.send('{"type":"ping"}')
        text = await connection.receive()
        await connection.send("bytes")
        data = await connection.receive()
        await connection.send("close")
        with pytest.raises(TransportLost, match="closed with 1001"):
            await connection.receive()
        await connection.close()
        return text, data

    assert _with_server(scenario) == ('{"type":"ping"}', b"{}")


def test_without_a_server_nothing_connects() -> None:
    async def scenario() -> None:
        endpoints = Endpoints(
            rest_url="http://127.0.0.1:9", ws_url="ws://127.0.0.1:9/stream", chain_id=300
        )
        transport = AiohttpTransport(endpoints)
        try:
            with pytest.raises(TransportLost):
                await transport.connect()
            with pytest.raises(TransportLost):
                await transport.get("/", {}, auth=None, timeout_s=1)
        finally:
            await transport.close()

    asyncio.run(scenario())
