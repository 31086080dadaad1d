"""A proxy between one runner and Redis that sees which command passes, and can stop it there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from tests.flow.tcp_proxy import TcpProxy


class RedisTap(TcpProxy):
    """`strike` is called once, when the command passes: before it reaches Redis, or before its
    answer reaches the runner."""

    def __init__(
        self, url: str, *, command: str, is_answer: bool, strike: Callable[[], None]
    ) -> None:
        """`command`: its name, how its key ends, and perhaps one of its values."""
        super().__init__(target=url)
        self._redis = urlsplit(url)
        name, key, *value = command.split()
        pattern = rf"{name}\r\n\$\d+\r\n[^\r]*:{key}\r\n"
        pattern += "".join(rf"(?:[^\r]*\r\n)*?{each}\r\n" for each in value)
        self._command = re.compile(pattern.encode())
        self._is_answer = is_answer
        self._strike = strike
        self._has_passed: set[asyncio.StreamWriter] = set()
        self.has_struck = False

    @property
    def url(self) -> str:
        port = urlsplit(super().url).port
        credentials, _, _ = self._redis.netloc.rpartition("@")
        host = f"{credentials}@127.0.0.1:{port}" if credentials else f"127.0.0.1:{port}"
        return urlunsplit(self._redis._replace(netloc=host))

    async def _accept(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_connection(self._redis.hostname, self._redis.port)
        self._writers |= {near_out, far_out}
        for reader, writer, tap in (
            (near, far_out, lambda data: self._asks(data, near_out)),
            (far, near_out, lambda data: self._answers(near_out)),
        ):
            task = asyncio.create_task(self._tapped(reader, writer, tap))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _tapped(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tap: Callable[[bytes], bool],
    ) -> None:
        try:
            while data := await reader.read(65_536):
                if not tap(data):
                    return
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    def _asks(self, data: bytes, near_out: asyncio.StreamWriter) -> bool:
        """Whether the bytes may pass."""
        if self.has_struck or not self._command.search(data):
            return True
        if self._is_answer:
            self._has_passed.add(near_out)
            return True
        return self._struck()

    def _answers(self, near_out: asyncio.StreamWriter) -> bool:
        return self._struck() if near_out in self._has_passed and not self.has_struck else True

    def _struck(self) -> bool:
        self.has_struck = True
        self._strike()
        return False
