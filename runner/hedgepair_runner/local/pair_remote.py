"""A pair as seen and steered from outside, over Redis alone (design §8)."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from hedgepair_runner.contract import keys
from hedgepair_runner.contract.desired import Desired, read_desired, write_desired
from hedgepair_runner.contract.halts import Halt, read_halt, standing
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.status import RunnerReport
from hedgepair_runner.redis_bus import RedisBus, asked, connect

_ANSWER_WITHIN_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`halts` stand: on record or in a report, and acknowledged nowhere."""

    reports: Mapping[Role, RunnerReport | None]
    halts: tuple[Halt, ...]
    acknowledged: frozenset[str]
    desired: Mapping[Role, Desired | None]


class PairRemote:
    """An async context manager over one connection. Every method raises BusUnavailable."""

    def __init__(self, redis_url: str, pair: PairId, *, url_file: Path | None = None) -> None:
        self._pair = pair
        self._client = connect(redis_url, timeout_s=_ANSWER_WITHIN_S, url_file=url_file)
        self._bus = RedisBus(self._client, self._client, pair=pair)

    async def __aenter__(self) -> PairRemote:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def see(self) -> Seen:
        reports = {role: await self._bus.read_report(role) for role in (Role.MAKER, Role.HEDGER)}
        texts = await asked(
            cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(keys.halts(self._pair)))
        )
        ids = await asked(
            cast(Awaitable[list[bytes]], self._client.hkeys(keys.acknowledged(self._pair)))
        )
        acknowledged = frozenset(halt_id.decode() for halt_id in ids)
        recorded = [halt for text in texts.values() if (halt := _readable(text)) is not None]
        reported = [halt for report in reports.values() if report for halt in report.halts]
        return Seen(
            reports=reports,
            halts=standing((*recorded, *reported), acknowledged=acknowledged),
            acknowledged=acknowledged,
            desired={role: await self._desired(role) for role in (Role.MAKER, Role.HEDGER)},
        )

    async def acknowledge(self, halt_id: str, *, now_ms: int) -> None:
        """Ends this very halt (law 11); runners take note within a second."""
        await asked(self._client.hset(keys.acknowledged(self._pair), halt_id, str(now_ms)))

    async def wish(self, desired: Desired, roles: tuple[Role, ...]) -> None:
        text = write_desired(desired)
        for role in roles:
            await asked(self._client.set(keys.desired(self._pair, role), text))

    async def _desired(self, role: Role) -> Desired | None:
        text = await asked(self._client.get(keys.desired(self._pair, role)))
        try:
            return None if text is None else read_desired(cast(bytes, text))
        except ValueError:
            return None


def _readable(text: bytes) -> Halt | None:
    """None for one that a newer writer wrote."""
    try:
        return read_halt(text)
    except ValueError:
        return None
