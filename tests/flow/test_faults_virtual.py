"""One thing goes wrong, and everything ends covered once: in virtual time (design §3, §13, §14)."""

from __future__ import annotations

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.venues.paper.records import TxStatus
from hedgepair_runner.venues.paper.views import Refusal
from tests.flow.harming import (
    ROLES,
    STANDARD,
    TIERS,
    Pair,
    fill,
    harmed,
    tier,
    trade_on,
)
from tests.flow.ring import (
    HEDGER_ACCOUNT,
    MAKER_ACCOUNT,
    RECOVERY_S,
    Ring,
    RingOptions,
    run_ring,
)
from tests.simulation.links import Snapshot

pytestmark = pytest.mark.slow

# -- Redis ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "loses_answers"), [(0.5, False), (3.0, False), (3.0, True), (10.0, False)]
)
@pytest.mark.parametrize("lots", [120, 500], ids=["partial", "whole"])
def test_fills_are_hedged_while_redis_is_away_and_after(
    lots: int, seconds: float, loses_answers: bool
) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.note("Redis goes")
        if loses_answers:
            ring.store.loses_answers = True
        else:
            ring.store.cut()
        fill(ring, quote, lots)
        await ring.pass_time(seconds)
        ring.note("Redis returns")
        ring.store.mend()

    harmed(act)


def test_the_maker_withdraws_when_redis_takes_no_writes() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await ring.resting()
        ring.store.cut()
        await ring.until(lambda: not ring.quotes(), "the quote is withdrawn", within_s=3)
        await ring.pass_time(1)
        assert not ring.quotes()
        ring.store.mend()

    harmed(act)


@pytest.mark.parametrize("after_s", [0.0, 0.002, 0.5])
@pytest.mark.parametrize("tier_name", TIERS)
def test_a_redis_that_lost_everything_costs_time_only(tier_name: str, after_s: float) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        fill(ring, await ring.resting(), 120)
        await ring.pass_time(after_s)
        ring.note("flush")
        ring.store.flush()
        await ring.pass_time(2)

    harmed(act, tier(tier_name))


@pytest.mark.parametrize("hedger_is_new", [False, True], ids=["same hedger", "new hedger"])
def test_a_redis_that_lists_an_ended_quote_again_holds_no_hedge_back(hedger_is_new: bool) -> None:
    """A replica took over that lacks the quote's end; meanwhile the market went past its price."""

    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        listed = Snapshot(ring.store)
        fill(ring, quote)
        await ring.covered()
        await ring.resting()
        ring.store.cut()
        await ring.pass_time(0.2)
        listed.restore()
        if hedger_is_new:
            ring.kill(pair[Role.HEDGER])
        ring.store.mend()
        ring.market.move(-40)
        if hedger_is_new:
            await ring.pass_time(0.5)
            ring.start(Role.HEDGER)
        fill(ring, await ring.resting())

    harmed(act, RingOptions(spec={"cycle": "Accumulate", "risk": {"maxPosition": "0.5"}}))


def test_a_redis_that_goes_and_loses_everything_costs_time_only() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.store.cut()
        fill(ring, quote, 120)
        await ring.pass_time(5)
        ring.store.flush()
        ring.store.mend()

    harmed(act)


@pytest.mark.parametrize("gone_at_s", [0.1, 1.0, 2.9, 3.2, 4.0])
def test_redis_may_go_while_runners_start(gone_at_s: float) -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        await ring.pass_time(gone_at_s)
        ring.store.cut()
        await ring.pass_time(4)
        ring.store.flush()
        ring.store.mend()
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


@pytest.mark.parametrize("after_s", [0.5, 1.5, 3.0])
def test_runners_that_are_stopped_without_their_leases_still_end_in_order(after_s: float) -> None:
    async def scenario(ring: Ring) -> None:
        pair = ring.start_all()
        quote = await ring.resting()
        ring.note("flush")
        ring.store.flush()
        await ring.pass_time(after_s)
        if ring.quotes():
            fill(ring, quote, 120)
        await ring.stop(pair[Role.MAKER])
        assert not ring.quotes()
        await ring.stop(pair[Role.HEDGER])
        ring.audit()

    run_ring(scenario, RingOptions())


