"""The chart's Redis, started by the chart's own script on this machine."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from hedgepair_operator.redis_access import RedisFiles
from hedgepair_runner.local.redis_server import find_redis_server, free_port

START = Path(__file__).parents[2] / "helm" / "hedgepair" / "files" / "redis-start.sh"


class BundledRedis:
    """A server that can be stopped and started again on its volume. A context manager."""

    def __init__(self, home: Path, *, more: tuple[str, ...] = ()) -> None:
        self.home = home
        self.port = free_port()
        self.secret = home / "secret"
        self.data = home / "data"
        for folder in (self.secret, self.data, home / "bin"):
            folder.mkdir(exist_ok=True)
        self.set_password(secrets.token_hex(16))
        (home / "bin" / "redis-server").symlink_to(find_redis_server())
        lines = ("bind 127.0.0.1", f"port {self.port}", "appendonly yes", 'save ""', *more)
        (home / "redis.conf").write_text("\n".join((*lines, "")))
        self._process: subprocess.Popen[bytes] | None = None

    def set_password(self, words: str) -> None:
        """As a new Secret does: the server takes it at its next start."""
        self.password = words
        url = f"redis://default:{words}@127.0.0.1:{self.port}/0"
        for key, value in (("password", words), ("master", f"master {words}"), ("url", url)):
            (self.secret / key).write_text(value)

    @property
    def files(self) -> RedisFiles:
        return RedisFiles(url_file=self.secret / "url", master_file=self.secret / "master")

    def start(self) -> None:
        environ = {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "REDIS_DATA": str(self.data),
            "REDIS_SECRET": str(self.secret),
            "REDIS_CONFIG": str(self.home / "redis.conf"),
        }
        with (self.home / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([str(START)], env=environ, stdout=log, stderr=log)
        self._wait_until_it_listens()

    def stop(self) -> None:
        """As a killed pod stops: at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> BundledRedis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.01)
        raise AssertionError((self.home / "redis.log").read_text())
