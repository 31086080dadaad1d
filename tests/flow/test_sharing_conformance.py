"""What runners may rely on of shared records, in the real Redis and in the one for virtual time."""

from __future__ import annotations

import asyncio
import random

from hedgepair_runner.budgeting import Claim, Grant, QuotaWord, Resource
from hedgepair_runner.contract.identity import Role
from tests.flow.bus_worlds import PAIR, Live, MemoryWorld, World

L1 = "0xAbC0000000000000000000000000000000000001"
REQUESTS = Resource.REQUESTS


def claim(*, reserve: int = 15, working: int = 5, spent: tuple[tuple[int, int], ...] = ()) -> Claim:
    return Claim(spent=spent, reserve=reserve, working=working, capacity=60)


# -- the budget -----------------------------------------------------------------------------


def test_members_never_hold_more_together_than_there_is(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        grants = [
            await sharing.claim_budget(
                L1, REQUESTS, member=f"m{number}", claim=claim(working=10, reserve=10)
            )
            for number in range(4)
        ]
        assert [grant.held for grant in grants] == [20, 20, 20, 0]
        assert [grant.members for grant in grants] == [1, 2, 3, 4]

    live(scenario)


def test_what_a_member_spent_is_not_there_for_the_others(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        spent = ((0, 20), (30_000, 15), (70_000, 60))
        await sharing.claim_budget(
            L1, REQUESTS, member="one", claim=claim(reserve=0, working=0, spent=spent)
        )
        answer = await sharing.claim_budget(L1, REQUESTS, member="two", claim=claim(working=60))
        assert answer.held == 25

    live(scenario)


def test_a_reserve_that_somebody_lacks_comes_before_the_work_of_others(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        await sharing.claim_budget(L1, REQUESTS, member="maker", claim=claim(reserve=4, working=46))
        await sharing.claim_budget(L1, REQUESTS, member="hedger", claim=claim())
        answer = await sharing.claim_budget(
            L1, REQUESTS, member="maker", claim=claim(reserve=4, working=46)
        )
        assert answer == Grant(held=45, members=2)

    live(scenario)


def test_who_claims_again_gives_back_what_it_held(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        await sharing.claim_budget(L1, REQUESTS, member="one", claim=claim(working=45))
        await sharing.claim_budget(L1, REQUESTS, member="one", claim=claim(working=0))
        answer = await sharing.claim_budget(L1, REQUESTS, member="two", claim=claim(working=60))
        assert answer.held == 45

    live(scenario)


def test_resources_and_addresses_are_counted_apart(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        await sharing.claim_budget(L1, REQUESTS, member="one", claim=claim(working=60))
        whole = Grant(held=60, members=1)
        for l1, resource in ((L1, Resource.SENDS), ("0x2", REQUESTS)):
            got = await sharing.claim_budget(l1, resource, member="two", claim=claim(working=60))
            assert got == whole
        same = await sharing.claim_budget(
            L1.lower(), REQUESTS, member="two", claim=claim(working=60)
        )
        assert same.held == 0

    live(scenario)


def test_any_course_of_claims_gives_what_the_rule_gives(live: Live) -> None:
    """The script in Redis and `budgeting.grant` are one rule in two languages."""
    dice = random.Random(5)
    course = [
        (
            f"m{dice.randrange(4)}",
            claim(
                reserve=dice.randrange(20),
                working=dice.randrange(30),
                spent=tuple(
                    (dice.choice((0, 20_000, 65_000)), dice.randrange(9))
                    for _ in range(dice.randrange(3))
                ),
            ),
        )
        for _ in range(60)
    ]

    async def scenario(world: World) -> None:
        sharing, by_the_rule = world.sharing(), MemoryWorld().sharing()
        for member, each in course:
            asked = [
                await records.claim_budget(L1, REQUESTS, member=member, claim=each)
                for records in (sharing, by_the_rule)
            ]
            assert asked[0] == asked[1]

    live(scenario)


# -- the quota ------------------------------------------------------------------------------


def test_the_fresher_word_on_the_quota_counts_whoever_says_it(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        nothing = QuotaWord(remaining=None, age_ms=0, freed_age_ms=None)
        assert (await sharing.share_quota(L1, nothing)).remaining is None
        fresh = QuotaWord(remaining=40, age_ms=1_000, freed_age_ms=None)
        assert (await sharing.share_quota(L1, fresh)).remaining == 40
        stale = QuotaWord(remaining=90, age_ms=9_000, freed_age_ms=5_000)
        heard = await sharing.share_quota(L1, stale)
        assert heard.remaining == 40
        assert heard.freed_age_ms is not None
        assert 5_000 <= heard.freed_age_ms < 7_000
        again = await sharing.share_quota(L1, nothing)
        assert again.remaining == 40
        assert 1_000 <= again.age_ms < 3_000

    live(scenario)


# -- the dead man's switch ------------------------------------------------------------------


def test_one_member_at_a_time_has_the_turn(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        one = await sharing.tend_switch(101, member="one", wants_turn=True)
        two = await sharing.tend_switch(101, member="two", wants_turn=True)
        assert (one.is_my_turn, two.is_my_turn) == (True, False)
        assert (one.has_others, two.has_others) == (False, True)
        assert (await sharing.tend_switch(101, member="one", wants_turn=True)).is_my_turn

        await sharing.switch_armed(101, until_ms=1_800_000_000_123)
        heard = await sharing.tend_switch(101, member="two", wants_turn=False)
        assert heard.armed_until_ms == 1_800_000_000_123
        assert not heard.is_my_turn
        assert (await sharing.tend_switch(101, member="two", wants_turn=True)).is_my_turn

    live(scenario)


def test_who_leaves_hears_whether_others_still_rest_orders_there(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        await sharing.tend_switch(101, member="one", wants_turn=True)
        await sharing.tend_switch(101, member="two", wants_turn=False)
        await sharing.tend_switch(102, member="three", wants_turn=False)
        assert await sharing.leave_switch(101, member="one")
        assert (await sharing.tend_switch(101, member="two", wants_turn=True)).is_my_turn
        assert not await sharing.leave_switch(101, member="two")

    live(scenario)


# -- starts ---------------------------------------------------------------------------------


def test_starts_are_counted_by_role(live: Live) -> None:
    async def scenario(world: World) -> None:
        sharing = world.sharing()
        assert [await sharing.note_start(PAIR, Role.MAKER) for _ in range(3)] == [1, 2, 3]
        assert await sharing.note_start(PAIR, Role.HEDGER) == 1
        await asyncio.sleep(0.01)
        assert await sharing.note_start(PAIR, Role.MAKER) == 4

    live(scenario)
