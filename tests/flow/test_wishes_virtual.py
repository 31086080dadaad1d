"""Suspend, flatten, release: from any state, each with proof from the venue (design §7)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from tests.flow.ring import (
    HEDGER_ACCOUNT,
    MAKER_ACCOUNT,
    Ring,
    RingOptions,
    manifest_of,
    pair_id,
    run_ring,
)
from tests.flow.seats import Seat

pytestmark = pytest.mark.slow

ACCUMULATE: dict[str, Any] = {"cycle": "Accumulate", "risk": {"maxPosition": "0.2"}}
Pair = dict[Role, Seat]


async def holding(ring: Ring, *, lots: int = 500) -> Pair:
    """A pair at work, both legs at this size."""
    seats = ring.start_all()
    while ring.position(MAKER_ACCOUNT) < lots:
        quote = await ring.resting()
        ring.market.fill(quote, min(quote.remaining_lots, lots - ring.position(MAKER_ACCOUNT)))
        await ring.covered()
    return seats


async def come_to(ring: Ring, state: RunnerState, *seats: Seat, within_s: float = 30.0) -> None:
    for seat in seats:
        await ring.until(
            partial(ring.is_in, seat, state),
            f"{seat.name} is {state.value}",
            within_s=within_s,
        )


def proved(report: RunnerReport) -> tuple[bool, bool]:
    return report.withdrawn_ms is not None, report.flat_ms is not None


# -- suspend ----------------------------------------------------------------------------------


def test_a_suspended_pair_keeps_its_positions_and_proves_that_nothing_rests() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        await ring.resting()
        ring.wish(Wish.SUSPEND, step=1)
        await come_to(ring, RunnerState.SUSPENDED, *seats.values())

        assert not ring.quotes()
        assert ring.position(MAKER_ACCOUNT) == 500
        first = ring.report(seats[Role.MAKER])
        assert proved(first) == (True, False)
        assert (first.generation, first.step, first.wish) == (1, 1, "Suspend")
        await ring.pass_time(5)
        second = ring.report(seats[Role.MAKER])
        assert second.withdrawn_ms is not None
        assert first.withdrawn_ms is not None
        assert second.withdrawn_ms > first.withdrawn_ms

        ring.wish(Wish.RUN, step=2)
        await ring.resting(within_s=1.5)
        assert proved(ring.report(seats[Role.MAKER])) == (False, False)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_a_suspended_hedger_still_hedges_what_a_hand_trades() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        ring.wish(Wish.SUSPEND, step=1)
        await come_to(ring, RunnerState.SUSPENDED, *seats.values())

        ring.trade_by_hand(MAKER_ACCOUNT, -200)
        await ring.covered(within_s=2)

        await come_to(ring, RunnerState.SUSPENDED, *seats.values())
        assert ring.position(HEDGER_ACCOUNT) == -300
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_a_fill_in_the_moment_of_suspension_is_hedged_before_anything_is_proved() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        quote = await ring.resting()
        ring.wish(Wish.SUSPEND, step=1)
        ring.market.fill(quote, 120)
        await come_to(ring, RunnerState.SUSPENDED, *seats.values())
        assert ring.net_lots() == 0
        assert ring.position(MAKER_ACCOUNT) == 620
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


# -- flatten ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lots", [1_700, 503, 3], ids=["many steps", "with dust", "dust alone"])
def test_a_flattened_pair_ends_at_zero_on_both_legs_in_lockstep(lots: int) -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring, lots=lots)
        ring.wish(Wish.FLATTEN, step=1)
        await come_to(ring, RunnerState.FLAT, *seats.values())

        assert (ring.position(MAKER_ACCOUNT), ring.position(HEDGER_ACCOUNT)) == (0, 0)
        assert not ring.quotes()
        for seat in seats.values():
            assert proved(ring.report(seat)) == (True, True)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_flattening_leaves_the_accepted_net_where_it_is_and_says_so() -> None:
    async def scenario(ring: Ring) -> None:
        ring.trade_by_hand(HEDGER_ACCOUNT, 70)
        seats = ring.start_all()
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.until(lambda: ring.net_lots() == 70, "hedged but for the accepted net")
        ring.wish(Wish.FLATTEN, step=1)
        await come_to(ring, RunnerState.FLAT, *seats.values())

        assert (ring.position(MAKER_ACCOUNT), ring.position(HEDGER_ACCOUNT)) == (0, 70)
        assert "acceptedNet" in ring.report(seats[Role.HEDGER]).reason
        await ring.stop_all()

    spec = {**ACCUMULATE, "risk": {"maxPosition": "0.2", "acceptedNet": "0.007"}}
    run_ring(scenario, RingOptions(spec=spec))


def test_a_maker_alone_flattens_its_own_account() -> None:
    async def scenario(ring: Ring) -> None:
        maker = ring.start(Role.MAKER)
        for _ in range(2):
            quote = await ring.resting()
            ring.market.fill(quote, quote.remaining_lots)
        ring.wish(Wish.FLATTEN, step=1)
        await come_to(ring, RunnerState.FLAT, maker)
        assert ring.position(MAKER_ACCOUNT) == 0
        await ring.stop_all()

    run_ring(scenario, RingOptions(spec={**ACCUMULATE, "mode": "MakerOnly"}))


def test_a_hedger_alone_is_flat_when_the_account_that_it_follows_is() -> None:
    """It never opens the gap that it is there to close: it goes down with A."""

    async def scenario(ring: Ring) -> None:
        hedger = ring.start(Role.HEDGER)
        await ring.pass_time(6)
        ring.trade_by_hand(MAKER_ACCOUNT, 300)
        await ring.covered(within_s=1)
        ring.wish(Wish.FLATTEN, step=1)
        await ring.pass_time(10)
        assert ring.position(HEDGER_ACCOUNT) == -300
        assert ring.report(hedger).state is RunnerState.RUNNING
        assert "account 101" in ring.report(hedger).reason

        ring.trade_by_hand(MAKER_ACCOUNT, -300)
        await come_to(ring, RunnerState.FLAT, hedger)
        assert ring.position(HEDGER_ACCOUNT) == 0
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"mode": "HedgerOnly"}))


def test_two_resources_flatten_together() -> None:
    maker = manifest_of({**ACCUMULATE, "mode": "MakerOnly", "pairing": "split"}, name="the-maker")
    hedger = manifest_of({"mode": "HedgerOnly", "pairing": "split"}, name="the-hedger")

    async def scenario(ring: Ring) -> None:
        seats = [
            ring.start(Role.HEDGER, manifest=hedger),
            ring.start(Role.MAKER, manifest=maker),
        ]
        for _ in range(2):
            quote = await ring.resting()
            ring.market.fill(quote, quote.remaining_lots)
            await ring.covered()
        ring.wish(Wish.FLATTEN, step=1)
        await come_to(ring, RunnerState.FLAT, *seats)
        assert (ring.position(MAKER_ACCOUNT), ring.position(HEDGER_ACCOUNT)) == (0, 0)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={**ACCUMULATE, "pairing": "split"}))


# -- trouble in the middle --------------------------------------------------------------------


def test_a_flattening_waits_for_a_dead_hedger_and_goes_on_with_its_successor() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring, lots=1_500)
        ring.kill(seats[Role.HEDGER])
        ring.wish(Wish.FLATTEN, step=1)
        await ring.pass_time(10)
        # One step at most went out before the last report of the dead had expired.
        assert ring.position(MAKER_ACCOUNT) >= 1_000
        hedger = ring.start(Role.HEDGER)
        await come_to(ring, RunnerState.FLAT, hedger, seats[Role.MAKER], within_s=60)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


@pytest.mark.parametrize("role", [Role.MAKER, Role.HEDGER])
@pytest.mark.parametrize("wish", [Wish.SUSPEND, Wish.FLATTEN])
def test_whoever_dies_in_the_middle_is_followed_by_one_that_goes_on(wish: Wish, role: Role) -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring, lots=1_500)
        quote = await ring.resting()
        ring.wish(wish, step=1)
        await ring.pass_time(0.3)
        ring.market.fill(quote, 60)
        ring.kill(seats[role])
        seats[role] = ring.start(role)
        state = RunnerState.SUSPENDED if wish is Wish.SUSPEND else RunnerState.FLAT
        await come_to(ring, state, *seats.values(), within_s=60)
        assert ring.net_lots() == 0
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_without_redis_nothing_is_closed_and_with_it_the_flattening_goes_on() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring, lots=1_500)
        ring.wish(Wish.FLATTEN, step=1)
        await ring.until(lambda: ring.position(MAKER_ACCOUNT) <= 1_000, "the first step")
        ring.store.cut()
        await ring.pass_time(6)
        stood = ring.position(MAKER_ACCOUNT)
        await ring.pass_time(6)
        assert ring.position(MAKER_ACCOUNT) == stood
        ring.store.mend()
        await come_to(ring, RunnerState.FLAT, *seats.values(), within_s=60)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_a_flush_of_redis_takes_back_no_wish() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        ring.wish(Wish.SUSPEND, step=1)
        await come_to(ring, RunnerState.SUSPENDED, *seats.values())
        ring.store.flush()
        await ring.pass_time(20)
        assert not ring.quotes()
        await come_to(ring, RunnerState.SUSPENDED, *seats.values())
        assert ring.report(seats[Role.MAKER]).step == 1
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_an_older_version_and_an_unreadable_one_change_nothing() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        ring.wish(Wish.SUSPEND, generation=4, step=2)
        await come_to(ring, RunnerState.SUSPENDED, *seats.values())
        ring.wish(Wish.RUN, generation=3, step=9)
        await ring.pass_time(3)
        assert ring.is_in(seats[Role.MAKER], RunnerState.SUSPENDED)

        records = ring.store.records[pair_id(ring.manifest)]
        records.desired[Role.MAKER] = b"{"
        await ring.pass_time(3)
        assert ring.is_in(seats[Role.MAKER], RunnerState.SUSPENDED)
        assert [kind for kind, _ in records.alarms].count("NotTaken") == 1
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


# -- release ----------------------------------------------------------------------------------


def test_a_released_pair_leaves_everything_as_it_is_and_a_stop_cancels_nothing() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        quote = await ring.resting()
        ring.wish(Wish.RELEASE, step=1)
        await come_to(ring, RunnerState.RELEASED, *seats.values())
        await ring.pass_time(5)
        assert [each.order_index for each in ring.quotes()] == [quote.order_index]
        await ring.stop_all()

        assert [each.order_index for each in ring.quotes()] == [quote.order_index]
        ring.audit(may_rest=True)

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_a_runner_that_starts_released_does_not_fence() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        await ring.resting()
        ring.wish(Wish.RELEASE, step=1)
        await come_to(ring, RunnerState.RELEASED, *seats.values())
        await ring.stop_all()
        again = ring.start(Role.MAKER)
        await come_to(ring, RunnerState.RELEASED, again)
        await ring.pass_time(3)
        assert len(ring.quotes()) == 1
        await ring.stop_all()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))


def test_a_released_pair_can_be_taken_back() -> None:
    async def scenario(ring: Ring) -> None:
        seats = await holding(ring)
        ring.wish(Wish.RELEASE, step=1)
        await come_to(ring, RunnerState.RELEASED, *seats.values())
        ring.wish(Wish.RUN, step=2)
        await come_to(ring, RunnerState.RUNNING, *seats.values())
        await ring.resting()
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=ACCUMULATE))
