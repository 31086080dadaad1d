"""`hedgepair exchange` as a process: its line, its file, its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hedgepair_runner.venues.paper import command, credentials, keys
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.events import Event
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.server import ExchangeServer

pytestmark = pytest.mark.slow

MODULE = "hedgepair_runner.venues.paper"


@contextmanager
def exchange(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, once it has said its line."""
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_serves_writes_its_keys_and_ends_in_peace(tmp_path: Path, number: int) -> None:
    path = tmp_path / "credentials.json"
    arguments = ("--signatures", "off", "--market", "ETH", "--keys", "2", "--seed", "x")

    with exchange(*arguments, "--credentials-out", str(path)) as (process, line):
        told = json.loads(path.read_text())
        with urllib.request.urlopen(told["url"] + "/api/v1/orderBooks", timeout=5) as answer:
            markets = json.load(answer)["order_books"]
        process.send_signal(number)
        code = process.wait(10)

    assert told["url"] in line
    assert told["ws_url"] in line
    assert [market["symbol"] for market in markets] == ["ETH"]
    assert code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["credentials.json"]
    _check_accounts(told)


def _check_accounts(told: dict[str, Any]) -> None:
    pairs = [(each["account_index"], each["api_key_index"]) for each in told["accounts"]]
    assert pairs == [(1, 4), (1, 5), (2, 4), (2, 5)]
    assert told["chain_id"] == 300
    first = told["accounts"][0]
    assert first["api_key_private_key"] == keys.private_hex(keys.private_key("x", 1, 4))
    assert first["api_key_public_key"] == keys.public_key("x", 1, 4).hex()
    assert first["l1_address"].startswith("0x")


def test_an_occupied_port_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]

        code = command.main(["--port", str(port), "--signatures", "off", "--profile", "none"])

    assert code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--market", "DOGE"], "no market 'DOGE'; it has ETH, BTC, SOL", id="market"),
        pytest.param(["--port", "70000"], "--port: 70000 is not between", id="port"),
        pytest.param(["--keys", "0"], "--keys: 0 is not between", id="keys"),
        pytest.param(["--accounts", "1,x"], "--accounts: '1,x' is not a list", id="accounts"),
        pytest.param(["--same-l1", ""], "--same-l1: '' is not a list", id="owners"),
        pytest.param(["--tape", "ETH"], "--tape: 'ETH' is not SYMBOL=FILE", id="tape"),
        pytest.param(["--tape", "ETH=/no/such"], "cannot read /no/such", id="tape file"),
    ],
)
def test_arguments_that_cannot_be_followed_are_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert command.main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_the_credentials_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    credentials.write(path, {"accounts": [1]})
    folder = tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(OSError, match="folder"):
        credentials.write(folder, {"accounts": [2]})

    assert json.loads(path.read_text()) == {"accounts": [1]}
    assert sorted(os.listdir(tmp_path)) == ["credentials.json", "folder"]


OPTIONS = ExchangeOptions(gateway=GatewaySettings(checking=Checking.OFF, connections=1))


def test_a_server_starts_in_any_loop_and_frees_its_port() -> None:
    async def story() -> None:
        async with serve(OPTIONS) as server:
            port = server.port
            assert server.ws_url == f"ws://127.0.0.1:{port}/stream"
            with pytest.raises(OSError, match="address already in use"):
                await ExchangeServer(server.gateway, port=port).start()
        async with serve(OPTIONS, port=port) as again:
            assert again.port == port
        await again.stop()

    asyncio.run(story())


class BrokenDriver:
    def next_due_us(self) -> int | None:
        return 0

    def advance(self, now_us: int) -> list[Event]:
        raise AssertionError("a rule is broken")


def test_a_broken_engine_ends_the_server_instead_of_limping_on() -> None:
    async def story() -> None:
        async with serve(OPTIONS) as server:
            server.gateway.attach(BrokenDriver())
            async with asyncio.timeout(5):
                await server.failed()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(story())
    assert caught.group_contains(AssertionError, match="a rule is broken")


def test_one_connection_too_many_is_refused_at_the_door() -> None:
    async def story() -> None:
        async with serve(OPTIONS) as server, aiohttp.ClientSession() as client:
            async with client.ws_connect(server.ws_url) as first:
                assert (await first.receive_json())["type"] == "connected"
                with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                    await client.ws_connect(server.ws_url)
                assert caught.value.status == 429
            async with client.ws_connect(server.ws_url) as second:
                assert (await second.receive_json())["type"] == "connected"

    asyncio.run(story())


def test_a_stop_announces_itself_and_closes_with_going_away() -> None:
    async def story() -> None:
        async with aiohttp.ClientSession() as client:
            async with serve(OPTIONS) as server:
                line = await client.ws_connect(server.ws_url)
                await line.receive_json()
                await line.ping()
            assert (await line.receive_json())["type"] == "shutdown"
            closing = await line.receive()
            assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, 1_001)
            await line.close()

    asyncio.run(story())


def test_a_client_that_does_not_read_is_cut_off_and_the_others_are_served() -> None:
    async def story() -> None:
        async with serve(ExchangeOptions(gateway=GatewaySettings(checking=Checking.OFF))) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
            writer.write(HANDSHAKE)
            await reader.readuntil(b"\r\n\r\n")
            async with aiohttp.ClientSession() as client:
                healthy = await client.ws_connect(server.ws_url)
                [lazy, _] = server.gateway._sessions
                for _ in range(64):
                    lazy.send(b"x" * 1_000_000)
                await asyncio.sleep(0.05)
                assert not lazy.is_open
                await healthy.receive_json()
                await healthy.send_json({"type": "ping"})
                assert await healthy.receive_json() == {"type": "pong"}
                await healthy.close()
            writer.close()

    asyncio.run(story())


HANDSHAKE = (
    b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
