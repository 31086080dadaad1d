"""Row 1: from the maker's fill to the hedge being handed to the socket, through a whole pair."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedgepair_runner.local import redis_server
from hedgepair_runner.local.redis_server import Fsync
from tests.bench.production import release_leases
from tests.bench.rows import Broken, Figure, Row, quantile
from tests.bench.settings import HEDGER, MAKER, SEED, Effort, write_manifest
from tests.bench.workers import Worker

MOST_P50_MS, MOST_P99_MS = 0.9, 3.0
_READY_WITHIN_S = 60.0
_HELD_BACK_S = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to run the pair.

    `percent` of an opening quote is taken at once; what is left of it would stop a hedge at its
    price, unless both legs are under one L1 address. With `by_redis_alone` the hedger's own feed
    of A is held back, so that the maker's message is all it has: shown, but not a target.
    """

    key: str
    title: str
    fsync: Fsync = Fsync.EVERYSEC
    one_l1: bool = False
    percent: int = 100
    by_redis_alone: bool = False
    is_quick: bool = False
    """Part of a quick run."""


CASES = (
    Case(key="whole", title="whole fills, everysec", is_quick=True),
    Case(key="always", title="whole fills, always", fsync=Fsync.ALWAYS),
    Case(key="one_l1", title="whole fills, one L1 address", one_l1=True),
    Case(
        key="partial",
        title="partial fills, one L1 address",
        one_l1=True,
        percent=60,
        is_quick=True,
    ),
    Case(key="redis", title="by Redis alone, everysec", by_redis_alone=True),
    Case(
        key="redis_always",
        title="by Redis alone, always",
        fsync=Fsync.ALWAYS,
        by_redis_alone=True,
        is_quick=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One fill and its hedge; milliseconds."""

    handed_ms: float
    """The fill's first frame at either client → order handed to the hedger's socket."""
    from_maker_ms: float
    """The maker's frame → order handed: below zero where the hedger heard of it first."""
    from_venue_ms: float
    """The exchange begins to match the fill → order handed."""
    at_venue_ms: float
    """Fill executed at the venue → hedge executed at the venue."""
    was_ahead: bool
    """Its signature had been made while the quote rested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    case: Case
    samples: list[Sample]
    frame: str
    """One frame with a fill, as the maker received it."""


def measure(
    case: Case, effort: Effort, *, home: Path, on_progress: Callable[[int], None]
) -> Measured:
    """Raises Broken when a fill was not hedged exactly once."""
    manifest = write_manifest(home, mode="Hedge")
    count = effort.warm_up + effort.samples
    held_back_s = _HELD_BACK_S if case.by_redis_alone else 0.0
    venue = {
        "script": "take",
        "maker": MAKER,
        "hedger": HEDGER,
        "one_l1": case.one_l1,
        "percent": case.percent,
    }
    with (
        redis_server.start(fsync=case.fsync) as redis,
        Worker("exchange_process", venue, home=home, name=f"exchange-{case.key}") as exchange,
    ):
        urls = exchange.hear(within_s=_READY_WITHIN_S)
        release_leases(redis.url, urls["rest_url"])
        options = {**urls, "manifest": str(manifest), "redis_url": redis.url, "seed": SEED}
        with (
            Worker(
                "runner_process",
                {**options, "role": "HEDGER", "hold_back_s": held_back_s},
                home=home,
                name=f"hedger-{case.key}",
            ) as hedger,
            Worker(
                "runner_process", {**options, "role": "MAKER"}, home=home, name=f"maker-{case.key}"
            ) as maker,
        ):
            exchange.tell("take", count=count)
            story = exchange.hear(
                within_s=_READY_WITHIN_S, on_progress=on_progress, beside=(maker, hedger)
            )
            maker_said, hedger_said = maker.end(), hedger.end()
    if story["net_lots"]:
        raise Broken(f"{case.title}: {story['net_lots']} lots were left unhedged")
    if len(hedges := _hedges(story["taken"], hedger_said["orders"])) != count:
        raise Broken(f"{case.title}: {len(hedges)} of {count} fills were hedged one by one")
    stamps = _Stamps(
        maker_ns=dict(maker_said["trades"]),
        hedger_ns={} if case.by_redis_alone else dict(hedger_said["trades"]),
        at_venue_us=_hedged_after_us(story["executed_us"], story["taken"]),
    )
    samples = [
        _sample(taken, hedge, stamps)
        for taken, hedge in hedges[effort.warm_up :]
        if taken["is_partial"] or case.percent == 100
    ]
    return Measured(case=case, samples=samples, frame=maker_said["frame"])


def _hedges(taken: list[dict[str, Any]], orders: list[Any]) -> list[tuple[dict[str, Any], Any]]:
    """The next quote comes only once a fill is covered: the hedge between two takes is its own."""
    ends = [each["at_ns"] for each in taken[1:]] + [1 << 63]
    found = []
    position = 0
    for each, end_ns in zip(taken, ends, strict=True):
        while position < len(orders) and orders[position][0] < each["at_ns"]:
            position += 1
        hedge = orders[position] if position < len(orders) else None
        if hedge is not None and hedge[0] < end_ns and hedge[1] == each["lots"]:
            found.append((each, hedge))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamps:
    """By trade id of the fill."""

    maker_ns: dict[int, int]
    hedger_ns: dict[int, int]
    at_venue_us: dict[int, int]


def _sample(taken: dict[str, Any], hedge: Any, stamps: _Stamps) -> Sample:
    trade_id = taken["trade_ids"][0]
    maker_ns = stamps.maker_ns[trade_id]
    first_ns = min(maker_ns, stamps.hedger_ns.get(trade_id, maker_ns))
    handed_ns, _, was_ahead = hedge
    return Sample(
        handed_ms=(handed_ns - first_ns) / 1e6,
        from_maker_ms=(handed_ns - maker_ns) / 1e6,
        from_venue_ms=(handed_ns - taken["at_ns"]) / 1e6,
        at_venue_ms=stamps.at_venue_us[trade_id] / 1e3,
        was_ahead=was_ahead,
    )


def _hedged_after_us(executed_us: dict[str, Any], taken: list[dict[str, Any]]) -> dict[int, int]:
    """By trade id of the fill: how long after it the hedger's next trade was executed."""
    filled_us = dict(executed_us["maker"])
    hedged = executed_us["hedger"]
    ids = [trade_id for trade_id, _ in hedged]
    after = {}
    for each in taken:
        for trade_id in each["trade_ids"][:1]:
            position = bisect_right(ids, trade_id)
            if position < len(hedged):
                after[trade_id] = hedged[position][1] - filled_us[trade_id]
    return after


def row(measured: list[Measured], *, floors_ms: Mapping[Fsync, float]) -> Row:
    figures: list[Figure] = []
    details = {}
    for each in measured:
        handed = [sample.handed_ms for sample in each.samples]
        for share, most_ms in ((0.5, MOST_P50_MS), (0.99, MOST_P99_MS)):
            figures.append(
                Figure(
                    name=f"{each.case.title}: p{share * 100:.0f}",
                    value=quantile(handed, share),
                    unit="ms",
                    floor=floors_ms[each.case.fsync] if share == 0.5 else None,
                    most=None if each.case.by_redis_alone else most_ms,
                )
            )
        details[each.case.key] = _details(each.samples)
    first = details[measured[0].case.key]
    return Row(
        key="fill_to_hedge",
        title="1. Fill frame received by the pair → hedge handed to the hedger's socket",
        figures=figures,
        notes=(
            f"{first['samples']:.0f} fills each, from the first frame at either runner; from the "
            f"maker's own frame {first['from_maker_p50_ms']:.2f} ms p50",
            f"from the exchange's match {first['from_venue_p50_ms']:.2f} ms p50, "
            f"{first['from_venue_p99_ms']:.2f} ms p99; "
            f"match to match {first['at_venue_p50_ms']:.2f} ms p50",
            "signed while the quote rested: "
            + ", ".join(f"{key} {each['ahead_share']:.0%}" for key, each in details.items()),
        ),
        details=details,
    )


def _details(samples: list[Sample]) -> dict[str, float]:
    found: dict[str, float] = {
        "samples": len(samples),
        "ahead_share": sum(sample.was_ahead for sample in samples) / len(samples),
    }
    for name in ("handed", "from_maker", "from_venue", "at_venue"):
        values = [getattr(sample, f"{name}_ms") for sample in samples]
        for share in (50, 90, 99):
            found[f"{name}_p{share}_ms"] = quantile(values, share / 100)
    return found
