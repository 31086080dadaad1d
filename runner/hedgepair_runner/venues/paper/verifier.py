"""Checks signatures in worker processes, so that the exchange's loop never waits for arithmetic."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

from hedgepair_runner.venues.paper.crypto import worker


class VerifierUnavailable(Exception):
    """The worker processes died twice on one signature, or are closed: no verdict is known."""


class SignatureVerifier:
    """An async context manager. Entering waits until a worker runs, some half a second.

    Several checks of one key may run at once and end in any order: whoever queues transactions
    keeps their order. Workers are spawned, not forked, so they inherit neither loop nor threads;
    spawning imports the main module, which therefore must do nothing on import.
    """

    def __init__(self, *, workers: int = 1) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        self._pool = self._new_pool()
        # A pool starts its processes at the first job: now rather than at the first order.
        await self._run(self._pool, worker.Job(b"", b"", b""))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    async def verify(self, tx_hash: bytes, *, signature: bytes, public_key: bytes) -> bool:
        """Whether the signature holds. VerifierUnavailable: no verdict.

        A pool whose worker died is replaced, and the check tried once more.
        """
        job = worker.Job(tx_hash, signature, public_key)
        pool = self._running()
        try:
            return await self._run(pool, job)
        except BrokenProcessPool:
            if self._pool is pool:  # else another check has replaced it already
                self._pool = self._new_pool()
                pool.shutdown(wait=False)
        try:
            return await self._run(self._running(), job)
        except BrokenProcessPool as error:
            raise VerifierUnavailable("the verification workers died twice") from error

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            raise VerifierUnavailable("the verifier is not open")
        return self._pool

    async def _run(self, pool: ProcessPoolExecutor, job: worker.Job) -> bool:
        return await asyncio.get_running_loop().run_in_executor(pool, worker.check, job)

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=worker.prepare,
        )