# -- the wire ---------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("tier_name", "after_s"),
    [("none", -0.001), ("none", 0.0), ("none", 0.0015), ("standard", 0.0015), ("standard", 0.1)],
)
def test_a_cut_connection_loses_no_fill(after_s: float, role: Role, tier_name: str) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        seat = pair[role]
        if after_s < 0:
            seat.faults.refuses_connections = True
            seat.wire.cut()
            fill(ring, quote, 120)
            await ring.pass_time(2)
            seat.faults.refuses_connections = False
        else:
            fill(ring, quote, 120)
            await ring.pass_time(after_s)
            seat.wire.cut()

    harmed(act, tier(tier_name))


@pytest.mark.parametrize(("tier_name", "count"), [("none", 1), ("standard", 3)])
@pytest.mark.parametrize(
    "lost",
    ["requests_to_lose", "answers_to_lose", "sends_to_cut", "answers_cut"],
)
@pytest.mark.parametrize("role", ROLES)
def test_lost_requests_and_answers_trade_nothing_twice(
    role: Role, count: int, lost: str, tier_name: str
) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        setattr(pair[role].faults, lost, count)
        fill(ring, quote, 120)
        await ring.covered(within_s=RECOVERY_S + 4 * count)
        quote = await ring.resting(within_s=20)
        fill(ring, quote)

    harmed(act, tier(tier_name))


@pytest.mark.parametrize("role", ROLES)
def test_duplicate_frames_count_once(role: Role) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        pair[role].faults.frames_twice = True
        for lots in (120, 380, 500):
            quote = await ring.resting()
            fill(ring, quote, min(lots, quote.remaining_lots))
            await ring.covered(within_s=2)

    harmed(act)


@pytest.mark.parametrize("role", ROLES)
def test_a_runner_waits_for_an_exchange_that_is_down_at_its_restart(role: Role) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.kill(pair[role])
        fill(ring, quote, 120)
        successor = ring.start(role)
        successor.faults.is_rest_down = successor.faults.refuses_connections = True
        await ring.pass_time(10)
        successor.faults.is_rest_down = successor.faults.refuses_connections = False

    harmed(act)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("at_s", [0.01, 0.06, 0.6])
def test_rest_may_fail_at_any_step_of_the_recovery(role: Role, at_s: float) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        fill(ring, await ring.resting(), 120)
        await ring.stop(pair[role])
        successor = ring.start(role)
        await ring.pass_time(at_s)
        successor.faults.is_rest_down = True
        await ring.pass_time(3)
        successor.faults.is_rest_down = False

    harmed(act)


@pytest.mark.parametrize("consumes_nonce", [True, False], ids=["consumed", "not consumed"])
@pytest.mark.parametrize("role", ROLES)
def test_a_transaction_that_fails_in_the_engine_is_made_good(
    role: Role, consumes_nonce: bool
) -> None:
    account = HEDGER_ACCOUNT if role is Role.HEDGER else MAKER_ACCOUNT

    async def act(ring: Ring, pair: Pair) -> None:
        fill(ring, await ring.resting(), 120)

        def queued() -> list[str]:
            newest = ring.exchange.account_txs(account, limit=3)
            return [each.tx_hash for each in newest if each.status is TxStatus.PENDING]

        await ring.until(queued, "a transaction is queued")
        refusal = (
            Refusal(code=21_500, message="internal failure")
            if consumes_nonce
            else Refusal(code=21_739, message="not enough margin")
        )
        ring.exchange.doom(queued()[0], refusal, consumes_nonce=consumes_nonce)

    harmed(act, RingOptions(exchange=STANDARD))
