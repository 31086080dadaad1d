"""Who leads: by a Lease, without a clock of any other machine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from hedgepair_operator.leasing import DURATION_S, Move, Sight, decide_move, look
from tests.operator.fake_api.store import Name
from tests.operator.world import pair_object, world

LEASE = Name("leases", "hedgepair", "hedgepair-operator")


@pytest.mark.parametrize(
    ("holder", "age_s", "move"),
    [
        pytest.param(None, 0.0, Move.CREATE, id="nobody ever led"),
        pytest.param("", 0.0, Move.TAKE, id="it was released"),
        pytest.param("me", 0.0, Move.RENEW, id="it is mine"),
        pytest.param("me", 999.0, Move.RENEW, id="it is mine, though late"),
        pytest.param("other", 0.0, Move.WAIT, id="another has it"),
        pytest.param("other", DURATION_S - 0.1, Move.WAIT, id="another may still have it"),
        pytest.param("other", DURATION_S, Move.TAKE, id="another let it go stale"),
    ],
)
def test_a_lease_is_taken_when_it_did_not_move_for_its_whole_time(
    holder: str | None, age_s: float, move: Move
) -> None:
    sight = None if holder is None else Sight(version="1", holder=holder, since_s=100.0)

    assert decide_move(sight, me="me", now_s=100.0 + age_s) is move


def test_a_lease_that_moved_is_new_again() -> None:
    lease = {"metadata": {"resourceVersion": "2"}, "spec": {"holderIdentity": "other"}}
    before = Sight(version="1", holder="other", since_s=0.0)

    seen = look(lease, before, now_s=50.0)

    assert seen is not None
    assert seen.since_s == 50.0
    assert look(lease, seen, now_s=60.0) is seen


def test_one_leads_and_the_other_takes_over_when_it_stops(redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            here.settings = replace(here.settings, leader_election=True)
            first = here.start()
            await here.until(lambda: first.desk.is_ready, "the first leads")
            second = here.start()
            here.apply(pair_object("eth"))
            await here.until(lambda: here.is_ready("eth"), "the pair runs")
            assert not second.desk.is_ready
            holder = here.store.get(LEASE)["spec"]["holderIdentity"]

            here.services.reverse()
            await here.stop()
            await here.until(lambda: second.desk.is_ready, "the second leads")

            lease = here.store.get(LEASE)["spec"]
            assert lease["holderIdentity"] not in ("", holder)
            assert lease["leaseTransitions"] == 1
            here.set_spec("eth", quantity="0.1")
            await here.until(lambda: here.is_ready("eth"), "the pair follows")

    asyncio.run(main())


def test_a_leader_that_was_overtaken_ends(redis_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(redis_url, tmp_path) as here:
            here.settings = replace(here.settings, leader_election=True)
            first = here.start()
            await here.until(lambda: first.desk.is_ready, "the first leads")

            lease = here.store.get(LEASE)
            spec = {**lease["spec"], "holderIdentity": "another"}
            here.store.replace(LEASE, {**lease, "spec": spec})
            _, task, _ = here.services.pop()
            await asyncio.wait([task], timeout=30.0)

            assert task.done()
            with pytest.raises(BaseExceptionGroup):
                await task

    asyncio.run(main())
