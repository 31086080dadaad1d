"""Looks at a pair from outside, for `status` and `top`."""

from __future__ import annotations

import time
from pathlib import Path

from hedgepair_runner.cli.manifests import pair_of, roles_in
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.local.overview import Overview, PairFacts
from hedgepair_runner.local.pair_remote import PairRemote


def facts_of(manifest: HedgePair, file: Path, namespace: str | None) -> PairFacts:
    return PairFacts(
        pair=str(pair_of(manifest, namespace)),
        mode=manifest.spec.mode.value,
        market=manifest.spec.market,
        network=manifest.spec.exchange.network.value,
        file=str(file),
        roles=roles_in(manifest),
    )


class Looker:
    """Looks at a pair again and again, and remembers since when a runner has been silent."""

    def __init__(self, remote: PairRemote, facts: PairFacts) -> None:
        self._remote = remote
        self.facts = facts
        self._silent_since_ms: dict[Role, int] = {}

    async def look(self) -> Overview:
        """Raises BusUnavailable."""
        seen = await self._remote.see()
        now_ms = time.time_ns() // 1_000_000
        for role, report in seen.reports.items():
            if report is not None:
                self._silent_since_ms.pop(role, None)
            else:
                self._silent_since_ms.setdefault(role, now_ms)
        return Overview(
            facts=self.facts,
            reports=seen.reports,
            halts=seen.halts,
            read_ms=now_ms,
            unknown_since_ms=dict(self._silent_since_ms),
        )
