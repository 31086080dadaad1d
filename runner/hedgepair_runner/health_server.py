"""One small HTTP port for whoever watches a runner: `/healthz`, `/readyz`, `/metrics`.

It answers from the runner's own event loop: a loop that hangs fails its liveness probe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from hedgepair_runner.metrics import CONTENT_TYPE, RunnerMetrics
from hedgepair_runner.refusals import StartRefused

_SHUTDOWN_S: Final = 1.0

Readiness = Callable[[], tuple[bool, str]]
"""Whether the runner does its work, and if not, why: one sentence without secrets."""


class HealthServer:
    """An async context manager that listens while it is open. `port` is the one it listens on."""

    def __init__(
        self, *, host: str, port: int, metrics: RunnerMetrics, readiness: Readiness
    ) -> None:
        self.host = host
        self.port = port
        self._metrics = metrics
        self._readiness = readiness
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> HealthServer:
        """Raises StartRefused when the port cannot be had."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._exposition)
        # Probes come every few seconds: their access log would bury the facts.
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except OSError as error:
            await runner.cleanup()
            raise StartRefused(
                f"--http {self.host}:{self.port} cannot be used ({error.strerror}); "
                "name another port, or 0 for any free one"
            ) from error
        self._runner = runner
        self.port = runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready, reason = self._readiness()
        return web.Response(status=200 if ready else 503, text=f"{reason or 'ready'}\n")

    async def _exposition(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE}
        return web.Response(body=self._metrics.exposition(), headers=headers)
