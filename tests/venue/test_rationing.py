"""The volume quota: quotes slow down, then stop; hedges go as long as the venue takes any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.venues.lighter.limiting import SEND_WEIGHT, UNLIMITED, Limiter
from hedgepair_runner.venues.lighter.rationing import (
    FREE_EVERY_S,
    LEAST,
    RARE_S,
    RESERVE,
    SLOW_FROM,
    SLOW_S,
    WAIT_S,
    Ration,
)
from hedgepair_runner.venues.venue import Lane


def ration(remaining: int) -> Ration:
    quota = Ration()
    quota.told(remaining, 0.0)
    return quota


@pytest.mark.parametrize(
    ("remaining", "pause_s"),
    [
        pytest.param(SLOW_FROM + 2, 0.0, id="plenty: at once"),
        pytest.param(SLOW_FROM, SLOW_S, id="less: every few seconds"),
        pytest.param(RESERVE, RARE_S, id="the reserve: once a minute"),
        pytest.param(LEAST, WAIT_S, id="the last of it: not at all"),
        pytest.param(0, WAIT_S, id="nothing: not at all"),
    ],
)
def test_quotes_slow_down_before_hedges_wait(remaining: int, pause_s: float) -> None:
    quota = ration(remaining)
    quota.spend(Lane.QUOTE, 100.0)
    assert quota.delay_s(Lane.QUOTE, 100.0) == pause_s
    hedge_s = quota.delay_s(Lane.HEDGE, 100.0)
    assert hedge_s == (0.0 if remaining > 0 else FREE_EVERY_S)


def test_at_zero_a_hedge_goes_every_fifteen_seconds() -> None:
    quota = ration(0)
    assert quota.delay_s(Lane.HEDGE, 100.0) == 0.0
    quota.spend(Lane.HEDGE, 100.0)
    assert quota.delay_s(Lane.HEDGE, 104.0) == FREE_EVERY_S - 4.0
    assert quota.delay_s(Lane.CANCEL, 115.0) == 0.0


def test_an_account_without_quota_is_not_rationed() -> None:
    quota = Ration()
    quota.spend(Lane.QUOTE, 1.0)
    assert quota.delay_s(Lane.QUOTE, 1.0) == 0.0
    assert quota.scarcity() == ""


def test_an_older_word_does_not_undo_a_newer_one() -> None:
    quota = ration(10)
    quota.told(500, -1.0)
    assert quota.remaining == 10


@given(st.lists(st.tuples(st.sampled_from(list(Lane)), st.floats(0, 30)), max_size=400))
def test_quotes_never_take_the_last_of_it(course: list[tuple[Lane, float]]) -> None:
    quota, now_s, by_quotes = ration(60), 0.0, 0
    for lane, pause_s in course:
        now_s += pause_s
        if quota.delay_s(lane, now_s) > 0:
            continue
        if lane >= Lane.QUOTE:
            by_quotes += 1
            assert quota.remaining is not None
            assert quota.remaining > LEAST
        quota.spend(lane, now_s)


def test_single_cancels_cost_nothing() -> None:
    limiter = Limiter(UNLIMITED)
    limiter.quota.told(0, 0.0)
    limiter.quota.spend(Lane.HEDGE, 0.0)
    assert limiter.admit(Lane.CANCEL, SEND_WEIGHT, 1.0, is_send=True) == 0.0
    assert limiter.admit(Lane.CANCEL, SEND_WEIGHT, 1.0, is_send=True, uses_quota=True) == 14.0
