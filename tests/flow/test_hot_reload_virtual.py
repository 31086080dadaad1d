"""What is wanted arrives while the pair runs: by Redis, by the mounted file, by an edit."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.contract.desired import Desired, Wish, write_desired
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.desired_watcher import WishFiles
from tests.flow.ring import MAKER_ACCOUNT, Ring, RingOptions, manifest_of, pair_id, run_ring
from tests.flow.seats import Seat

pytestmark = pytest.mark.slow

Pair = dict[Role, Seat]


def start(ring: Ring, files: WishFiles) -> Pair:
    return {role: ring.start(role, files=files) for role in (Role.HEDGER, Role.MAKER)}


def changed(spec: dict[str, Any]) -> HedgePair:
    return manifest_of(spec)


async def rests(ring: Ring, lots: int, *, within_s: float = 5.0) -> None:
    await ring.until(
        lambda: [order.initial_lots for order in ring.quotes()] == [lots],
        f"{lots} rest",
        within_s=within_s,
    )


# -- by Redis ---------------------------------------------------------------------------------


def test_new_orders_follow_a_new_quantity_within_five_seconds() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await ring.resting()
        before = ring.report(seats[Role.MAKER]).config_hash
        wanted = changed({"quantity": "0.03"})
        ring.wish(Wish.RUN, step=0, manifest=wanted.as_manifest())
        await rests(ring, 300)

        for seat in seats.values():
            report = ring.report(seat)
            assert (report.generation, report.step) == (1, 0)
            assert report.config_hash != before
        epochs = {ring.report(seat).epoch for seat in seats.values()}
        assert epochs == {1}  # nobody was started anew
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_the_hedger_follows_a_new_accepted_net_and_slippage_in_flight() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered()
        spec = {"risk": {"maxPosition": "0.5", "acceptedNet": "0.02"}}
        ring.wish(Wish.RUN, step=0, manifest=changed(spec).as_manifest())
        await ring.until(lambda: ring.net_lots() == 200, "the accepted net", within_s=5)
        await ring.stop_all()

    run_ring(scenario, RingOptions())


def test_a_change_that_is_forbidden_touches_nothing_that_runs() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        quote = await ring.resting()
        before = ring.report(seats[Role.MAKER]).config_hash
        wanted = changed({"makerSide": "Sell", "quantity": "0.03"})
        ring.wish(Wish.RUN, step=0, manifest=wanted.as_manifest())
        await ring.pass_time(3)

        assert [each.order_index for each in ring.quotes()] == [quote.order_index]
        report = ring.report(seats[Role.MAKER])
        assert (report.config_hash, report.generation) == (before, 1)
        alarms = ring.store.records[pair_id(ring.manifest)].alarms
        assert any("suspend first" in message for _, message in alarms)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


# -- by the mounted file ----------------------------------------------------------------------


def mount(folder: Path, desired: Desired, *, version: int) -> None:
    """As kubelet does: a new directory, and a symbolic link that is swapped to it."""
    data = folder / f"..data_{version}"
    data.mkdir()
    (data / "desired.json").write_text(write_desired(desired))
    fresh = folder / "..data_tmp"
    fresh.symlink_to(data.name)
    os.replace(fresh, folder / "..data")
    if not (folder / "desired.json").is_symlink():
        (folder / "desired.json").symlink_to("..data/desired.json")


def test_the_mounted_file_suspends_and_resumes_while_redis_says_nothing(tmp_path: Path) -> None:
    async def scenario(ring: Ring) -> None:
        seats = start(ring, WishFiles(desired=tmp_path / "desired.json"))
        await ring.resting()
        mount(tmp_path, Desired(generation=1, step=1, wish=Wish.SUSPEND), version=1)
        for seat in seats.values():
            await ring.until(partial(ring.is_in, seat, RunnerState.SUSPENDED), "suspended")
        mount(tmp_path, Desired(generation=1, step=2, wish=Wish.RUN), version=2)
        await ring.resting(within_s=3)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


@pytest.mark.parametrize("newer", ["Redis", "file"])
def test_of_file_and_redis_the_newer_counts(tmp_path: Path, newer: str) -> None:
    async def scenario(ring: Ring) -> None:
        in_redis, in_file = (5, 4) if newer == "Redis" else (4, 5)
        mount(tmp_path, Desired(generation=in_file, step=0, wish=Wish.RUN), version=1)
        ring.wish(Wish.SUSPEND, generation=in_redis, step=0)
        seats = start(ring, WishFiles(desired=tmp_path / "desired.json"))
        if newer == "Redis":
            await ring.until(
                lambda: (
                    seats[Role.MAKER].reporters
                    and ring.is_in(seats[Role.MAKER], RunnerState.SUSPENDED)
                ),
                "suspended",
            )
        else:
            await ring.resting()
        assert ring.report(seats[Role.MAKER]).generation == 5
        await ring.stop_all()

    run_ring(scenario, RingOptions())


def test_a_broken_file_is_ignored_with_an_alarm(tmp_path: Path) -> None:
    async def scenario(ring: Ring) -> None:
        mount(tmp_path, Desired(generation=1, step=0, wish=Wish.RUN), version=1)
        start(ring, WishFiles(desired=tmp_path / "desired.json"))
        quote = await ring.resting()
        (tmp_path / "..data_1" / "desired.json").write_text('{"wish": "Suspe')
        await ring.pass_time(4)
        (tmp_path / "..data_1" / "desired.json").unlink()
        await ring.pass_time(4)
        assert [each.order_index for each in ring.quotes()] == [quote.order_index]
        alarms = ring.store.records[pair_id(ring.manifest)].alarms
        assert len([kind for kind, _ in alarms if kind == "NotTaken"]) == 2  # one of each role
        await ring.stop_all()

    run_ring(scenario, RingOptions())


# -- by an edit of the manifest ---------------------------------------------------------------


def write(path: Path, spec: dict[str, Any]) -> None:
    path.write_text(json.dumps(manifest_of(spec).as_manifest()))


def test_an_edit_of_the_manifest_is_followed_where_nothing_else_is_said(tmp_path: Path) -> None:
    file = tmp_path / "pair.yaml"

    async def scenario(ring: Ring) -> None:
        write(file, {})
        seats = start(ring, WishFiles(manifest=file))
        await rests(ring, 500, within_s=10)
        write(file, {"quantity": "0.03"})
        await rests(ring, 300)
        write(file, {"quantity": "0.03", "suspend": True})
        for seat in seats.values():
            await ring.until(partial(ring.is_in, seat, RunnerState.SUSPENDED), "suspended")
        write(file, {"quantity": "0.03", "suspend": True, "makerSide": "Sell"})
        await ring.pass_time(2)
        write(file, {"quantity": "0.03", "makerSide": "Sell"})
        assert (await ring.resting(within_s=3)).is_ask
        assert ring.report(seats[Role.MAKER]).generation == 4
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_suspend_with_the_policy_flatten_flattens_a_local_run(tmp_path: Path) -> None:
    file = tmp_path / "pair.yaml"

    async def scenario(ring: Ring) -> None:
        write(file, {})
        seats = start(ring, WishFiles(manifest=file))
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered()
        write(file, {"suspend": True, "suspendPolicy": "Flatten"})
        for seat in seats.values():
            await ring.until(partial(ring.is_in, seat, RunnerState.FLAT), "flat")
        assert ring.position(MAKER_ACCOUNT) == 0
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


@pytest.mark.parametrize(
    "text",
    ["{", json.dumps({"kind": "HedgePair"}), ""],
    ids=["half written", "no spec", "emptied"],
)
def test_a_refused_edit_touches_nothing_that_runs(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pair.yaml"

    async def scenario(ring: Ring) -> None:
        write(file, {})
        seats = start(ring, WishFiles(manifest=file))
        quote = await ring.resting()
        file.write_text(text)
        await ring.pass_time(3)
        assert [each.order_index for each in ring.quotes()] == [quote.order_index]
        assert ring.report(seats[Role.MAKER]).generation == 0
        write(file, {"quantity": "0.03"})
        await rests(ring, 300)
        await ring.stop_all()

    run_ring(scenario, RingOptions())
