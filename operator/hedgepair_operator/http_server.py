"""`/healthz`, `/readyz` and `/metrics` of the operator, leader or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from hedgepair_operator.metrics import CONTENT_TYPE, OperatorMetrics

_SHUTDOWN_S: Final = 1.0
Trouble = Callable[[], str | None]


class HttpServer:
    """An async context manager that listens while it is open. Raises OSError."""

    def __init__(
        self, *, host: str, port: int, metrics: OperatorMetrics, sick: Trouble, unready: Trouble
    ) -> None:
        self.host = host
        self.port = port
        self._metrics = metrics
        self._probes = {"/healthz": sick, "/readyz": unready}
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> HttpServer:
        app = web.Application()
        for path in self._probes:
            app.router.add_get(path, self._probe)
        app.router.add_get("/metrics", self._exposition)
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S
        )
        await runner.setup()
        await web.TCPSite(runner, self.host, self.port).start()
        self._runner = runner
        self.port = runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _probe(self, request: web.Request) -> web.Response:
        trouble = self._probes[request.path]()
        return web.Response(status=200 if trouble is None else 503, text=f"{trouble or 'ok'}\n")

    async def _exposition(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE}
        return web.Response(body=self._metrics.exposition(), headers=headers)
