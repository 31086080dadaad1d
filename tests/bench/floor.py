"""Row 2's floor: what a hedge costs at the least, part by part, each measured alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedgepair_runner.local import redis_server
from hedgepair_runner.local.redis_server import Fsync
from tests.bench.fill_to_hedge import Measured
from tests.bench.rows import Figure, Row, quantile
from tests.bench.settings import HEDGER, SEED, Effort
from tests.bench.workers import Worker

MOST_TIMES = 1.5
_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Medians in milliseconds. `hop_always_ms` is the hop with appendfsync always."""

    parse_ms: float
    hop_ms: float
    sign_ms: float
    write_ms: float
    hop_always_ms: float

    @property
    def sum_ms(self) -> float:
        return self.parse_ms + self.hop_ms + self.sign_ms + self.write_ms

    @property
    def sums_ms(self) -> dict[Fsync, float]:
        always_ms = self.sum_ms - self.hop_ms + self.hop_always_ms
        return {Fsync.EVERYSEC: self.sum_ms, Fsync.ALWAYS: always_ms}


def measure(effort: Effort, *, frame: str, home: Path) -> Floor:
    options: dict[str, Any] = {
        "account": HEDGER,
        "seed": SEED,
        "frame": frame,
        "count": effort.floor_samples,
    }
    parts = {part: _alone(part, options, home) for part in ("parse", "sign", "write")}
    return Floor(
        parse_ms=parts["parse"],
        sign_ms=parts["sign"],
        write_ms=parts["write"],
        hop_ms=_hop(options, Fsync.EVERYSEC, home),
        hop_always_ms=_hop(options, Fsync.ALWAYS, home),
    )


def _alone(part: str, options: dict[str, Any], home: Path) -> float:
    with Worker("floor_process", {**options, "part": part}, home=home, name=part) as worker:
        return quantile(worker.hear(within_s=_WITHIN_S)["micros"], 0.5) / 1e3


def _hop(options: dict[str, Any], fsync: Fsync, home: Path) -> float:
    """XADD in one process → a blocked XREAD's answer in another, both by redis-py on asyncio."""
    with redis_server.start(fsync=fsync) as redis:
        shared = {**options, "redis_url": redis.url}
        with Worker("floor_process", {**shared, "part": "tail"}, home=home, name="tail") as tail:
            tail.hear(within_s=_WITHIN_S)
            with Worker("floor_process", {**shared, "part": "hop"}, home=home, name="hop") as hop:
                sent = hop.hear(within_s=_WITHIN_S)["sent"]
            arrived = dict(tail.hear(within_s=_WITHIN_S)["arrived"])
    return quantile([(arrived[number] - at_ns) / 1e6 for number, at_ns in sent], 0.5)


def row(measured: list[Measured], floor: Floor) -> Row:
    figures, details = [], {}
    for each in measured:
        sum_ms = floor.sums_ms[each.case.fsync]
        times = quantile([sample.handed_ms for sample in each.samples], 0.5) / sum_ms
        details[each.case.key] = times
        figures.append(
            Figure(
                name=f"{each.case.title}: p50 / floor",
                value=times,
                unit="×",
                floor=1.0,
                most=MOST_TIMES,
            )
        )
    parts = {
        "parse": floor.parse_ms,
        "redis hop": floor.hop_ms,
        "signature": floor.sign_ms,
        "socket write": floor.write_ms,
        "redis hop, always": floor.hop_always_ms,
    }
    shown = " + ".join(f"{name} {ms:.3f}" for name, ms in list(parts.items())[:4])
    return Row(
        key="times_floor",
        title="2. The same as a multiple of its floor",
        figures=figures,
        notes=(
            f"floor: {shown} = {floor.sum_ms:.3f} ms (medians)",
            "below 1: the hedger follows A's public channel itself, and signs while a quote rests",
            f"hop: XADD in one process → blocked XREAD in another; always: "
            f"{floor.hop_always_ms:.3f} ms",
        ),
        details={"floor_ms": {**parts, "sum": floor.sum_ms}, "times": details},
    )
