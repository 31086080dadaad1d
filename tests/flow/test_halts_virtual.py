"""A halt stays (law 11): through restarts, a flushed Redis and both, until it is acknowledged."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.halts import Halt, HaltReason, write_halt
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.halt_file import HaltFile
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.records import TimeInForce
from tests.flow.ring import (
    HEDGER_ACCOUNT,
    MAKER_ACCOUNT,
    Ring,
    RingOptions,
    pair_id,
    run_ring,
)
from tests.flow.seats import Seat

pytestmark = pytest.mark.slow

HALT = Halt(
    id="0a1b2c3d",
    reason=HaltReason.LIQUIDATED,
    message="account 102 was liquidated: look at it, then acknowledge",
    since_ms=1_800_000_000_000,
    role="hedger",
)


def halt(seat: Seat, reason: HaltReason = HaltReason.RISK_BREACHED) -> Halt:
    """As a limit of the runner would raise it."""
    assert seat.halts is not None
    return seat.halts.raise_(reason, "the day lost too much: look, then acknowledge")


async def halted(ring: Ring, *seats: Seat) -> None:
    for seat in seats:
        await ring.until(
            partial(ring.is_in, seat, RunnerState.HALTED), f"{seat.name} is halted", within_s=20
        )


async def trading(ring: Ring) -> None:
    quote = await ring.resting()
    ring.market.fill(quote, quote.remaining_lots)
    await ring.covered()


@pytest.mark.parametrize("role", [Role.MAKER, Role.HEDGER])
def test_a_halt_of_either_role_withdraws_the_quote_and_is_the_pairs(role: Role) -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        await ring.resting()
        raised = halt(seats[role])
        await halted(ring, *seats.values())

        assert not ring.quotes()
        for seat in seats.values():
            assert ring.report(seat).halts == (raised,)
            assert ring.report(seat).reason.startswith("the day lost too much")
        alarms = ring.store.records[pair_id(ring.manifest)].alarms
        assert ("Halted/RiskBreached", raised.message) in alarms

        ring.acknowledge("another")
        await ring.pass_time(3)
        assert not ring.quotes()
        ring.acknowledge(raised.id)
        await trading(ring)
        assert not ring.store.records[pair_id(ring.manifest)].halts
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_the_same_reason_twice_is_one_halt_and_a_new_one_after_its_acknowledgement() -> None:
    async def scenario(ring: Ring) -> None:
        hedger = ring.start_all()[Role.HEDGER]
        await ring.resting()
        first = halt(hedger)
        assert halt(hedger) == first
        assert halt(hedger, HaltReason.LIQUIDATED) != first
        await ring.pass_time(2)
        ring.acknowledge(first.id)
        await ring.pass_time(2)
        assert halt(hedger).id != first.id
        await ring.stop_all()

    run_ring(scenario, RingOptions())


def test_a_halted_hedger_still_hedges_what_is_open() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        halt(seats[Role.HEDGER])
        await halted(ring, *seats.values())
        ring.trade_by_hand(MAKER_ACCOUNT, -200)
        await ring.covered(within_s=2)
        assert ring.position(HEDGER_ACCOUNT) == -300
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


@pytest.mark.parametrize("flushed", [False, True], ids=["Redis remembers", "Redis is flushed"])
@pytest.mark.parametrize("role", [Role.MAKER, Role.HEDGER])
def test_a_halt_outlives_a_restart_while_anybody_remembers(role: Role, flushed: bool) -> None:
    """The partner that stayed up writes it again."""

    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        raised = halt(seats[role])
        await halted(ring, *seats.values())
        ring.kill(seats[role])
        if flushed:
            ring.store.flush()
        seats[role] = ring.start(role)
        await halted(ring, *seats.values())
        assert ring.report(seats[role]).halts == (raised,)
        assert not ring.quotes()

        ring.acknowledge(raised.id)
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_the_operator_puts_a_halt_back_after_a_loss_of_everything() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        raised = halt(seats[Role.HEDGER])
        await halted(ring, *seats.values())
        for seat in seats.values():
            ring.kill(seat)
        ring.store.flush()
        ring.wish(Wish.RUN, step=1, halts=(raised,))
        seats = ring.start_all()
        await halted(ring, *seats.values())
        await ring.pass_time(10)
        assert not ring.quotes()

        ring.wish(Wish.RUN, step=2, acknowledged=(raised.id,))
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_the_state_directory_of_a_local_run_remembers_after_a_loss_of_everything(
    tmp_path: Path,
) -> None:
    async def scenario(ring: Ring) -> None:
        def start(role: Role) -> Seat:
            return ring.start(role, halt_file=HaltFile(tmp_path / f"halts-{role.label}.json"))

        seats = {role: start(role) for role in (Role.HEDGER, Role.MAKER)}
        await trading(ring)
        raised = halt(seats[Role.MAKER])
        await halted(ring, *seats.values())
        for seat in seats.values():
            ring.kill(seat)
        ring.store.flush()

        seats = {role: start(role) for role in (Role.HEDGER, Role.MAKER)}
        await halted(ring, *seats.values())
        assert not ring.quotes()
        ring.acknowledge(raised.id)
        await trading(ring)
        await ring.stop_all()

        again = start(Role.MAKER)
        await ring.until(lambda: again.reporters, "the maker starts once more")
        assert ring.report(again).halts == ()
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_a_halt_that_redis_holds_is_known_before_the_first_quote() -> None:
    async def scenario(ring: Ring) -> None:
        ring.store.records[pair_id(ring.manifest)].halts[HALT.id] = write_halt(HALT)
        seats = ring.start_all()
        await halted(ring, *seats.values())
        await ring.pass_time(5)
        assert not ring.exchange.inactive_orders(MAKER_ACCOUNT, market_id=0, limit=10).orders
        await ring.stop_all()

    run_ring(scenario, RingOptions())


def test_an_acknowledged_halt_is_not_put_back_by_an_older_word() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        raised = halt(seats[Role.MAKER])
        await halted(ring, *seats.values())
        ring.acknowledge(raised.id)
        await trading(ring)
        ring.wish(Wish.RUN, step=1, halts=(raised,))
        await ring.pass_time(3)
        assert ring.report(seats[Role.MAKER]).halts == ()
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_a_flattening_goes_on_under_a_halt() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        halt(seats[Role.MAKER])
        await halted(ring, *seats.values())
        ring.wish(Wish.FLATTEN, step=1)
        for seat in seats.values():
            await ring.until(partial(ring.is_in, seat, RunnerState.FLAT), "flat")
        assert (ring.position(MAKER_ACCOUNT), ring.position(HEDGER_ACCOUNT)) == (0, 0)
        assert ring.report(seats[Role.MAKER]).halts
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


# -- first start ------------------------------------------------------------------------------


def rest_by_hand(ring: Ring, account: int) -> int:
    events = ring.exchange.place_direct(
        account,
        market_id=ETH.market_id,
        is_ask=False,
        size_lots=100,
        price_ticks=ring.market.middle_ticks - 900,
        now_us=ring.gateway.now_us(),
        time_in_force=TimeInForce.GTT,
    )
    ring.gateway.publish(events)
    (order,) = ring.exchange.active_orders(account, ETH.market_id)
    return order.order_index


@pytest.mark.parametrize("account", [MAKER_ACCOUNT, HEDGER_ACCOUNT])
def test_foreign_orders_halt_a_first_start_which_leaves_them_alone(account: int) -> None:
    async def scenario(ring: Ring) -> None:
        theirs = rest_by_hand(ring, account)
        seats = ring.start_all()
        role = Role.MAKER if account == MAKER_ACCOUNT else Role.HEDGER
        await halted(ring, seats[role])
        (found,) = ring.report(seats[role]).halts
        assert found.reason is HaltReason.FOREIGN_ORDERS
        assert "adoptOrders" in found.message
        await ring.pass_time(5)
        resting = ring.exchange.active_orders(account, ETH.market_id)
        assert [order.order_index for order in resting] == [theirs]

        ring.acknowledge(found.id)  # without a remedy
        await ring.until(
            lambda: any(each.id != found.id for each in ring.report(seats[role]).halts),
            "it is halted anew",
        )
        ring.gateway.publish(
            ring.exchange.cancel_direct(account, theirs, now_us=ring.gateway.now_us())
        )
        (second,) = ring.report(seats[role]).halts
        ring.acknowledge(second.id)
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_a_pair_that_adopts_orders_takes_them_away() -> None:
    async def scenario(ring: Ring) -> None:
        rest_by_hand(ring, MAKER_ACCOUNT)
        ring.start_all()
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    spec: dict[str, Any] = {"exchange": {"network": "Paper", "adoptOrders": True}}
    run_ring(scenario, RingOptions(spec=spec))


def test_a_restart_is_not_kept_from_its_gap_by_what_a_hand_placed_meanwhile() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        ring.kill(seats[Role.HEDGER])
        rest_by_hand(ring, HEDGER_ACCOUNT)
        ring.trade_by_hand(MAKER_ACCOUNT, -200)
        ring.start(Role.HEDGER)
        await ring.covered(within_s=20)
        await ring.stop_all()

    run_ring(scenario, RingOptions())


def test_a_foreign_position_halts_and_is_left_alone_until_it_is_named() -> None:
    async def scenario(ring: Ring) -> None:
        ring.trade_by_hand(HEDGER_ACCOUNT, 900)
        seats = ring.start_all()
        await halted(ring, *seats.values())
        (found,) = ring.report(seats[Role.HEDGER]).halts
        assert found.reason is HaltReason.FOREIGN_POSITION
        await ring.pass_time(5)
        assert ring.position(HEDGER_ACCOUNT) == 900
        assert not ring.quotes()

        named = ring.manifest.as_manifest()
        named["spec"]["risk"]["acceptedNet"] = "0.09"
        ring.wish(Wish.RUN, step=1, manifest=named, acknowledged=(found.id,))
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.until(lambda: ring.position(HEDGER_ACCOUNT) == 400, "hedged from there")
        await ring.stop_all()

    run_ring(scenario, RingOptions())


def test_halts_in_a_file_come_back_as_they_were(tmp_path: Path) -> None:
    file = HaltFile(tmp_path / "halts-maker.json")
    assert file.read().halts == ()

    file.write([HALT, replace(HALT, id="ffff")], acknowledged={"dead"})

    assert file.read().halts == (HALT, replace(HALT, id="ffff"))
    assert file.read().acknowledged == {"dead"}
    (tmp_path / "halts-maker.json").write_text("[]")
    with pytest.raises(ValueError, match="not a file of halts"):
        file.read()
