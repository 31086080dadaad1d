"""Journey 4: suspend and resume; delete in three ways; the exchange proves what is left."""

from __future__ import annotations

import time

import pytest

from tests.e2e.kubectl import Kubectl, run, until
from tests.e2e.pairs import Pair
from tests.e2e.venue import PaperVenue


def _left(pair: Pair, venue: PaperVenue) -> tuple[int, int, int]:
    """(resting orders of both legs, maker's lots, hedger's lots)."""
    records = venue.records(pair)
    maker, hedger = records.maker, records.hedger
    assert maker is not None
    assert hedger is not None
    return len(maker.orders) + len(hedger.orders), maker.position_lots, hedger.position_lots


def test_suspend_ends_with_no_order_and_resume_is_instant(trading: Pair, venue: PaperVenue) -> None:
    runners = trading.restarts()
    trading.apply({"suspend": True})
    trading.wait("Suspended", within_s=60)
    orders, maker, hedger = _left(trading, venue)
    assert (orders, maker + hedger) == (0, 0)
    trading.apply({"suspend": False})
    venue.wait_fills(trading, 2, within_s=30)
    assert trading.restarts() == runners


def test_suspend_with_flatten_closes_both_legs(trading: Pair, venue: PaperVenue) -> None:
    trading.apply({"suspend": True, "suspendPolicy": "Flatten"})
    trading.wait("Suspended", within_s=90)
    assert _left(trading, venue) == (0, 0, 0)


@pytest.mark.parametrize("policy", ["CancelOrders", "Flatten"])
def test_delete_ends_as_its_policy_says(trading: Pair, venue: PaperVenue, policy: str) -> None:
    trading.apply({"deletionPolicy": policy})
    trading.wait("Ready", within_s=60)
    trading.delete("--timeout=120s")
    orders, maker, hedger = _left(trading, venue)
    assert orders == 0
    assert maker + hedger == 0
    if policy == "Flatten":
        assert (maker, hedger) == (0, 0)


def test_delete_with_orphan_leaves_what_rests(trading: Pair, venue: PaperVenue) -> None:
    """Deep in the book, so that it still rests when it is looked at."""
    trading.apply({"deletionPolicy": "Orphan", "depth": 50, "timeoutSeconds": 3600})

    def quote() -> int | None:
        maker = venue.records(trading).maker
        return maker.orders[0].order_index if maker is not None and maker.orders else None

    until(lambda: trading.condition("Ready").get("status") == "True", "Ready", within_s=60)
    until(quote, "a quote rests", within_s=60)
    trading.delete("--timeout=120s")
    left = venue.records(trading).maker
    assert left is not None
    last = left.orders[0].order_index if left.orders else left.trades[-1].order_index
    time.sleep(3)
    later = venue.records(trading).maker
    assert later is not None
    indexes = [order.order_index for order in later.orders]
    filled = [trade.order_index for trade in later.trades]
    assert last in (*indexes, *filled), "what rested was taken away"
    assert set(indexes) <= {last}, "something was placed after the pair was gone"


def test_deleting_the_namespace_is_drained_first(
    trading: Pair, venue: PaperVenue, namespace: Kubectl
) -> None:
    run("kubectl", "delete", "namespace", namespace.namespace, "--timeout=150s", timeout_s=180)
    orders, maker, hedger = _left(trading, venue)
    assert (orders, maker + hedger) == (0, 0)


def test_break_glass_lets_go_at_once(trading: Pair) -> None:
    trading.annotate(force_delete="true")
    trading.delete("--timeout=60s")
    assert not trading.exists


def test_hands_off_means_hands_off(trading: Pair, namespace: Kubectl) -> None:
    trading.annotate(reconcile="Disabled")
    until(
        lambda: "Disabled" in str(trading.status()) or "hands" in str(trading.status()).lower(),
        "the status says so",
        within_s=30,
    )
    namespace("delete", "statefulset", f"{trading.name}-maker")
    until(
        lambda: namespace.find("statefulset", f"{trading.name}-maker") is None,
        "it is not made again",
        within_s=10,
    )
    trading.annotate(reconcile="Enabled")
    until(
        lambda: namespace.find("statefulset", f"{trading.name}-maker"),
        "it is made again",
        within_s=30,
    )
