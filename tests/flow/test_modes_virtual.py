"""Every mode, cycle, side and depth, in virtual time, judged by the exchange's own records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.records import OrderStatus
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow import auditing
from tests.flow.ring import (
    HEDGER_ACCOUNT,
    MAKER_ACCOUNT,
    SAME_L1,
    Ring,
    RingOptions,
    manifest_of,
    run_ring,
)

pytestmark = pytest.mark.slow

DEMO = PROFILES["demo"]
STANDARD = ExchangeSettings(default_tier="standard")
QUANTITY = 500


def lively(spec: dict[str, Any], seed: int, *, exchange: ExchangeSettings | None = None) -> None:
    """Trades on the generated market until it has filled often enough, then stops in order."""

    async def scenario(ring: Ring) -> None:
        ring.start_all()
        await ring.fills(8)
        await ring.stop_all()
        ring.audit()

    run_ring(
        scenario,
        RingOptions(spec=spec, seed=seed, profile=DEMO, exchange=exchange or ExchangeSettings()),
    )


@pytest.mark.parametrize(("depth", "seed"), [(1, 1), (5, 2)])
@pytest.mark.parametrize("side", ["Buy", "Sell"])
@pytest.mark.parametrize("cycle", ["RoundTrip", "Accumulate"])
def test_a_pair_covers_every_fill_on_a_lively_market(
    cycle: str, side: str, depth: int, seed: int
) -> None:
    spec = {
        "cycle": cycle,
        "makerSide": side,
        "depth": depth,
        "timeoutSeconds": 2,
        "risk": {"maxPosition": "2"},
    }
    lively(spec, seed)


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("same_l1", [False, True], ids=["two owners", "one owner"])
def test_a_pair_covers_every_fill_under_the_delays_of_a_standard_account(
    same_l1: bool, seed: int
) -> None:
    exchange = replace(STANDARD, same_l1=SAME_L1) if same_l1 else STANDARD
    lively({"timeoutSeconds": 3, "maker": {"requoteTicks": 5}}, seed, exchange=exchange)


@pytest.mark.parametrize("cycle", ["RoundTrip", "Accumulate"])
def test_a_maker_alone_trades_unhedged_and_rests_nothing_in_the_end(cycle: str) -> None:
    lively({"mode": "MakerOnly", "cycle": cycle, "risk": {"maxPosition": "2"}}, seed=5)


@pytest.mark.parametrize("seed", [6, 7])
def test_two_resources_meet_by_their_pairing(seed: int) -> None:
    both = manifest_of({"pairing": "split"})
    maker = manifest_of({"mode": "MakerOnly", "pairing": "split"}, name="the-maker")
    hedger = manifest_of({"mode": "HedgerOnly", "pairing": "split"}, name="the-hedger")
    assert both.pairing == maker.pairing == hedger.pairing

    async def scenario(ring: Ring) -> None:
        making = ring.start(Role.MAKER, manifest=maker)
        await ring.until(
            lambda: ring.is_in(making, RunnerState.RUNNING, reason="no fresh report of the hedger"),
            "the maker waits for its hedger",
        )
        assert not ring.quotes()
        ring.start(Role.HEDGER, manifest=hedger)
        await ring.fills(6)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(seed=seed, profile=DEMO))


def test_a_hedger_alone_covers_whatever_the_other_account_trades() -> None:
    """The maker is not ours: its account is traded by hand."""

    async def scenario(ring: Ring) -> None:
        ring.start(Role.HEDGER)
        await ring.pass_time(6)
        for lots in (300, -1, 40, -500):
            ring.trade_by_hand(MAKER_ACCOUNT, lots)
            await ring.covered(within_s=1)
        await ring.stop_all()
        assert ring.position(HEDGER_ACCOUNT) == 161
        ring.audit()

    run_ring(scenario, RingOptions(spec={"mode": "HedgerOnly"}))


def test_a_hedger_holds_where_more_was_traded_than_the_pair_may_leave_open() -> None:
    async def scenario(ring: Ring) -> None:
        hedger = ring.start(Role.HEDGER)
        await ring.pass_time(6)
        ring.trade_by_hand(MAKER_ACCOUNT, 900)
        await ring.until(
            lambda: ring.is_in(hedger, RunnerState.HOLDING, reason="the net of 0.0900 ETH"),
            "it holds at once",
        )
        await ring.pass_time(6)
        assert ring.position(HEDGER_ACCOUNT) == 0
        report = ring.report(hedger)
        assert report.state is RunnerState.HALTED
        assert report.reason.startswith("ForeignPosition: the net of 0.0900 ETH")
        (halt,) = report.halts
        ring.trade_by_hand(MAKER_ACCOUNT, -600)
        await ring.pass_time(3)
        assert ring.position(HEDGER_ACCOUNT) == 0
        assert ring.is_in(hedger, RunnerState.HALTED)
        ring.acknowledge(halt.id)
        await ring.covered(within_s=1)
        ring.audit()

    run_ring(scenario, RingOptions(spec={"mode": "HedgerOnly"}))


@pytest.mark.parametrize("side", ["Buy", "Sell"])
def test_a_round_trip_opens_closes_and_opens_again(side: str) -> None:
    sign = 1 if side == "Buy" else -1

    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        for held in (sign * QUANTITY, 0, sign * QUANTITY, 0):
            quote = await ring.resting()
            assert quote.reduce_only is (held == 0)
            ring.market.fill(quote, quote.remaining_lots)
            assert ring.position(MAKER_ACCOUNT) == held
            await ring.covered(within_s=1)
        await ring.until(lambda: ring.report(seats[Role.MAKER]).rounds == 2, "two rounds")
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"makerSide": side}))


def test_accumulating_ends_at_max_position() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        for _ in range(3):
            quote = await ring.resting()
            assert not quote.is_ask
            ring.market.fill(quote, quote.remaining_lots)
            await ring.covered(within_s=1)
        maker = seats[Role.MAKER]
        await ring.until(lambda: ring.report(maker).reason == "at maxPosition", "it is full")
        assert ring.position(MAKER_ACCOUNT) == 1_200
        await ring.stop_all()
        ring.audit()

    spec = {"cycle": "Accumulate", "risk": {"maxPosition": "0.12"}}
    run_ring(scenario, RingOptions(spec=spec))


@pytest.mark.parametrize("depth", [1, 3])
def test_the_quote_stands_at_the_level_of_its_depth(depth: int) -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        quote = await ring.resting()
        assert quote.price_ticks == ring.market.middle_ticks - 10 * depth
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"depth": depth}))


def test_a_quote_is_taken_away_at_its_timeout_and_quoted_again() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        first = await ring.resting()
        await ring.until(
            lambda: any(quote.order_index != first.order_index for quote in ring.quotes()),
            "another quote",
        )
        (second,) = ring.quotes()
        assert 2_000_000 <= second.created_us - first.created_us < 2_200_000
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"timeoutSeconds": 2}))


@pytest.mark.parametrize(
    ("ticks", "follows"), [pytest.param(40, True, id="far"), pytest.param(-10, False, id="near")]
)
def test_a_quote_follows_a_level_that_moved_far_enough(ticks: int, follows: bool) -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        first = await ring.resting()
        ring.market.move(ticks)
        await ring.pass_time(3)
        (quote,) = ring.quotes()
        assert (quote.order_index != first.order_index) is follows
        assert quote.price_ticks == first.price_ticks + (ticks if follows else 0)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"maker": {"requoteTicks": 20}}))


@pytest.mark.parametrize("tier", ["none", "standard"])
def test_partial_fills_are_covered_one_by_one(tier: str) -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        for lots in (1, 7, 100, 60, 3):
            quote = await ring.resting()
            ring.market.fill(quote, min(lots, quote.remaining_lots))
            await ring.covered(within_s=3)
        await ring.stop_all()
        ring.audit()

    exchange = ExchangeSettings(default_tier=tier)
    run_ring(scenario, RingOptions(exchange=exchange))


@pytest.mark.parametrize("tier", ["none", "standard"])
def test_a_remainder_too_small_to_rest_is_closed_and_hedged(tier: str) -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        quote = await ring.resting()
        ring.market.fill(quote, 7)
        await ring.until(
            lambda: ring.report(seats[Role.MAKER]).rounds == 1, "the dust is closed", within_s=5
        )
        await ring.covered(within_s=3)
        assert ring.position(MAKER_ACCOUNT) == ring.position(HEDGER_ACCOUNT) == 0
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(exchange=ExchangeSettings(default_tier=tier)))


def test_dust_that_the_network_refuses_is_carried_into_the_next_hedge() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        quote = await ring.resting()
        ring.market.fill(quote, 7)
        hedger = seats[Role.HEDGER]
        await ring.until(lambda: ring.report(hedger).carried_lots == 7, "the dust is carried")
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        await ring.until(lambda: ring.net_lots() == 0, "the next hedge takes it along")
        await ring.stop_all()
        ring.audit()

    exchange = ExchangeSettings(ioc_dust_refused=True)
    spec = {"cycle": "Accumulate"}
    run_ring(scenario, RingOptions(spec=spec, exchange=exchange, carried_lots=49))


@pytest.mark.parametrize("tier", ["none", "standard"])
@pytest.mark.parametrize("same_l1", [False, True], ids=["two owners", "one owner"])
def test_a_hedge_never_meets_the_rest_of_the_quote_it_covers(same_l1: bool, tier: str) -> None:
    """The maker stands alone at the touch and is filled in part: the nearest bid is its own."""

    async def scenario(ring: Ring) -> None:
        ring.start_all()
        quote = await ring.resting()
        ring.market.leave_alone(quote)
        await ring.pass_time(0.2)
        ring.market.take(quote, 100)
        await ring.covered(within_s=3)
        (ended,) = [
            order
            for order in auditing.orders_of(ring.exchange, MAKER_ACCOUNT, 0)
            if order.order_index == quote.order_index
        ]
        assert ended.filled_lots == 100
        assert ended.status is OrderStatus.CANCELED or same_l1
        await ring.stop_all()
        ring.audit()

    same = SAME_L1 if same_l1 else frozenset()
    run_ring(scenario, RingOptions(exchange=ExchangeSettings(default_tier=tier, same_l1=same)))


def test_a_hedge_that_the_book_cannot_fill_waits_for_a_book_that_can() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        quote = await ring.resting()
        ring.market.fill(quote, quote.remaining_lots)
        ring.market.clear()
        await ring.pass_time(3)
        assert ring.net_lots() > 0
        ring.market.stand()
        await ring.covered(within_s=3)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_a_suspended_pair_runs_reports_and_rests_nothing() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await ring.pass_time(6)
        assert not ring.quotes()
        report = ring.report(seats[Role.MAKER])
        assert (report.state, report.reason) == (RunnerState.SUSPENDED, "suspended")
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"suspend": True}))
