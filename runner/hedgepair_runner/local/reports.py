"""Reads the runners' reports of themselves from Redis (design §8)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.status import RunnerReport
from hedgepair_runner.redis_bus import RedisBus, connect

Reports = dict[Role, RunnerReport | None]
"""None: no runner of that role has reported lately."""

_ANSWER_WITHIN_S: Final = 2.0


class ReportReader:
    """An async context manager over one connection."""

    def __init__(self, redis_url: str, pair: PairId, *, url_file: Path | None = None) -> None:
        self._client = connect(redis_url, timeout_s=_ANSWER_WITHIN_S, url_file=url_file)
        self._bus = RedisBus(self._client, self._client, pair=pair)

    async def __aenter__(self) -> ReportReader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def read(self) -> Reports:
        """Raises BusUnavailable."""
        return {role: await self._bus.read_report(role) for role in (Role.MAKER, Role.HEDGER)}
