"""Runners die, sleep and succeed each other: one writer a key, and every fill hedged once."""

from __future__ import annotations

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from tests.flow.harming import (
    AFTER_A_DEATH_S,
    ROLES,
    TIERS,
    Pair,
    fill,
    harmed,
    tier,
    trade_on,
)
from tests.flow.ring import (
    MAKER_ACCOUNT,
    Ring,
    RingOptions,
    run_ring,
)

pytestmark = pytest.mark.slow

# -- deaths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("tier_name", "lots"), [("none", 500), ("none", 120), ("standard", 120)])
@pytest.mark.parametrize("after_s", [-0.001, 0.0015, 0.0025, 0.1, 0.31])
def test_a_hedger_killed_around_a_fill_leaves_it_hedged_once(
    after_s: float, lots: int, tier_name: str
) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        if after_s < 0:
            ring.kill(pair[Role.HEDGER])
            fill(ring, quote, lots)
        else:
            fill(ring, quote, lots)
            await ring.pass_time(after_s)
            ring.kill(pair[Role.HEDGER])
        await ring.pass_time(0.3)
        ring.start(Role.HEDGER)

    harmed(act, tier(tier_name))


@pytest.mark.parametrize(
    ("tier_name", "lots"), [("none", 0), ("none", 120), ("standard", 120), ("standard", 500)]
)
@pytest.mark.parametrize("after_s", [-0.001, 0.0015, 0.1])
def test_a_maker_killed_around_a_fill_leaves_no_order_and_no_gap(
    after_s: float, lots: int, tier_name: str
) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        if after_s < 0:
            ring.kill(pair[Role.MAKER])
        if lots:
            fill(ring, quote, lots)
        if after_s >= 0:
            await ring.pass_time(after_s)
            ring.kill(pair[Role.MAKER])
        successor = ring.start(Role.MAKER)
        await ring.until(
            lambda: ring.is_in(successor, RunnerState.READING),
            "the successor has fenced",
            within_s=AFTER_A_DEATH_S,
        )
        assert not ring.quotes()

    harmed(act, tier(tier_name))


@pytest.mark.parametrize("tier_name", TIERS)
def test_what_a_dead_maker_left_resting_is_hedged_when_it_fills(tier_name: str) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.kill(pair[Role.MAKER])
        await ring.pass_time(1)
        fill(ring, quote)
        await ring.covered(within_s=2)
        ring.start(Role.MAKER)

    harmed(act, tier(tier_name))


def test_both_die_in_the_middle_of_a_fill() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        fill(ring, await ring.resting(), 120)
        await ring.pass_time(0.002)
        for seat in pair.values():
            ring.kill(seat)
        await ring.pass_time(1)
        ring.start_all()

    harmed(act)


@pytest.mark.parametrize("tier_name", TIERS)
@pytest.mark.parametrize("role", ROLES)
def test_a_runner_that_dies_again_and_again_does_no_harm(role: Role, tier_name: str) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        seat = pair[role]
        fill(ring, await ring.resting(), 120)
        for alive_s in (0.05, 1.0, 4.0, 6.6, 7.2):
            ring.kill(seat)
            seat = ring.start(role)
            await ring.pass_time(alive_s)

    harmed(act, tier(tier_name))


def test_a_hedger_in_a_new_term_knows_what_a_dead_maker_left_resting() -> None:
    """The rest of a partly filled quote is the only touch: a hedge would meet it."""

    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.leave_alone(quote)
        await ring.pass_time(0.2)
        ring.kill(pair[Role.MAKER])
        ring.market.take(quote, 100)
        ring.note("the leases are lost")
        ring.store.leases.clear()
        await ring.pass_time(9)
        ring.market.stand()
        ring.start(Role.MAKER)

    harmed(act)


# -- two processes on one key -----------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_a_second_runner_on_one_key_waits_until_the_first_has_ended(role: Role) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        second = ring.start(role)
        await ring.pass_time(8)
        assert ring.is_in(second, RunnerState.WAITING_FOR_LEASE)
        await trade_on(ring)
        await ring.stop(pair[role])
        await ring.until(
            lambda: ring.is_in(second, RunnerState.RUNNING), "the second takes over", within_s=3
        )

    harmed(act)


@pytest.mark.parametrize("asleep_s", [2.0, 7.0, 30.0])
@pytest.mark.parametrize("role", ROLES)
def test_of_a_runner_that_slept_past_its_lease_nothing_is_accepted(
    role: Role, asleep_s: float
) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        sleeper = pair[role]
        ring.note(f"{sleeper.name} sleeps")
        sleeper.process.pause()
        fill(ring, quote, 120)
        ring.start(role)
        await ring.pass_time(asleep_s)
        ring.note(f"{sleeper.name} wakes")
        sleeper.process.resume()

    harmed(act)


def test_a_runner_that_believes_in_its_lease_for_ever_is_fenced_off() -> None:
    """Its clock stands still and its renewals do not arrive: it goes on signing quotes."""

    async def scenario(ring: Ring) -> None:
        first = ring.start(Role.MAKER)
        await ring.resting()
        first.clock.stop()
        first.leases.is_cut = True
        second = ring.start(Role.MAKER)

        while not ring.is_in(second, RunnerState.READING):
            for quote in ring.quotes():
                ring.market.fill(quote, quote.remaining_lots)
            await ring.pass_time(0.2)
        fence = ring.exchange.next_nonce(MAKER_ACCOUNT, 4)
        assert fence is not None
        fenced_us = ring.clock.now_us()
        for _ in range(5):
            await ring.pass_time(1)
            for quote in ring.quotes():
                ring.market.fill(quote, quote.remaining_lots)
        accepted = [
            record
            for record in ring.exchange.account_txs(MAKER_ACCOUNT, limit=1_000)
            if record.queued_us > fenced_us
        ]
        assert accepted
        assert all(record.nonce >= fence for record in accepted)
        await ring.stop(second)
        ring.audit()

    run_ring(scenario, RingOptions(spec={"mode": "MakerOnly"}))
