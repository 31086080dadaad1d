"""The operator's metrics (operators.md §4.10). A pair's series are made at scrape from the cache:
those of a deleted pair vanish with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
Gauges = Callable[[], Iterable[GaugeMetricFamily]]
_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


class _AtScrape(Collector):
    def __init__(self) -> None:
        self.sources: list[Gauges] = []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for source in self.sources:
            yield from source()


class OperatorMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._at_scrape = _AtScrape()
        self.registry.register(self._at_scrape)
        self.api_calls = Counter(
            "hedgepair_operator_api_calls",
            "Requests to the API server; status 0: no answer.",
            ("verb", "kind", "status"),
            registry=self.registry,
        )
        self.reconciles = Counter(
            "hedgepair_operator_reconciles",
            "Looks at a pair or a namespace, by how they ended.",
            ("outcome",),
            registry=self.registry,
        )
        self.reconcile_s = Histogram(
            "hedgepair_operator_reconcile_seconds",
            "How long a look took.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.watch_events = Counter(
            "hedgepair_operator_watch_events",
            "What watches delivered.",
            ("kind",),
            registry=self.registry,
        )
        self.resync_repairs = Counter(
            "hedgepair_operator_resync_repairs",
            "What a periodic list found that no watch had told.",
            ("kind",),
            registry=self.registry,
        )
        self.poll_s = Histogram(
            "hedgepair_operator_report_poll_seconds",
            "How long one reading of all reports took.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.poll_failures = Counter(
            "hedgepair_operator_report_poll_failures",
            "Readings of reports that failed.",
            registry=self.registry,
        )

    def count_call(self, verb: str, kind: str, status: int) -> None:
        self.api_calls.labels(verb, kind, str(status)).inc()

    def at_scrape(self, source: Gauges) -> None:
        self._at_scrape.sources.append(source)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


def gauge(
    name: str, text: str, labels: tuple[str, ...], samples: Mapping[tuple[str, ...], Any]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, float(number))
    return family
