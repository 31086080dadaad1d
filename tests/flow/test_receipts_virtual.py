"""Receipts through deaths, pauses and a Redis that fails: one for each executed order, always."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.receipts import Purpose
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow import auditing
from tests.flow.harming import Pair, fill, harmed, trade_on
from tests.flow.receipt_audit import result_of_legs
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, Ring, RingOptions, run_ring
from tests.flow.test_ladder_virtual import LADDER_S, balanced, run_away, undone


def with_fees() -> RingOptions:
    """A hedger with a Premium account: its trades have a fee, and take 200 ms."""
    tiers = {MAKER_ACCOUNT: "plus", HEDGER_ACCOUNT: "premium"}
    return RingOptions(exchange=ExchangeSettings(tier_of_account=tiers))


def hedge_orders(ring: Ring) -> int:
    trades = ring.trades(HEDGER_ACCOUNT)
    return len({trade.taker.order_index for trade in trades})


def test_each_hedge_has_a_receipt_that_tells_its_story() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await trade_on(ring)

    async def scenario(ring: Ring) -> None:
        pair = ring.start_all()
        quote = await ring.resting()
        fill(ring, quote, 120)
        await ring.covered()
        await act(ring, pair)
        await ring.stop_all()
        ring.audit()

        receipts = ring.receipts()
        assert len(receipts) == hedge_orders(ring) >= 2
        first = receipts[0]
        assert first.purpose is Purpose.HEDGE
        assert first.signed_lots == -120
        assert [cover.signed_lots for cover in first.covers] == [120]
        assert first.covers[0].trade_id == ring.trades(MAKER_ACCOUNT)[0].trade_id
        assert first.size_lots == 120
        assert first.tx_hash
        assert first.holder == "hedger-1"
        assert first.slippage_bps is not None
        assert not any(receipt.rebuilt for receipt in receipts)
        for receipt in receipts:
            told = (receipt.filled_ms, receipt.seen_ms, receipt.sent_ms, receipt.executed_ms)
            times = [at_ms for at_ms in told if at_ms is not None]
            assert len(times) == len(told)
            assert times == sorted(times)
            assert receipt.accepted_ms is not None

    run_ring(scenario, RingOptions())


def test_the_books_reconcile_with_the_exchange_to_the_last_unit() -> None:
    async def scenario(ring: Ring) -> None:
        pair = ring.start_all()
        for _ in range(6):
            await trade_on(ring)
        await ring.until(
            lambda: (ring.report(pair[Role.HEDGER]).realized_pnl or "") != "", "funding is read"
        )
        await ring.pass_time(1.0)
        told = ring.report(pair[Role.HEDGER]).realized_pnl
        assert told is not None
        assert Decimal(told) == result_of_legs(ring.exchange, ring.judged) < 0
        await ring.stop_all()
        ring.audit()
        receipts = ring.receipts()
        total = sum(
            Decimal(each.pnl_quote)
            - Decimal(each.fee_quote)
            - Decimal(each.maker_fee_quote)
            + Decimal(each.funding_quote)
            for each in receipts
        )
        carry = receipts[-1].carry
        assert carry is not None
        assert Decimal(carry.total_quote) == total

    run_ring(scenario, with_fees())


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.0015, 0.0022, 0.0028, 0.0035, 0.005, 0.05, 0.21, 0.3])
@pytest.mark.parametrize("tier_name", ["none", "standard"])
def test_a_hedger_killed_at_any_step_leaves_one_receipt(after_s: float, tier_name: str) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        fill(ring, quote, 120)
        await ring.pass_time(after_s)
        ring.kill(pair[Role.HEDGER])
        await ring.pass_time(0.3)
        ring.start(Role.HEDGER)

    def check(ring: Ring) -> None:
        receipts = ring.receipts()
        assert len(receipts) == hedge_orders(ring)
        for receipt in receipts:
            assert sum(cover.signed_lots for cover in receipt.covers) == -receipt.signed_lots

    harmed(act, RingOptions(exchange=ExchangeSettings(default_tier=tier_name)), then=check)


@pytest.mark.slow
def test_a_redis_that_takes_writes_and_loses_the_answers_gets_no_receipt_twice() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        fill(ring, quote, 120)
        await ring.pass_time(0.0025)
        ring.store.loses_answers = True
        await ring.pass_time(2.0)
        ring.store.mend()

    harmed(act, RingOptions())


@pytest.mark.slow
@pytest.mark.parametrize("for_s", [1.0, 12.0])
def test_receipts_of_what_was_hedged_while_redis_was_away_come_afterwards(for_s: float) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        ring.store.cut()
        fill(ring, quote, 120)
        await ring.pass_time(for_s)
        ring.store.mend()

    def check(ring: Ring) -> None:
        assert len(ring.receipts()) == hedge_orders(ring) > 1

    harmed(act, RingOptions(), then=check)


@pytest.mark.slow
@pytest.mark.parametrize("dies", [False, True])
def test_receipts_that_redis_lost_are_there_again(dies: bool) -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        await trade_on(ring)
        await trade_on(ring)
        assert len(ring.receipts()) >= 2
        ring.store.flush()
        if dies:
            ring.kill(pair[Role.HEDGER])
            ring.start(Role.HEDGER)

    def check(ring: Ring) -> None:
        receipts = ring.receipts()
        assert len(receipts) == hedge_orders(ring)
        assert receipts[0].rebuilt is dies

    harmed(act, RingOptions(), then=check)


@pytest.mark.slow
def test_a_hedger_that_slept_past_its_lease_writes_no_second_receipt() -> None:
    async def act(ring: Ring, pair: Pair) -> None:
        quote = await ring.resting()
        fill(ring, quote, 120)
        await ring.pass_time(0.003)
        sleeper = pair[Role.HEDGER]
        sleeper.process.pause()
        ring.start(Role.HEDGER)
        await ring.pass_time(12.0)
        await ring.covered(within_s=20)
        sleeper.process.resume()
        await ring.pass_time(2.0)
        sleeper.is_killed = True
        sleeper.process.pause()

    def check(ring: Ring) -> None:
        assert len(ring.receipts()) == hedge_orders(ring)

    harmed(act, RingOptions(), then=check)


def test_a_successor_goes_on_with_the_books_of_its_predecessor() -> None:
    async def scenario(ring: Ring) -> None:
        pair = ring.start_all()
        for _ in range(3):
            await trade_on(ring)
        ring.kill(pair[Role.HEDGER])
        successor = ring.start(Role.HEDGER)
        await trade_on(ring)
        await ring.until(
            lambda: ring.report(successor).realized_pnl is not None, "the books are open"
        )
        await ring.pass_time(1.0)
        told = ring.report(successor).realized_pnl
        assert told is not None
        assert Decimal(told) == result_of_legs(ring.exchange, ring.judged)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, with_fees())


def test_a_pair_without_fills_has_no_receipts() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        await ring.resting()
        await ring.stop_all()
        ring.audit()
        assert ring.receipts() == []
        assert auditing.trades_of(ring.exchange, ring.judged) == []

    run_ring(scenario, RingOptions())


@pytest.mark.slow
@pytest.mark.parametrize("dies", [False, True])
def test_what_was_undone_on_a_has_a_receipt_of_the_makers(dies: bool) -> None:
    async def scenario(ring: Ring) -> None:
        pair = ring.start_all()
        await ring.resting()
        await run_away(ring)
        await balanced(ring)
        if dies:
            ring.kill(pair[Role.MAKER])
            ring.start(Role.MAKER)
        await trade_on(ring)
        await ring.stop_all()
        ring.audit()

        unwinds = [each for each in ring.receipts() if each.purpose is Purpose.UNWIND]
        assert len(unwinds) == len(undone(ring)) > 0
        assert sum(each.signed_lots for each in unwinds) == -500
        covered = [cover for each in unwinds for cover in each.covers]
        assert sum(cover.signed_lots for cover in covered) == 500
        assert all(each.carry is None for each in unwinds)

    ladder = {"maxPosition": "0.5", "maxUnhedgedSeconds": LADDER_S, "onUnhedged": "Unwind"}
    run_ring(scenario, RingOptions(spec={"risk": ladder}))


@pytest.mark.slow
def test_a_runner_that_is_stopped_as_it_returns_from_a_lost_redis_writes_what_is_missing() -> None:
    async def scenario(ring: Ring) -> None:
        pair = ring.start_all()
        for _ in range(2):
            await trade_on(ring)
        await ring.pass_time(1.0)
        ring.store.flush()
        hedger = pair[Role.HEDGER]
        await ring.until(lambda: ring.is_in(hedger, RunnerState.READING), "a new term", within_s=20)
        await ring.stop_all()
        ring.audit()
        assert len(ring.receipts()) == hedge_orders(ring) >= 4

    run_ring(scenario, RingOptions())
