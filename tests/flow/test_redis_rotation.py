"""A password of Redis that changes under a running bus: issue 6, `redis.rotation` (real Redis)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hedgepair_runner.bus import BusUnavailable, TailUp
from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.local import redis_server
from hedgepair_runner.logs import secrets
from hedgepair_runner.redis_bus import RedisBus, connect

OLD, NEW = "the-first-password", "the-second/password"
WITHIN_S = 30.0


def url_of(port: int, password: str) -> str:
    return f"redis://runner:{password.replace('/', '%2F')}@127.0.0.1:{port}/0"


def test_a_rotated_password_is_taken_at_the_next_connection(tmp_path: Path) -> None:
    async def play(server: redis_server.RedisServer) -> None:
        admin = connect(server.url, timeout_s=5.0)
        file = tmp_path / "url"
        file.write_text(url_of(server.port, OLD))
        await _set_password(admin, OLD)
        url = file.read_text()
        client, tail = (connect(url, timeout_s=5.0, url_file=file) for _ in range(2))
        bus = RedisBus(client, tail, pair=PairId(namespace="a", pairing="p"))
        running = asyncio.create_task(bus.run())
        try:
            await _tail_up(bus)
            await bus.read_quotes()

            await _set_password(admin, NEW)
            with pytest.raises(BusUnavailable):
                await bus.read_quotes()  # the file is a moment behind
            file.write_text("half a li")
            for _ in range(2):
                with pytest.raises(BusUnavailable) as lost:
                    await bus.read_quotes()
                assert OLD not in str(lost.value)
            file.unlink()
            with pytest.raises(BusUnavailable):
                await bus.read_quotes()

            file.write_text(url_of(server.port, NEW))
            await bus.read_quotes()
            await _tail_up(bus)
            assert secrets.redact(f"with {NEW}") == "with [secret]"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await bus.close()
            await admin.aclose()

    with redis_server.start() as server:
        asyncio.run(play(server))


def test_a_file_without_a_login_is_a_login_of_nobody(tmp_path: Path) -> None:
    async def play(server: redis_server.RedisServer) -> None:
        file = tmp_path / "url"
        file.write_text(f"redis://127.0.0.1:{server.port}/0")
        client = connect(file.read_text(), timeout_s=5.0, url_file=file)
        bus = RedisBus(client, client, pair=PairId(namespace="a", pairing="p"))
        with pytest.raises(BusUnavailable):
            await bus.read_quotes()
        file.write_text(server.url)  # the password alone, without a user
        await bus.read_quotes()
        await bus.close()

    with redis_server.start() as server:
        asyncio.run(play(server))


async def _set_password(admin: object, password: str) -> None:
    """And every connection of the user breaks."""
    execute = getattr(admin, "execute_command")  # noqa: B009 - untyped by the library
    await execute("ACL", "SETUSER", "runner", "on", "resetpass", f">{password}", "~*", "+@all")
    await execute("CLIENT", "KILL", "USER", "runner")


async def _tail_up(bus: RedisBus) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not isinstance(await bus.events.get(), TailUp):
            pass
