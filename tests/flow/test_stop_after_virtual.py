"""stopAfter: the pair ends flat, suspended and Completed, whatever dies or is forgotten."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.desired_watcher import WishFiles
from tests.flow.ring import (
    HEDGER_ACCOUNT,
    MAKER_ACCOUNT,
    Ring,
    RingOptions,
    manifest_of,
    run_ring,
)
from tests.flow.seats import Seat

pytestmark = pytest.mark.slow

TWO_ROUNDS: dict[str, Any] = {"stopAfter": {"rounds": 2}}


async def fill_one(ring: Ring) -> None:
    quote = await ring.resting()
    ring.market.fill(quote, quote.remaining_lots)
    await ring.covered()


async def completed(ring: Ring, maker: Seat) -> None:
    await ring.until(partial(ring.is_in, maker, RunnerState.COMPLETED), "completed")
    await ring.pass_time(3)
    assert (ring.position(MAKER_ACCOUNT), ring.position(HEDGER_ACCOUNT)) == (0, 0)
    assert not ring.quotes()
    assert ring.report(maker).flat_ms is not None


def test_a_pair_ends_after_its_rounds_and_goes_on_when_more_are_wanted() -> None:
    async def scenario(ring: Ring) -> None:
        maker = ring.start_all()[Role.MAKER]
        for _ in range(4):
            await fill_one(ring)
        await completed(ring, maker)
        assert ring.report(maker).reason.startswith("stopAfter.rounds")

        more = manifest_of({"stopAfter": {"rounds": 3}}).as_manifest()
        ring.wish(Wish.RUN, step=0, manifest=more)
        for _ in range(2):
            await fill_one(ring)
        await completed(ring, maker)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=TWO_ROUNDS))


def test_after_its_volume_a_pair_closes_what_it_holds() -> None:
    async def scenario(ring: Ring) -> None:
        maker = ring.start_all()[Role.MAKER]
        for _ in range(3):
            await fill_one(ring)
        await completed(ring, maker)
        assert ring.report(maker).reason.startswith("stopAfter.volume")
        await ring.stop_all()
        ring.audit()

    spec = {"cycle": "Accumulate", "stopAfter": {"volume": "300"}}
    run_ring(scenario, RingOptions(spec=spec))


@pytest.mark.parametrize("flushed", ["", "before", "after"])
def test_the_count_survives_a_death_and_a_flush_of_redis(flushed: str) -> None:
    """A live maker writes it again; a new one adds what the venue has since then."""

    async def scenario(ring: Ring) -> None:
        maker = ring.start_all()[Role.MAKER]
        for _ in range(3):
            await fill_one(ring)
        if flushed:
            ring.store.flush()
            await ring.pass_time(25)
        quote = await ring.resting()
        ring.kill(maker)
        ring.market.fill(quote, quote.remaining_lots)  # the last fill of the last round
        maker = ring.start(Role.MAKER)
        await ring.until(lambda: maker.reporters, "it starts")
        await completed(ring, maker)
        assert ring.report(maker).rounds == 2
        await ring.stop_all()

        again = ring.start_all()[Role.MAKER]
        await ring.until(lambda: again.reporters, "it starts once more")
        await completed(ring, again)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=TWO_ROUNDS))


def test_the_state_directory_remembers_when_redis_does_not(tmp_path: Path) -> None:
    async def scenario(ring: Ring) -> None:
        files = WishFiles(progress=tmp_path / "progress.json")
        seats = {role: ring.start(role, files=files) for role in (Role.HEDGER, Role.MAKER)}
        for _ in range(3):
            await fill_one(ring)
        await ring.pass_time(2)
        await ring.stop(seats[Role.MAKER])
        ring.store.flush()
        maker = ring.start(Role.MAKER, files=files)
        await fill_one(ring)
        await completed(ring, maker)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec=TWO_ROUNDS))
