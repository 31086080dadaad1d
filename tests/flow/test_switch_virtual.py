"""The dead man's switch, in virtual time, by the exchange's own records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.switching import (
    AHEAD_MS,
    LEAST_MS,
    RENEW_BELOW_MS,
    Act,
    SwitchFacts,
    next_act,
    schedule_ms,
)
from hedgepair_runner.venues.paper.settings import CancelAllRefresh, ExchangeSettings
from tests.flow.ring import MAKER_ACCOUNT, Ring, RingOptions, manifest_of, run_ring

ARMED = RingOptions(spec={"timeoutSeconds": 600}, arms_switch=True)
OVERWRITE = ExchangeSettings(scheduled_cancel_all=CancelAllRefresh.OVERWRITE)


def armed_until_ms(ring: Ring) -> int:
    view = ring.exchange.account(MAKER_ACCOUNT)
    return view.cancel_all_time_ms if view is not None else 0


def left_ms(ring: Ring) -> int:
    return armed_until_ms(ring) - ring.clock.wall_ms()


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(ARMED, id="a venue that wants an abort before each renewal"),
        pytest.param(replace(ARMED, exchange=OVERWRITE), id="one that takes a newer schedule"),
    ],
)
def test_a_maker_that_vanishes_for_good_leaves_no_order(options: RingOptions) -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await ring.resting()
        await ring.until(lambda: armed_until_ms(ring), "the switch is armed")
        await ring.pass_time(AHEAD_MS / 1_000 + 30)
        assert left_ms(ring) >= RENEW_BELOW_MS - 6_000, "it was renewed in time"
        assert ring.quotes()

        ring.kill(seats[Role.MAKER])
        await ring.pass_time(60)
        assert ring.quotes(), "nobody has taken them away yet"
        await ring.until(
            lambda: not ring.quotes(), "the switch fires", within_s=AHEAD_MS / 1_000 + 5
        )
        assert armed_until_ms(ring) == 0

    run_ring(scenario, options)


def test_a_clean_stop_takes_the_switch_away() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        await ring.until(lambda: armed_until_ms(ring), "the switch is armed")
        await ring.stop_all()
        assert armed_until_ms(ring) == 0
        ring.audit()

    run_ring(scenario, ARMED)


@pytest.mark.long
def test_a_successor_renews_what_a_dead_maker_left() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await ring.until(lambda: armed_until_ms(ring), "the switch is armed")
        before = armed_until_ms(ring)
        ring.kill(seats[Role.MAKER])
        await ring.pass_time(200)
        ring.start(Role.MAKER)
        await ring.until(lambda: armed_until_ms(ring) > before, "it is armed anew", within_s=60)
        await ring.resting()
        await ring.pass_time(120)
        assert ring.quotes(), "the old schedule did not fire over the new quote"

    run_ring(scenario, ARMED)


@pytest.mark.long
def test_two_pairs_on_one_account_share_the_renewal_and_a_stop_leaves_it_to_the_other() -> None:
    async def scenario(ring: Ring) -> None:
        first = ring.start(Role.MAKER)
        other = manifest_of(
            {
                "mode": "MakerOnly",
                "timeoutSeconds": 600,
                "maker": {"account": {"accountIndex": MAKER_ACCOUNT, "apiKeyIndex": 5}},
            },
            name="other",
        )
        second = ring.start(Role.MAKER, manifest=other)
        await ring.until(lambda: armed_until_ms(ring), "the switch is armed")
        await ring.pass_time(30)
        until = armed_until_ms(ring)
        await ring.stop(first)
        assert armed_until_ms(ring) == until, "another pair lives by it"
        await ring.pass_time(200)
        assert armed_until_ms(ring) > until, "and renews it"
        await ring.stop(second)
        assert armed_until_ms(ring) == 0

    run_ring(scenario, replace(ARMED, spec={"mode": "MakerOnly", "timeoutSeconds": 600}))


# -- the rule -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "is_my_turn", "must_abort", "expected"),
    [
        pytest.param(0, True, False, Act.SCHEDULE, id="not armed"),
        pytest.param(RENEW_BELOW_MS - 1, True, False, Act.SCHEDULE, id="half of it is over"),
        pytest.param(RENEW_BELOW_MS, True, False, Act.NOTHING, id="not half yet"),
        pytest.param(0, False, False, Act.NOTHING, id="another has the turn"),
        pytest.param(0, True, True, Act.ABORT, id="what is queued goes first"),
    ],
)
def test_the_next_act(left: int, is_my_turn: bool, must_abort: bool, expected: Act) -> None:
    facts = SwitchFacts(
        armed_until_ms=1_000 + left, is_my_turn=is_my_turn, must_abort=must_abort, now_ms=1_000
    )
    assert next_act(facts) is expected
    assert schedule_ms(5) - 5 > LEAST_MS
