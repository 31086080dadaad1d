"""Sharing a request budget: together never more than the venue allows, and hedges first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.affording import least_rest_s, least_timeout_s, why_unaffordable
from hedgepair_runner.budgeting import (
    HEDGER_NEEDS,
    HOLD_S,
    MAKER_NEEDS,
    TRUST_S,
    Needs,
    QuotaWord,
    Resource,
    Standing,
    grant,
    newer_word,
    shares,
)
from hedgepair_runner.starting import FREE_STARTS, LONGEST_PAUSE_S, start_pause_s
from hedgepair_runner.venues.lighter.limiting import SEND_WEIGHT, Limiter
from hedgepair_runner.venues.tiers import PLUS, PREMIUM, STANDARD, UNLIMITED, Tier
from hedgepair_runner.venues.venue import Lane


class Member:
    """A limiter with its line to the shared record, which may be cut for a while."""

    def __init__(self, needs: Needs) -> None:
        self.limiter = Limiter(STANDARD)
        self.limiter.share(needs)
        self.sent: list[float] = []
        self.is_cut = False

    def send(self, lane: Lane, now_s: float) -> bool:
        went = self.limiter.admit(lane, SEND_WEIGHT, now_s, is_send=True) == 0.0
        if went:
            self.sent.append(now_s)
        return went


class Record:
    """The shared record, as Redis keeps it."""

    def __init__(self) -> None:
        self.standings: dict[int, Standing] = {}

    def serve(self, number: int, member: Member, now_s: float, *, answers: bool) -> None:
        claim = member.limiter.claims(now_s)[Resource.REQUESTS]
        now_ms = round(now_s * 1_000)
        others = [standing for key, standing in self.standings.items() if key != number]
        answer = grant(claim, others, now_ms=now_ms)
        self.standings[number] = Standing(
            spent=tuple((now_ms - age, units) for age, units in claim.spent),
            held=answer.held,
            held_until_ms=now_ms + round(HOLD_S * 1_000),
            reserve=claim.reserve,
        )
        if answers:
            member.limiter.granted(Resource.REQUESTS, answer, asked_s=now_s)


moves = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["send", "send", "send", "claim", "claim", "lost", "wait"]),
        st.sampled_from([Lane.HEDGE, Lane.QUOTE, Lane.READ]),
        st.sampled_from([0.0, 0.1, 0.7, 3.0, 20.0]),
    ),
    max_size=300,
)


@given(moves)
def test_members_in_touch_never_send_more_than_sixty_in_any_minute(
    course: list[tuple[int, str, Lane, float]],
) -> None:
    record = Record()
    members = [Member(HEDGER_NEEDS if number % 2 else MAKER_NEEDS) for number in range(4)]
    now_s = 100.0
    for number, member in enumerate(members):
        record.serve(number, member, now_s, answers=True)
    for number, move, lane, pause_s in course:
        now_s += pause_s
        if pause_s >= TRUST_S:
            # Everybody is heard of within the time that grants last.
            for each, member in enumerate(members):
                record.serve(each, member, now_s, answers=True)
        if move == "send":
            members[number].send(lane, now_s)
        elif move in ("claim", "lost"):
            record.serve(number, members[number], now_s, answers=move == "claim")
        sent = [at_s for member in members for at_s in member.sent if at_s > now_s - 60]
        assert len(sent) <= 60


def test_who_is_cut_off_lives_on_a_share_that_all_could_use_at_once() -> None:
    members = [Member(MAKER_NEEDS) for _ in range(4)]
    sent = sum(member.send(Lane.HEDGE, 1.0) for member in members for _ in range(60))
    assert sent == 60


def test_a_hedge_goes_at_once_while_quotes_have_used_up_their_part() -> None:
    record = Record()
    maker, hedger = Member(MAKER_NEEDS), Member(HEDGER_NEEDS)
    for second in range(120):
        now_s = 100.0 + second
        record.serve(0, maker, now_s, answers=True)
        record.serve(1, hedger, now_s, answers=True)
        while maker.send(Lane.QUOTE, now_s):
            continue
        if second > 60 and second % 10 == 0:
            assert hedger.send(Lane.HEDGE, now_s)
            assert maker.send(Lane.CANCEL, now_s)


@pytest.mark.parametrize(
    ("needs", "members", "expected"),
    [
        pytest.param(HEDGER_NEEDS, 2, (15, 5), id="a hedger of one pair keeps fifteen"),
        pytest.param(HEDGER_NEEDS, 4, (10, 5), id="of two pairs ten, and work goes on"),
        pytest.param(MAKER_NEEDS, 2, (4, 8), id="a maker keeps its cancels"),
        pytest.param(MAKER_NEEDS, 20, (2, 1), id="a crowd shares what there is"),
    ],
)
def test_shares(needs: Needs, members: int, expected: tuple[int, int]) -> None:
    assert shares(needs, capacity=60, members=members) == expected


def test_of_two_words_on_the_quota_the_fresher_counts() -> None:
    old = QuotaWord(remaining=9, age_ms=500, freed_age_ms=100)
    new = QuotaWord(remaining=7, age_ms=400, freed_age_ms=None)
    assert newer_word(old, new) == QuotaWord(remaining=7, age_ms=400, freed_age_ms=100)
    nothing = QuotaWord(remaining=None, age_ms=0, freed_age_ms=None)
    assert newer_word(nothing, old) == old


@pytest.mark.parametrize(
    ("tier", "least_s"),
    [
        pytest.param(STANDARD, 4, id="Standard: 35 a minute are left for quotes"),
        pytest.param(PREMIUM, 1, id="Premium carries any"),
        pytest.param(PLUS, 1, id="so does Plus"),
        pytest.param(UNLIMITED, 1, id="and paper without limits"),
    ],
)
def test_the_shortest_timeout_of_a_tier(tier: Tier, least_s: int) -> None:
    assert least_timeout_s(tier) == least_s
    assert why_unaffordable(least_s, tier) is None
    if least_s > 1:
        assert "spec.timeoutSeconds" in (why_unaffordable(least_s - 1, tier) or "")


def test_a_moved_level_is_followed_as_seldom_as_the_tier_asks_for() -> None:
    assert least_rest_s(UNLIMITED, at_least_s=1.0) == 1.0
    assert least_rest_s(STANDARD, at_least_s=1.0) == pytest.approx(120 / 35)


def test_restarts_back_off_and_single_ones_do_not() -> None:
    pauses = [start_pause_s(starts) for starts in range(1, 30)]
    assert pauses[:FREE_STARTS] == [0.0] * FREE_STARTS
    assert pauses == sorted(pauses)
    assert 0 < pauses[FREE_STARTS] < pauses[-1] == LONGEST_PAUSE_S
