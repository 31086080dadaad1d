"""Fencing where a venue has no fence, at the end of a band, by a standby, by a wrong clock."""

from __future__ import annotations

from functools import partial

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.noncing import BAND_RESERVE
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow.harming import fill
from tests.flow.memory_bus import Held
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, Ring, RingOptions, run_ring
from tests.flow.seats import VENUE, Seat

pytestmark = pytest.mark.slow

UNFENCED = RingOptions(exchange=ExchangeSettings(refuse_skip_nonce=True))
SIGNED_LIVES_S = 600


def handed_over(ring: Ring) -> None:
    """As after a clean stop of whoever had these keys before."""
    for account in (MAKER_ACCOUNT, HEDGER_ACCOUNT):
        held = Held("before", ring.now_s + SIGNED_LIVES_S, is_released=True)
        ring.store.leases[str(VENUE), account, 4] = held


async def trading(ring: Ring, *, within_s: float = 30.0) -> None:
    quote = await ring.resting(within_s=within_s)
    ring.market.fill(quote, quote.remaining_lots)
    await ring.covered()


async def running(ring: Ring, *seats: Seat, within_s: float = 30.0) -> None:
    for seat in seats:
        await ring.until(
            partial(ring.is_in, seat, RunnerState.RUNNING),
            f"{seat.name} runs",
            within_s=within_s,
        )


# -- no skip_nonce ----------------------------------------------------------------------------


def test_without_skip_nonce_a_pair_trades_and_says_that_it_is_not_fenced() -> None:
    async def scenario(ring: Ring) -> None:
        handed_over(ring)
        seats = ring.start_all()
        for _ in range(3):
            await trading(ring)
        assert all(ring.report(seat).fencing_degraded for seat in seats.values())
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, UNFENCED)


@pytest.mark.long
@pytest.mark.parametrize("role", [Role.MAKER, Role.HEDGER])
def test_without_skip_nonce_a_takeover_waits_until_no_signed_byte_of_the_dead_can_execute(
    role: Role,
) -> None:
    async def scenario(ring: Ring) -> None:
        handed_over(ring)
        seats = ring.start_all()
        await trading(ring)
        quote = await ring.resting()
        ring.kill(seats[role])
        if role is Role.HEDGER:
            fill(ring, quote, 120)
        died_s = ring.now_s
        successor = ring.start(role)
        await ring.pass_time(SIGNED_LIVES_S - 30)
        report = ring.report(successor)
        assert report.state is RunnerState.FENCING
        assert "fencing is degraded" in report.reason
        assert report.fencing_degraded
        assert role is Role.MAKER or abs(ring.net_lots()) == 120

        await running(ring, successor, within_s=60)
        assert ring.now_s - died_s >= SIGNED_LIVES_S
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, UNFENCED)


def test_without_skip_nonce_a_lease_that_was_handed_over_is_taken_at_once() -> None:
    async def scenario(ring: Ring) -> None:
        handed_over(ring)
        seats = ring.start_all()
        await trading(ring)
        await ring.stop(seats[Role.MAKER])
        maker = ring.start(Role.MAKER)
        await running(ring, maker, within_s=10)
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, UNFENCED)


@pytest.mark.long
def test_without_skip_nonce_one_that_slept_past_its_lease_trades_no_more() -> None:
    async def scenario(ring: Ring) -> None:
        handed_over(ring)
        seats = ring.start_all()
        await trading(ring)
        await ring.resting()
        sleeper = seats[Role.MAKER]
        sleeper.process.pause()
        successor = ring.start(Role.MAKER)
        await ring.pass_time(20)
        sleeper.process.resume()
        await running(ring, successor, within_s=SIGNED_LIVES_S + 60)
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, UNFENCED)


@pytest.mark.parametrize("fenced", [False, True])
def test_without_a_fence_no_hedge_leaves_before_its_intent_is_safe(fenced: bool) -> None:
    async def scenario(ring: Ring) -> None:
        handed_over(ring)
        ring.start_all()
        await trading(ring)
        quote = await ring.resting()
        ring.store.cut()
        fill(ring, quote)
        await ring.pass_time(0.9)
        assert abs(ring.net_lots()) == (0 if fenced else 500)
        ring.store.mend()
        await ring.covered(within_s=20)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions() if fenced else UNFENCED)


# -- the end of a band ------------------------------------------------------------------------


@pytest.mark.parametrize("nonces", [6, 12])
def test_a_new_epoch_is_taken_before_the_band_ends(nonces: int) -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        for _ in range(12):
            await trading(ring, within_s=60)
        epochs = [ring.report(seat).epoch for seat in seats.values()]
        assert min(epochs) > 1
        assert not any(ring.report(seat).halts for seat in seats.values())
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(band_reserve=(1 << 20) - nonces))
    assert nonces < BAND_RESERVE


# -- standby ----------------------------------------------------------------------------------


@pytest.mark.parametrize("flushed", [False, True], ids=["", "and Redis forgets"])
def test_a_standby_hedger_takes_over_from_one_that_froze_and_fences_it_off(flushed: bool) -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        standby = ring.start(Role.HEDGER)
        await trading(ring)
        ready, _ = standby.reporters[-1].readiness()
        assert ready
        quote = await ring.resting()

        frozen = seats[Role.HEDGER]
        frozen.process.pause()
        if flushed:
            ring.store.flush()
        fill(ring, quote, 120)
        await running(ring, standby)
        await ring.covered()
        ring.note(f"{frozen.name} wakes")
        frozen.process.resume()
        await ring.pass_time(10)

        assert ring.is_in(frozen, RunnerState.WAITING_FOR_LEASE)
        await trading(ring)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_a_standby_does_not_talk_over_the_one_that_acts() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        standby = ring.start(Role.HEDGER)
        await ring.pass_time(2)
        since_s = ring.now_s
        await ring.pass_time(20)
        heard = {
            report.holder
            for told_s, report in ring.store.reports_seen
            if told_s >= since_s and report.role == "hedger"
        }
        assert heard == {seats[Role.HEDGER].name}
        assert standby.name not in heard
        await ring.stop_all()

    run_ring(scenario, RingOptions())


# -- the clock --------------------------------------------------------------------------------


def test_a_clock_that_goes_wrong_withdraws_the_quote_and_hedges_on() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await trading(ring)
        for seat in seats.values():
            seat.clock.ahead_ms = 7_000
        maker = seats[Role.MAKER]
        await ring.until(
            partial(ring.is_in, maker, RunnerState.HOLDING, reason="7 s ahead"),
            "the maker noticed",
            within_s=90,
        )
        await ring.until(lambda: not ring.quotes(), "withdrawn")
        ring.trade_by_hand(MAKER_ACCOUNT, -200)
        await ring.covered()
        assert "ahead" in ring.report(seats[Role.HEDGER]).reason

        for seat in seats.values():
            seat.clock.ahead_ms = 0
        await trading(ring, within_s=90)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())
