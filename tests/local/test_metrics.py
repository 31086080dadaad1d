"""Metrics: units in names, few series, and unknown is never zero."""

from __future__ import annotations

import math

from prometheus_client.parser import text_string_to_metric_families

from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.metrics import RunnerMetrics

Series = dict[tuple[str, tuple[str, ...]], float]


def series_of(metrics: RunnerMetrics) -> Series:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_counts_what_happened() -> None:
    metrics = RunnerMetrics()

    metrics.fill(2)
    metrics.hedge()
    metrics.refusal(21733)
    metrics.reconnect("account")
    metrics.ambiguous_send()
    metrics.chain_break()
    metrics.receipt("hedge")

    series = series_of(metrics)
    assert series["hedgepair_fills_total", ()] == 2
    assert series["hedgepair_hedges_total", ()] == 1
    assert series["hedgepair_refusals_total", ("21733",)] == 1
    assert series["hedgepair_reconnects_total", ("account",)] == 1
    assert series["hedgepair_ambiguous_sends_total", ()] == 1
    assert series["hedgepair_chain_breaks_total", ()] == 1
    assert series["hedgepair_receipts_total", ("hedge",)] == 1


def test_before_anything_is_known_nothing_is_zero_but_counters() -> None:
    series = series_of(RunnerMetrics())

    gauges = {
        name: value
        for (name, _), value in series.items()
        if not name.endswith(("_total", "_bucket", "_count", "_sum"))
    }
    assert set(gauges) == {
        "hedgepair_epoch",
        "hedgepair_gap_base",
        "hedgepair_lease_valid",
        "hedgepair_rate_headroom_requests",
        "hedgepair_realized_pnl_quote",
        "hedgepair_resting_orders",
        "hedgepair_unhedged_seconds",
    }
    assert all(math.isnan(value) for value in gauges.values())


def test_what_becomes_unknown_shows_no_value_any_more() -> None:
    metrics = RunnerMetrics()
    metrics.gap(0.5)
    metrics.position("maker", -0.5)
    metrics.source_ages({"book": 0.1, "account": 2.0})

    metrics.gap(None)
    metrics.position("maker", None)
    metrics.position("hedger", None)
    metrics.source_ages({"account": None})

    series = series_of(metrics)
    assert math.isnan(series["hedgepair_gap_base", ()])
    assert not [key for key in series if key[0] == "hedgepair_position_base"]
    assert not [key for key in series if key[0] == "hedgepair_source_age_seconds"]


def test_a_runner_is_in_one_state() -> None:
    metrics = RunnerMetrics()

    metrics.state(RunnerState.FENCING)
    metrics.state(RunnerState.RUNNING)

    states = {
        labels[0]: value
        for (name, labels), value in series_of(metrics).items()
        if name == "hedgepair_state"
    }
    assert states == {state.value: float(state is RunnerState.RUNNING) for state in RunnerState}


def test_the_time_from_fill_to_hedge_reaches_from_a_quarter_millisecond_to_half_a_minute() -> None:
    metrics = RunnerMetrics()

    metrics.hedged(0.0002)
    metrics.hedged(0.0009)
    metrics.hedged(45)

    series = series_of(metrics)
    assert series["hedgepair_fill_to_hedge_seconds_bucket", ("0.00025",)] == 1
    assert series["hedgepair_fill_to_hedge_seconds_bucket", ("0.001",)] == 2
    assert series["hedgepair_fill_to_hedge_seconds_bucket", ("30.0",)] == 2
    assert series["hedgepair_fill_to_hedge_seconds_count", ()] == 3


def test_two_runners_in_one_process_count_apart() -> None:
    one, other = RunnerMetrics(), RunnerMetrics()

    one.fill()

    assert series_of(one)["hedgepair_fills_total", ()] == 1
    assert series_of(other)["hedgepair_fills_total", ()] == 0


def test_a_runner_has_few_series() -> None:
    metrics = RunnerMetrics()
    metrics.state(RunnerState.RUNNING)

    assert len(series_of(metrics)) < 50
