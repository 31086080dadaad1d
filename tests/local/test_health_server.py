"""The port for probes and metrics."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from hedgepair_runner.health_server import HealthServer
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.refusals import StartRefused


async def ask(port: int, path: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text(), answer.headers["Content-Type"]


def served(path: str, *, ready: tuple[bool, str] = (True, "")) -> tuple[int, str, str]:
    async def main() -> tuple[int, str, str]:
        server = HealthServer(
            host="127.0.0.1", port=0, metrics=RunnerMetrics(), readiness=lambda: ready
        )
        async with server:
            return await ask(server.port, path)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "ready", "status", "words"),
    [
        pytest.param("/healthz", (False, "fencing"), 200, "ok", id="alive though not ready"),
        pytest.param("/readyz", (True, ""), 200, "ready", id="ready"),
        pytest.param("/readyz", (False, "the book is stale"), 503, "the book is stale", id="not"),
        pytest.param("/other", (True, ""), 404, "404: Not Found", id="nothing else"),
    ],
)
def test_answers(path: str, ready: tuple[bool, str], status: int, words: str) -> None:
    answer = served(path, ready=ready)

    assert answer[:2] == (status, answer[1])
    assert answer[1].strip() == words


def test_serves_the_metrics_as_prometheus_reads_them() -> None:
    status, words, content_type = served("/metrics")

    assert status == 200
    assert "hedgepair_fills_total 0.0" in words
    assert content_type.startswith("text/plain; version=0.0.4")


def test_a_port_that_is_taken_is_refused_with_a_sentence() -> None:
    async def main(port: int) -> None:
        metrics = RunnerMetrics()
        server = HealthServer(
            host="127.0.0.1", port=port, metrics=metrics, readiness=lambda: (True, "")
        )
        async with server:
            raise AssertionError("the port is taken")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused, match=rf"--http 127.0.0.1:{port} cannot be used"):
            asyncio.run(main(port))
