"""Journey 3: what is edited live, what wants a suspension first, and what rolls in order."""

from __future__ import annotations

from tests.e2e.kubectl import until
from tests.e2e.pairs import Pair
from tests.e2e.venue import PaperVenue

FOLLOWS_S = 5.0
SLACK_S = 10.0
"""kubectl, the port-forward and a loaded machine; the figure itself is in the guarantees."""


def test_quantity_depth_and_timeout_change_without_a_restart(
    trading: Pair, venue: PaperVenue
) -> None:
    runners = trading.restarts()
    trading.apply({"quantity": "0.03", "depth": 2, "timeoutSeconds": 7})

    def follows() -> bool:
        maker = venue.records(trading).maker
        return maker is not None and any(o.initial_lots <= 300 for o in maker.orders)

    until(follows, "a quote of the new quantity", within_s=FOLLOWS_S + SLACK_S)
    trading.wait("Ready", within_s=30)
    assert trading.restarts() == runners


def test_the_mode_changes_by_suspend_change_resume(trading: Pair, venue: PaperVenue) -> None:
    trading.apply({"suspend": True})
    trading.wait("Suspended", within_s=60)
    trading.apply({"makerSide": "Sell"})
    trading.apply({"suspend": False})
    trading.wait("Suspended", "False", within_s=60)
    trading.wait("Ready", within_s=90)
    records = venue.wait_fills(trading, 3)
    assert records.maker is not None
    assert records.maker.trades[-3:]
    trading.wait("Hedged", within_s=60)


def test_what_needs_a_restart_rolls_in_order(trading: Pair, venue: PaperVenue) -> None:
    before = trading.restarts()
    trading.apply({"runner": {"podAnnotations": {"example.com/reason": "roll"}}})

    def rolled() -> bool:
        return all(trading.restarts()[role][0] != before[role][0] for role in before)

    until(rolled, "both runners are new", within_s=180)
    trading.wait("Ready", within_s=90)
    venue.wait_fills(trading, 3)
    trading.wait("Hedged", within_s=60)
    verdict = venue.audit(trading)
    assert verdict["violations"] == [], verdict


def test_a_restart_can_be_asked_for(trading: Pair, venue: PaperVenue) -> None:
    before = trading.restarts()
    trading.annotate(restartedAt="2026-01-01T00:00:00Z")
    until(
        lambda: all(trading.restarts()[role][0] != before[role][0] for role in before),
        "both runners are new",
        within_s=180,
    )
    trading.wait("Ready", within_s=90)
    venue.wait_fills(trading, 2)
