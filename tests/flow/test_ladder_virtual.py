"""A gap that cannot be hedged: each end of the ladder, and whoever dies on it (design §6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.contract.identity import Role, is_unwinding
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.venues.paper.fault_files import read_fault
from hedgepair_runner.venues.paper.records import Order
from tests.flow import auditing
from tests.flow.harming import AFTER_A_DEATH_S, Pair, trade_on
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, Ring, RingOptions, pair_id, run_ring
from tests.flow.seats import Seat

pytestmark = pytest.mark.slow

LADDER_S = 3
"""`risk.maxUnhedgedSeconds` of these pairs."""
ENDED_S = LADDER_S + 4
FAR_TICKS = -4_700
"""Two percent: nothing within hedger.maxSlippageBps of the fill is left."""


def laddered(
    scenario: Callable[[Ring, Pair], Any], *, on_unhedged: str = "Unwind", **spec: Any
) -> None:
    risk = {"maxPosition": "0.5", "maxUnhedgedSeconds": LADDER_S, "onUnhedged": on_unhedged}

    async def live(ring: Ring) -> None:
        pair = ring.start_all()
        await ring.resting()
        await scenario(ring, pair)

    run_ring(live, RingOptions(spec={"risk": risk, **spec}))


async def run_away(ring: Ring, ticks: int = FAR_TICKS) -> None:
    """The quote is filled by a market that moves far beyond it, mark and all."""
    await ring.resting()
    ring.note(f"the market runs away by {ticks}")
    now_us = ring.gateway.now_us()
    middle_ticks = ring.market.middle_ticks + ticks
    ring.exchange.set_index_price(0, middle_ticks, now_us=now_us)
    ring.market.move(ticks)
    await ring.until(lambda: ring.net_lots() != 0, "the fill is not hedged")


def refuse_hedges(ring: Ring) -> int:
    """B refuses every order, and takes whatever else."""
    ring.note("B refuses every order")
    rule = {"kind": "refuse", "code": 21739, "count": None, "for": "600s"}
    when = {"tx_type": 14, "account": HEDGER_ACCOUNT}
    return ring.gateway.troubles.arm(read_fault({**rule, "when": when})).fault_id


def undone(ring: Ring) -> list[Order]:
    """Orders of A that undid what was not hedged, and traded."""
    orders = auditing.orders_of(ring.exchange, MAKER_ACCOUNT, 0)
    return [each for each in orders if is_unwinding(each.client_order_index) and each.filled_lots]


def alarms(ring: Ring) -> list[str]:
    return [kind for kind, _ in ring.store.records[pair_id(ring.manifest)].alarms]


async def balanced(ring: Ring, *, within_s: float = ENDED_S) -> None:
    await ring.until(lambda: ring.net_lots() == 0, "the net is zero", within_s=within_s)


# -- what ends the ladder ---------------------------------------------------------------------


@pytest.mark.parametrize("side", ["Buy", "Sell"])
def test_what_the_book_does_not_hedge_within_the_bound_is_undone(side: str) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await run_away(ring, FAR_TICKS if side == "Buy" else -FAR_TICKS)
        await ring.pass_time(LADDER_S - 0.5)
        assert not undone(ring)
        await balanced(ring)
        assert ring.position(MAKER_ACCOUNT) == ring.position(HEDGER_ACCOUNT) == 0
        assert undone(ring)
        assert "UnhedgedTooLong" in alarms(ring)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    laddered(act, makerSide=side)


def test_only_the_increment_is_undone() -> None:
    """What was hedged before stays as it is."""

    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.fill(quote, 120)
        await ring.covered()
        await run_away(ring)
        await balanced(ring)
        assert (ring.position(MAKER_ACCOUNT), ring.position(HEDGER_ACCOUNT)) == (120, -120)
        await ring.stop_all()
        ring.audit()

    laddered(act, cycle="Accumulate")


def test_what_b_refuses_for_longer_than_the_ladder_is_undone_and_told() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        fault = refuse_hedges(ring)
        ring.market.fill(quote, quote.remaining_lots)
        await ring.pass_time(1)
        assert ring.report(pair[Role.HEDGER]).reason_code == "HedgeRejected"
        await balanced(ring)
        assert ring.position(MAKER_ACCOUNT) == 0
        assert "HedgeRejected" in alarms(ring)
        ring.gateway.troubles.disarm(fault)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    laddered(act)


@pytest.mark.parametrize("refuses", [False, True], ids=["beyond the bound", "refused"])
def test_where_the_spec_says_halt_the_pair_halts_and_hedging_goes_on(refuses: bool) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        fault = refuse_hedges(ring) if refuses else 0
        if refuses:
            ring.market.fill(quote, quote.remaining_lots)
        else:
            await run_away(ring)
        hedger = pair[Role.HEDGER]
        await ring.until(partial(ring.is_in, hedger, RunnerState.HALTED), "halted")
        reason = HaltReason.HEDGE_REJECTED if refuses else HaltReason.UNHEDGED
        assert [halt.reason for halt in ring.report(hedger).halts] == [reason]
        await ring.pass_time(5)
        assert ring.position(MAKER_ACCOUNT) == 500
        assert not undone(ring)
        if refuses:
            ring.gateway.troubles.disarm(fault)
        else:
            ring.market.move(-FAR_TICKS)
        await ring.covered(within_s=5)
        await ring.pass_time(3)
        assert not ring.quotes()
        await ring.stop_all()
        ring.audit()

    laddered(act, on_unhedged="Halt")


def test_flatten_undoes_then_closes_both_legs_and_stays_halted() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered()
        await run_away(ring)
        await ring.until(
            lambda: ring.position(MAKER_ACCOUNT) == ring.position(HEDGER_ACCOUNT) == 0,
            "both legs are closed",
            within_s=20,
        )
        await ring.pass_time(3)
        assert not ring.quotes()
        assert ring.is_in(pair[Role.HEDGER], RunnerState.HALTED)
        await ring.stop_all()
        ring.audit()

    laddered(act, on_unhedged="Flatten", cycle="Accumulate")


def test_where_nothing_can_be_reduced_the_hedger_tries_on_and_pages() -> None:
    """The closing order filled: A is flat, and what is open is on B."""

    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered()
        await ring.until(lambda: ring.quotes() and ring.quotes()[0].is_ask, "it closes")
        await run_away(ring, -FAR_TICKS)
        await ring.until(lambda: "UnhedgedTooLong" in alarms(ring), "people are told")
        assert not undone(ring)
        ring.market.move(FAR_TICKS)
        await ring.covered(within_s=5)
        await ring.stop_all()
        ring.audit()

    laddered(act)


def test_while_the_venue_is_out_nothing_is_undone() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await run_away(ring)
        for seat in pair.values():
            seat.faults.is_rest_down = seat.faults.refuses_connections = True
            seat.wire.cut()
        await ring.pass_time(3 * ENDED_S)
        assert not undone(ring)
        for seat in pair.values():
            seat.faults.is_rest_down = seat.faults.refuses_connections = False
        await balanced(ring, within_s=60)
        await ring.stop_all()
        ring.audit()

    laddered(act)


def test_where_nobody_trades_within_the_bound_the_right_comes_back_and_people_are_told() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.clear()
        ring.market.take(quote, quote.remaining_lots)
        hedger = pair[Role.HEDGER]
        await lent(ring, hedger)
        await ring.until(
            lambda: ring.report(hedger).token_owner == "hedger", "the right comes back"
        )
        assert ring.position(MAKER_ACCOUNT) == 500
        assert {"UnhedgedTooLong", "Unhedged"} <= set(alarms(ring))
        ring.market.stand()
        await ring.covered(within_s=5)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    laddered(act)


# -- who dies on it -----------------------------------------------------------------------------


async def lent(ring: Ring, hedger: Seat) -> None:
    await ring.until(lambda: ring.report(hedger).token_owner == "maker", "the right is lent")


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("role", [Role.HEDGER, Role.MAKER])
def test_whoever_dies_around_the_lending_it_ends_balanced(role: Role, after_s: float) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await run_away(ring)
        await lent(ring, pair[Role.HEDGER])
        await ring.pass_time(after_s)
        ring.kill(pair[role])
        ring.start(role)
        await balanced(ring, within_s=AFTER_A_DEATH_S + ENDED_S)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    laddered(act)


def test_the_right_is_not_lent_to_a_dead_maker() -> None:
    """The hedger tries on, so that a market that comes back is enough."""

    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.clear()
        ring.market.take(quote, quote.remaining_lots)
        ring.kill(pair[Role.MAKER])
        hedger = pair[Role.HEDGER]
        await ring.pass_time(ENDED_S)
        assert ring.report(hedger).token_owner == "hedger"
        assert "UnhedgedTooLong" in alarms(ring)
        ring.market.stand()
        await ring.covered(within_s=5)
        ring.start(Role.MAKER)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    laddered(act)


def test_both_may_die_while_the_right_is_lent() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await run_away(ring)
        await lent(ring, pair[Role.HEDGER])
        for seat in pair.values():
            ring.kill(seat)
        ring.start_all()
        await balanced(ring, within_s=AFTER_A_DEATH_S + ENDED_S)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    laddered(act)


def test_without_a_maker_the_new_hedger_waits_and_pages_until_one_is_back() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.kill(pair[Role.MAKER])
        ring.kill(pair[Role.HEDGER])
        ring.market.fill(quote, quote.remaining_lots)
        hedger = ring.start(Role.HEDGER)
        await ring.pass_time(AFTER_A_DEATH_S)
        assert ring.position(HEDGER_ACCOUNT) == 0
        assert ring.is_in(hedger, RunnerState.HOLDING, reason="until the maker acknowledges")
        assert "UnhedgedTooLong" in alarms(ring)
        ring.start(Role.MAKER)
        await ring.covered(within_s=AFTER_A_DEATH_S)
        await ring.stop_all()
        ring.audit()

    laddered(act)


def test_after_a_maker_that_stopped_in_order_nobody_is_waited_for() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await ring.resting()
        await ring.stop(pair[Role.MAKER])
        ring.kill(pair[Role.HEDGER])
        ring.trade_by_hand(MAKER_ACCOUNT, 300)
        ring.start(Role.HEDGER)
        await ring.covered(within_s=AFTER_A_DEATH_S)
        await ring.stop_all()
        ring.audit()

    laddered(act)


# -- Redis --------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.002, 0.3])
@pytest.mark.parametrize("what", ["lost", "rolled back", "token lost", "cut"])
def test_whatever_becomes_of_redis_around_the_lending_it_ends_balanced(
    what: str, after_s: float
) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        records = ring.store.records[pair_id(ring.manifest)]
        before = records.token
        await run_away(ring)
        await lent(ring, pair[Role.HEDGER])
        await ring.pass_time(after_s)
        ring.note(f"Redis: {what}")
        if what == "lost":
            ring.store.flush()
        elif what == "cut":
            ring.store.cut()
            await ring.pass_time(2)
            ring.store.mend()
        else:
            records.token = before if what == "rolled back" else None
        await balanced(ring, within_s=AFTER_A_DEATH_S + 2 * ENDED_S)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    laddered(act)


def test_a_rest_of_a_dead_maker_that_redis_forgot_is_met_by_no_hedge() -> None:
    """The maker dies with its quote partly filled, at the touch by itself, and Redis loses all."""

    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.leave_alone(quote)
        ring.kill(pair[Role.MAKER])
        ring.kill(pair[Role.HEDGER])
        ring.store.flush()
        ring.market.take(quote, 120)
        ring.start(Role.HEDGER)
        await ring.pass_time(AFTER_A_DEATH_S)
        assert ring.quotes()
        assert ring.position(HEDGER_ACCOUNT) == 0
        ring.start(Role.MAKER)
        await ring.covered(within_s=AFTER_A_DEATH_S)
        await ring.stop_all()
        ring.audit()

    laddered(act)


# -- somebody else ------------------------------------------------------------------------------


@pytest.mark.parametrize("account", [MAKER_ACCOUNT, HEDGER_ACCOUNT])
def test_a_trade_by_hand_is_hedged_and_told(account: int) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await ring.resting()
        ring.trade_by_hand(account, 200)
        await ring.covered(within_s=3)
        await ring.until(lambda: "ForeignTrade" in alarms(ring), "people are told")

    laddered(act)


def liquidate(ring: Ring, account: int) -> None:
    """Takes the collateral away: the exchange closes the position by itself."""
    ring.note(f"account {account} is liquidated")
    view = ring.exchange.account(account)
    assert view is not None
    ring.exchange.deposit(account, -int(view.collateral_pico), now_us=ring.gateway.now_us())


@pytest.mark.parametrize("account", [MAKER_ACCOUNT, HEDGER_ACCOUNT])
def test_after_a_liquidation_the_other_leg_follows_and_nothing_is_opened_again(
    account: int,
) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.covered()
        await ring.resting()
        liquidate(ring, account)
        await ring.until(
            lambda: ring.position(MAKER_ACCOUNT) == ring.position(HEDGER_ACCOUNT) == 0,
            "both legs are closed",
            within_s=30,
        )
        await ring.pass_time(3)
        assert not ring.quotes()
        reasons = {halt.reason for halt in ring.report(pair[Role.HEDGER]).halts}
        assert reasons == {HaltReason.LIQUIDATED}
        sizes = [abs(lots) for lots in running(ring.trades(HEDGER_ACCOUNT), HEDGER_ACCOUNT)]
        largest = sizes.index(max(sizes))
        assert sizes[largest:] == sorted(sizes[largest:], reverse=True)  # never opened again

    laddered(act, cycle="Accumulate")


def running(trades: list[Any], account: int) -> list[int]:
    position, positions = 0, []
    for trade in trades:
        position += auditing.lots_for(trade, account)
        positions.append(position)
    return positions
