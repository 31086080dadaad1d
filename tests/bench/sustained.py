"""Row 3: how many fills of account A a second one hedger covers without falling behind."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedgepair_runner.local import redis_server
from tests.bench.memory import wait_until_ready
from tests.bench.production import Runner, Surroundings, release_leases
from tests.bench.rows import Broken, Figure, Row, quantile
from tests.bench.settings import HEDGER, MAKER, Effort, write_manifest
from tests.bench.workers import Worker

LEAST_PER_S = 500
_READY_WITHIN_S = 30.0
_DRAINED_WITHIN_S = 5.0
_STEADY_SHARE = 0.95
_ROOM_S = 0.02
"""A backlog may grow by what so long brings in: between two hedges there is always some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rate, held for a while."""

    rate: int
    given_per_s: float
    backlog_p50: float
    backlog_max: int
    growth: float
    """Median backlog of the last third minus that of the middle third, in fills."""

    @property
    def holds(self) -> bool:
        is_steady = self.given_per_s >= self.rate * _STEADY_SHARE
        return is_steady and self.growth <= self.rate * _ROOM_S


def measure(effort: Effort, *, home: Path) -> Row:
    venue = {"script": "flow", "maker": MAKER, "hedger": HEDGER, "one_l1": False}
    with (
        redis_server.start() as redis,
        Worker("exchange_process", venue, home=home, name="exchange-flow") as exchange,
    ):
        around = Surroundings(
            manifest=write_manifest(home, mode="HedgerOnly"),
            redis_url=redis.url,
            rest_url=exchange.hear(within_s=_READY_WITHIN_S)["rest_url"],
            home=home,
        )
        release_leases(redis.url, around.rest_url)
        alone_per_s = exchange.ask("alone", within_s=_READY_WITHIN_S)["fills_per_s"]
        hedger = Runner("hedger", around)
        try:
            wait_until_ready([hedger])
            steps = []
            for rate in effort.rates:
                steps.append(_step(exchange, rate, effort))
                if not steps[-1].holds:
                    break
        finally:
            hedger.child.end(patience_s=15.0)
    return _row(steps, alone_per_s)


def _step(exchange: Worker, rate: int, effort: Effort) -> Step:
    seen = exchange.ask("flow", within_s=60.0, rate=rate, seconds=effort.flow_s)["seen"]
    _wait_until_covered(exchange)
    third = len(seen) // 3
    middle, last = seen[third : 2 * third], seen[2 * third :]
    return Step(
        rate=rate,
        given_per_s=seen[-1]["given"] / seen[-1]["at_s"],
        backlog_p50=_median_backlog(seen),
        backlog_max=max(each["backlog"] for each in seen),
        growth=_median_backlog(last) - _median_backlog(middle),
    )


def _wait_until_covered(exchange: Worker) -> None:
    until_s = time.monotonic() + _DRAINED_WITHIN_S
    while exchange.ask("settled")["net_lots"] != 0:
        if time.monotonic() > until_s:
            raise Broken("fills were left uncovered after the flow ended")
        time.sleep(0.02)


def _median_backlog(seen: list[dict[str, Any]]) -> float:
    return quantile([each["backlog"] for each in seen], 0.5)


def _row(steps: list[Step], alone_per_s: float) -> Row:
    best = max((step.rate for step in steps if step.holds), default=0)
    notes = [
        f"{step.rate}/s: {step.given_per_s:.0f}/s given, backlog {step.backlog_p50:.0f} in the "
        f"median, {step.backlog_max} at most, {'steady' if step.holds else 'grew'}"
        for step in steps
    ]
    return Row(
        key="sustained",
        title="3. Sustained fills of A covered, one pair, no latency profile",
        figures=[
            Figure(
                name="highest rate without growth",
                value=best,
                unit="/s",
                floor=alone_per_s,
                least=LEAST_PER_S,
            )
        ],
        notes=("floor: fills a second of the paper exchange alone, with no client", *notes),
        details={
            "alone_per_s": alone_per_s,
            "steps": [
                {
                    "rate": step.rate,
                    "given_per_s": step.given_per_s,
                    "backlog_p50": step.backlog_p50,
                    "backlog_max": step.backlog_max,
                    "growth": step.growth,
                    "holds": step.holds,
                }
                for step in steps
            ],
        },
    )
