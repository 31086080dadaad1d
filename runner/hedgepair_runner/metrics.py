"""Every metric of a runner, with its unit in its name.

What is unknown shows as NaN, or not at all where it has a label: never as zero (law 3). Methods
on the way of a hedge take plain numbers and no labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from hedgepair_runner.contract.status import RunnerState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# From a quarter of the target (p50 ≤ 0.9 ms, design §13) to three times maxUnhedgedSeconds.
FILL_TO_HEDGE_BUCKETS_S: Final = (
    0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01,
    0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip


class RunnerMetrics:
    """The metrics of one runner, in a registry of their own: a pair may run in one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation
        self.registry: Final = CollectorRegistry()
        self._count_events()
        self._gauge_the_pair()
        self._gauge_the_process()

    def _count_events(self) -> None:
        counter = self._counter
        self._fills = counter("fills", "Trades of the maker's account.")
        self._hedges = counter("hedges", "Trades of the hedger's account.")
        self._ambiguous = counter("ambiguous_sends", "Sends whose outcome stayed unknown.")
        self._chain_breaks = counter("chain_breaks", "Breaks in an account's chain of trades.")
        self._refusals = counter("refusals", "Orders refused by the venue.", "code")
        self._reconnects = counter("reconnects", "Streams that were lost and reopened.", "stream")
        self._receipts = counter("receipts", "Orders that got their receipt.", "purpose")
        self._fill_to_hedge = Histogram(
            "hedgepair_fill_to_hedge_seconds",
            "From the maker's fill being received to its hedge being sent.",
            buckets=FILL_TO_HEDGE_BUCKETS_S,
            registry=self.registry,
        )

    def _gauge_the_pair(self) -> None:
        gauge = self._gauge
        self._gap = gauge("gap_base", "What is still to be hedged, signed, in base units.")
        self._position = gauge("position_base", "Position of a leg, signed.", "leg")
        self._unhedged = gauge("unhedged_seconds", "For how long the gap has been open.")
        self._realized = gauge("realized_pnl_quote", "Realised by both legs, net, in quote.")
        self._resting = gauge("resting_orders", "Orders that rest at the venue.")

    def _gauge_the_process(self) -> None:
        gauge = self._gauge
        self._source_age = gauge("source_age_seconds", "Since a source last spoke.", "source")
        self._headroom = gauge("rate_headroom_requests", "Requests left in the venue's budget.")
        self._epoch = gauge("epoch", "Epoch of the lease that this runner holds.")
        self._lease_valid = gauge("lease_valid", "1 while this runner holds its lease.")
        self._state = gauge("state", "1 for the state that the runner is in.", "state")

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"hedgepair_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        gauge = Gauge(f"hedgepair_{name}", meaning, labels, registry=self.registry)
        if not labels:
            gauge.set(math.nan)
        return gauge

    # -- on the way of a hedge --

    def fill(self, count: int = 1) -> None:
        self._fills.inc(count)

    def hedge(self, count: int = 1) -> None:
        self._hedges.inc(count)

    def hedged(self, seconds: float) -> None:
        """From the fill being received to its hedge being handed to the socket."""
        self._fill_to_hedge.observe(seconds)

    def gap(self, gap_base: float | None) -> None:
        self._gap.set(_or_nan(gap_base))

    def ambiguous_send(self) -> None:
        self._ambiguous.inc()

    # -- the rest --

    def refusal(self, code: int) -> None:
        self._refusals.labels(str(code)).inc()

    def reconnect(self, stream: str) -> None:
        self._reconnects.labels(stream).inc()

    def chain_break(self) -> None:
        self._chain_breaks.inc()

    def position(self, leg: str, position_base: float | None) -> None:
        """`leg` is `maker` or `hedger`."""
        _set_or_remove(self._position, leg, position_base)

    def unhedged(self, seconds: float | None) -> None:
        """0 while hedged; None while that is unknown."""
        self._unhedged.set(_or_nan(seconds))

    def realized(self, quote: float | None) -> None:
        """After fees and funding; None while it is unknown."""
        self._realized.set(_or_nan(quote))

    def receipt(self, purpose: str) -> None:
        self._receipts.labels(purpose).inc()

    def resting_orders(self, count: int | None) -> None:
        self._resting.set(_or_nan(count))

    def source_ages(self, ages_s: Mapping[str, float | None]) -> None:
        """All sources at once; one that is missing or None is down and shows no age."""
        for source in self._known_sources() - ages_s.keys():
            self._source_age.remove(source)
        for source, age_s in ages_s.items():
            _set_or_remove(self._source_age, source, age_s)

    def _known_sources(self) -> set[str]:
        return {
            sample.labels["source"]
            for metric in self._source_age.collect()
            for sample in metric.samples
        }

    def rate_headroom(self, requests: int | None) -> None:
        self._headroom.set(_or_nan(requests))

    def epoch(self, epoch: int | None) -> None:
        self._epoch.set(_or_nan(epoch))

    def lease_valid(self, valid: bool | None) -> None:
        self._lease_valid.set(_or_nan(valid))

    def state(self, state: RunnerState) -> None:
        for each in RunnerState:
            self._state.labels(each.value).set(1 if each is state else 0)

    def exposition(self) -> bytes:
        """Prometheus's text format."""
        return generate_latest(self.registry)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _set_or_remove(gauge: Gauge, label: str, value: float | None) -> None:
    if value is None:
        gauge.remove(label)
    else:
        gauge.labels(label).set(value)
