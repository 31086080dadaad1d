"""What is shown at a scrape: the queue, the pairs by condition, and each pair's own series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from hedgepair_operator.desk import Desk
from hedgepair_operator.facts import Key, ReportFact
from hedgepair_operator.metrics import gauge
from hedgepair_operator.trading import in_base
from hedgepair_runner.contract.identity import Role

Samples = dict[tuple[str, ...], Any]


def queue_gauges(desk: Desk, *, loop_now_s: float, is_leading: bool) -> Iterator[GaugeMetricFamily]:
    yield gauge("hedgepair_operator_queue_depth", "Keys that are due.", (), {(): desk.queue.depth})
    yield gauge(
        "hedgepair_operator_queue_oldest_seconds",
        "For how long the oldest due key has waited.",
        (),
        {(): desk.queue.oldest_wait_s(loop_now_s)},
    )
    yield gauge("hedgepair_operator_leader", "1 while this process leads.", (), {(): is_leading})
    if desk.synced_at_s is not None:
        yield gauge(
            "hedgepair_operator_resync_age_seconds",
            "Age of the last whole list.",
            (),
            {(): loop_now_s - desk.synced_at_s},
        )
    yield gauge(
        "hedgepair_operator_redis_up",
        "1 while Redis answers the operator.",
        (),
        {(): desk.redis.lost_since is None and not desk.redis.refusal},
    )


def pair_gauges(desk: Desk, *, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Unknown numbers are not shown at all (law 3)."""
    conditions: Counter[tuple[str, ...]] = Counter()
    by_pair: Samples = {}
    positions: Samples = {}
    ages: Samples = {}
    unhedged: Samples = {}
    for key, pair in desk.cache.pairs.items():
        for one in pair.status.get("conditions") or ():
            conditions[one["type"], one["status"]] += 1
            by_pair[*key, one["type"]] = one["status"] == "True"
        for role, fact in desk.reports.facts_of(pair.id, now).items():
            ages[*key, role.label] = max(0.0, (now - fact.changed_at).total_seconds())
            _take(positions, unhedged, key, role, fact)
    yield gauge(
        "hedgepair_pairs", "Pairs by condition and status.", ("condition", "status"), conditions
    )
    names = ("namespace", "name")
    yield gauge("hedgepair_condition", "1 while it is True.", (*names, "condition"), by_pair)
    yield gauge("hedgepair_position", "Base units.", (*names, "role"), positions)
    yield gauge("hedgepair_report_age_seconds", "Since the last report.", (*names, "role"), ages)
    yield gauge("hedgepair_unhedged_seconds", "0 while hedged.", names, unhedged)
    yield gauge("hedgepair_net_exposure", "Base units.", names, _nets(desk, positions))


def _take(positions: Samples, unhedged: Samples, key: Key, role: Role, fact: ReportFact) -> None:
    report = fact.report
    if not fact.is_fresh:
        return
    if report.position_lots is not None:
        positions[*key, role.label] = in_base(report, report.position_lots)
    if role is Role.HEDGER and report.gap_lots is not None:
        unhedged[key] = report.unhedged_s or 0.0


def _nets(desk: Desk, positions: Mapping[tuple[str, ...], Any]) -> Samples:
    nets: Samples = {}
    for key, pair in desk.cache.pairs.items():
        legs = [positions[leg] for role in Role if (leg := (*key, role.label)) in positions]
        if len(legs) == len(Role) and pair.manifest is not None:
            nets[key] = sum(legs, -pair.manifest.spec.risk.accepted_net)
    return nets
