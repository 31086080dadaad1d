"""What a lease and an epoch promise, in the real Redis and in the one for virtual time."""

from __future__ import annotations

import asyncio

import pytest

from hedgepair_runner.bus import LeaseGrant
from tests.flow.bus_worlds import LONG_MS, PAST_S, SHORT_MS, Live, World


def test_the_first_grant_is_unclean_and_the_next_asker_is_refused(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        assert await leases.acquire("one", ttl_ms=LONG_MS) is LeaseGrant.UNCLEAN
        assert await leases.acquire("two", ttl_ms=LONG_MS) is LeaseGrant.HELD

    live(scenario)


def test_a_holder_that_asks_again_gets_it_again_uncleanly(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        await leases.acquire("one", ttl_ms=LONG_MS)
        assert await leases.acquire("one", ttl_ms=LONG_MS) is LeaseGrant.UNCLEAN

    live(scenario)


def test_a_released_lease_is_granted_cleanly_to_one_successor(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        await leases.acquire("one", ttl_ms=LONG_MS)
        await leases.release("one")
        assert await leases.acquire("two", ttl_ms=LONG_MS) is LeaseGrant.CLEAN
        assert await leases.acquire("three", ttl_ms=LONG_MS) is LeaseGrant.HELD
        assert not await leases.renew("one", ttl_ms=LONG_MS)

    live(scenario)


def test_a_lease_that_ran_out_is_granted_uncleanly(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        await leases.acquire("one", ttl_ms=SHORT_MS)
        await asyncio.sleep(PAST_S)
        assert not await leases.renew("one", ttl_ms=LONG_MS)
        assert await leases.acquire("two", ttl_ms=LONG_MS) is LeaseGrant.UNCLEAN

    live(scenario)


def test_a_renewed_lease_outlives_its_first_term(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        await leases.acquire("one", ttl_ms=SHORT_MS)
        assert await leases.renew("one", ttl_ms=LONG_MS)
        await asyncio.sleep(PAST_S)
        assert await leases.acquire("two", ttl_ms=LONG_MS) is LeaseGrant.HELD

    live(scenario)


def test_only_the_holder_renews_and_releases(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        await leases.acquire("one", ttl_ms=LONG_MS)
        assert not await leases.renew("two", ttl_ms=LONG_MS)
        await leases.release("two")
        assert await leases.renew("one", ttl_ms=LONG_MS)
        await leases.release("one")
        assert not await leases.renew("one", ttl_ms=LONG_MS)

    live(scenario)


def test_a_released_lease_that_was_taken_and_ran_out_is_unclean_again(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        await leases.acquire("one", ttl_ms=LONG_MS)
        await leases.release("one")
        await leases.acquire("two", ttl_ms=SHORT_MS)
        await asyncio.sleep(PAST_S)
        assert await leases.acquire("three", ttl_ms=LONG_MS) is LeaseGrant.UNCLEAN

    live(scenario)


@pytest.mark.parametrize("other", [{"account": 2}, {"key": 5}], ids=["account", "key"])
def test_leases_and_epochs_of_another_key_are_their_own(live: Live, other: dict[str, int]) -> None:
    async def scenario(world: World) -> None:
        await world.leases().acquire("one", ttl_ms=LONG_MS)
        await world.leases().raise_epoch(7)
        assert await world.leases(**other).acquire("two", ttl_ms=LONG_MS) is LeaseGrant.UNCLEAN
        assert await world.leases(**other).raise_epoch(0) == 1

    live(scenario)


def test_epochs_rise_above_what_was_remembered_and_what_the_venue_has_seen(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        assert [await leases.raise_epoch(floor) for floor in (0, 0, 9, 4)] == [1, 2, 10, 11]

    live(scenario)


def test_a_flush_takes_leases_and_epochs_and_the_floor_still_holds(live: Live) -> None:
    async def scenario(world: World) -> None:
        leases = world.leases()
        await leases.acquire("one", ttl_ms=LONG_MS)
        await leases.raise_epoch(5)
        await world.flush()
        assert not await leases.renew("one", ttl_ms=LONG_MS)
        assert await leases.acquire("two", ttl_ms=LONG_MS) is LeaseGrant.UNCLEAN
        assert await leases.raise_epoch(6) == 7

    live(scenario)
