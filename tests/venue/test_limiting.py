"""Lanes of the rate limiter: the lower one stops first, and the reserve is never touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.venues.lighter.limiting import (
    FIREWALL_S,
    PREMIUM,
    SEND_WEIGHT,
    STANDARD,
    UNLIMITED,
    WINDOW_S,
    Limiter,
)
from hedgepair_runner.venues.venue import Lane


def _admitted(limiter: Limiter, lane: Lane, *, now_s: float = 0.0, weight: int = 300) -> int:
    """How many requests go at once before the first has to wait."""
    count = 0
    while count < 100_000 and limiter.admit(lane, weight, now_s) == 0.0:
        count += 1
    return count


@pytest.mark.parametrize(
    ("lane", "count"),
    [
        pytest.param(Lane.HEDGE, 60, id="hedges have all sixty"),
        pytest.param(Lane.CANCEL, 60, id="so have cancels"),
        pytest.param(Lane.FLATTEN, 55, id="flattening leaves a third of the reserve"),
        pytest.param(Lane.QUOTE, 45, id="quotes leave the reserve"),
        pytest.param(Lane.READ, 35, id="reads leave room for quotes, too"),
    ],
)
def test_a_standard_account_has_sixty_requests_by_lane(lane: Lane, count: int) -> None:
    assert _admitted(Limiter(STANDARD), lane) == count


def test_a_dear_read_costs_its_weight() -> None:
    assert _admitted(Limiter(STANDARD), Lane.HEDGE, weight=600) == 40


def test_a_hedge_goes_while_quotes_and_reads_wait() -> None:
    limiter = Limiter(STANDARD)
    _admitted(limiter, Lane.QUOTE)

    assert limiter.admit(Lane.QUOTE, SEND_WEIGHT, 1.0, is_send=True) == pytest.approx(59.0)
    assert limiter.admit(Lane.READ, 300, 1.0) > 0
    assert limiter.admit(Lane.HEDGE, SEND_WEIGHT, 1.0, is_send=True) == 0.0


def test_after_the_delay_it_named_the_request_goes() -> None:
    limiter = Limiter(STANDARD)
    for second in range(60):
        limiter.admit(Lane.HEDGE, SEND_WEIGHT, float(second), is_send=True)

    delay_s = limiter.admit(Lane.HEDGE, SEND_WEIGHT, 59.5, is_send=True)

    assert delay_s == pytest.approx(0.5)
    assert limiter.admit(Lane.HEDGE, SEND_WEIGHT, 59.5 + delay_s, is_send=True) == 0.0


def test_premium_transactions_have_a_bucket_of_their_own() -> None:
    limiter = Limiter(PREMIUM)
    _admitted(limiter, Lane.READ)

    assert limiter.headroom(Lane.HEDGE, 0.0) == 4_000
    assert limiter.headroom(Lane.QUOTE, 0.0) == 3_000


def test_what_others_spent_on_the_same_address_counts() -> None:
    limiter = Limiter(STANDARD)

    limiter.spend_elsewhere(50, 0.0)

    assert limiter.headroom(Lane.HEDGE, 0.0) == 10
    assert limiter.headroom(Lane.QUOTE, 0.0) == 0
    assert limiter.headroom(Lane.QUOTE, WINDOW_S) == 45


def test_a_firewall_answer_closes_everything_for_a_minute() -> None:
    limiter = Limiter(UNLIMITED)
    limiter.note_firewall(100.0)

    assert limiter.admit(Lane.HEDGE, SEND_WEIGHT, 110.0, is_send=True) == FIREWALL_S - 10
    assert limiter.headroom(Lane.HEDGE, 110.0) == 0
    assert limiter.admit(Lane.HEDGE, SEND_WEIGHT, 100.0 + FIREWALL_S, is_send=True) == 0.0


def test_repeated_429s_double_the_pause_and_an_answer_forgets_them() -> None:
    limiter = Limiter(UNLIMITED)
    pauses = []
    for _ in range(7):
        limiter.note_rate_limited(0.0)
        pauses.append(limiter.closed_for_s(0.0))
    limiter.note_answered()
    limiter.note_rate_limited(100.0)

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0]
    assert limiter.closed_for_s(100.0) == 0.5


def test_without_limits_everything_goes() -> None:
    assert _admitted(Limiter(UNLIMITED), Lane.READ) == 100_000


_requests = st.lists(
    st.tuples(
        st.sampled_from(Lane), st.sampled_from((6, 300, 600)), st.floats(0, 5, allow_nan=False)
    ),
    max_size=150,
)


@given(_requests)
def test_no_minute_holds_more_than_the_budget_and_low_lanes_never_touch_the_reserve(
    requests: list[tuple[Lane, int, float]],
) -> None:
    limiter, now_s = Limiter(STANDARD), 0.0
    granted: list[tuple[float, int, Lane]] = []
    for lane, weight, pause_s in requests:
        now_s += pause_s
        delay_s = limiter.admit(lane, weight, now_s)
        if delay_s == 0.0:
            granted.append((now_s, max(weight, 400), lane))
        window = [each for each in granted if each[0] + WINDOW_S > now_s]

        assert 0.0 <= delay_s <= WINDOW_S
        assert sum(cost for _, cost, _ in window) <= 24_000
        if delay_s == 0.0 and lane in (Lane.QUOTE, Lane.READ):
            assert sum(cost for _, cost, _ in window) <= 24_000 - 15 * 400
