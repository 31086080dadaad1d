"""The limits of `risk`, in virtual time, judged by the exchange's own records."""

from __future__ import annotations

from typing import Any

import pytest

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerState
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from tests.flow import auditing
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT, Ring, RingOptions, run_ring

pytestmark = pytest.mark.slow

PICO = 10**12
DEFAULT_QUOTE = 100_000
QUANTITY = 500
PREMIUM = ExchangeSettings(default_tier="premium")
NEAR_MIDNIGHT_MS = 1_799_971_200_000 + 86_400_000 - 60_000
"""A minute before 2027-01-16, UTC."""


def leave(ring: Ring, account: int, quote: str | int) -> None:
    """Withdraws (or pays in) until the account is worth so much, whatever it holds."""
    view = ring.exchange.account(account)
    has_pico = view.total_asset_value_pico if view is not None else DEFAULT_QUOTE * PICO
    ring.note(f"account {account} is left with {quote}")
    amount_pico = int(quote) * PICO - has_pico
    ring.exchange.deposit(account, amount_pico, now_us=ring.gateway.now_us())


async def filled(ring: Ring, times: int) -> None:
    for _ in range(times):
        order = await ring.resting()
        ring.market.fill(order, order.remaining_lots)
        await ring.covered()


def kept_apart(ring: Ring) -> int:
    """The largest net, in lots, that the trades on record ever left open between the legs."""
    net, most = 0, 0
    for trade in auditing.trades_of(ring.exchange, ring.judged):
        net += auditing.lots_for(trade, MAKER_ACCOUNT) + auditing.lots_for(trade, HEDGER_ACCOUNT)
        most = max(most, abs(net))
    return most


# -- margin before quoting ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "sentence"),
    [
        pytest.param(HEDGER_ACCOUNT, "account 102 could not carry the hedge of 0.05", id="hedger"),
        pytest.param(MAKER_ACCOUNT, "account 101 could not carry the quote of 0.05", id="maker"),
    ],
)
def test_nothing_is_quoted_that_an_account_could_not_carry(account: int, sentence: str) -> None:
    async def scenario(ring: Ring) -> None:
        leave(ring, account, 5)
        seats = ring.start_all()
        maker = seats[Role.MAKER]
        await ring.until(
            lambda: ring.reports(maker) and sentence in ring.report(maker).reason,
            "the maker says which account is short",
        )
        await ring.pass_time(20)
        assert not ring.quotes()

        leave(ring, account, 1_000)
        await filled(ring, 2)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


def test_a_resting_quote_is_withdrawn_when_the_hedger_can_no_longer_carry_its_hedge() -> None:
    async def scenario(ring: Ring) -> None:
        ring.start_all()
        await ring.resting()
        leave(ring, HEDGER_ACCOUNT, 5)
        await ring.until(lambda: not ring.quotes(), "the quote is withdrawn")
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions())


# -- distance from liquidation --------------------------------------------------------------


@pytest.mark.parametrize("account", [MAKER_ACCOUNT, HEDGER_ACCOUNT])
def test_near_liquidation_both_legs_shrink_in_lockstep(account: int) -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await filled(ring, 5)
        assert ring.position(MAKER_ACCOUNT) == 5 * QUANTITY
        leave(ring, account, 50)  # about 7 % of 590 away, after the maintenance margin

        await ring.until(
            lambda: abs(ring.position(account)) < 5 * QUANTITY, "the legs shrink", within_s=40
        )
        await ring.until(
            lambda: "would leave" in ring.report(seats[Role.MAKER]).reason,
            "far enough again, and no nearer",
            within_s=60,
        )
        await ring.covered()
        left = ring.position(MAKER_ACCOUNT)
        assert 0 < left < 4 * QUANTITY
        assert ring.position(HEDGER_ACCOUNT) == -left
        assert kept_apart(ring) <= QUANTITY
        assert "MarginNear" in {kind for kind, _ in ring.alarms()}
        await ring.pass_time(30)
        assert ring.position(MAKER_ACCOUNT) == left
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"cycle": "Accumulate", "risk": {"maxPosition": "0.5"}}))


# -- the daily loss -------------------------------------------------------------------------

LOSSY: dict[str, Any] = {"risk": {"maxPosition": "0.5", "maxDailyLoss": "0.10"}}


def test_a_days_loss_withdraws_until_the_utc_day_ends() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        maker = seats[Role.MAKER]
        while not ring.is_in(maker, RunnerState.HOLDING, reason="risk.maxDailyLoss"):
            quotes = ring.quotes()
            if quotes:
                ring.market.fill(quotes[0], quotes[0].remaining_lots)
            await ring.pass_time(3)
            assert ring.now_s < 50, "the loss of the day is noticed"
        await ring.covered()
        assert not ring.quotes()
        reason = ring.report(maker).reason
        assert "lost since 00:00 UTC, the limit is 0.10" in reason
        await ring.until(
            lambda: ("RiskBreached", ring.report(maker).reason) in ring.alarms(), "a person is told"
        )
        trades = len(ring.trades(MAKER_ACCOUNT))
        await ring.pass_time(60 - ring.now_s)
        assert len(ring.trades(MAKER_ACCOUNT)) == trades
        await ring.resting(within_s=15)
        await ring.stop_all()
        ring.audit()

    run_ring(
        scenario,
        RingOptions(spec=LOSSY, exchange=PREMIUM, started_at_ms=NEAR_MIDNIGHT_MS),
    )


def test_a_days_loss_may_end_flat_and_halted() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        maker = seats[Role.MAKER]
        while "risk.maxDailyLoss" not in ring.report_reason(maker):
            quotes = ring.quotes()
            if quotes:
                ring.market.fill(quotes[0], quotes[0].remaining_lots)
            await ring.pass_time(3)
            assert ring.now_s < 80, "the loss of the day is noticed"
        await ring.until(
            lambda: ring.position(MAKER_ACCOUNT) == 0 and ring.position(HEDGER_ACCOUNT) == 0,
            "both legs are closed",
            within_s=60,
        )
        assert kept_apart(ring) <= QUANTITY
        await ring.stop_all()
        ring.audit()

    spec = {
        "cycle": "Accumulate",
        "risk": {"maxPosition": "0.5", "maxDailyLoss": "0.10", "onBreach": "Flatten"},
    }
    run_ring(scenario, RingOptions(spec=spec, exchange=PREMIUM))


@pytest.mark.long
def test_a_result_that_is_not_known_is_no_breach_but_quotes_nothing() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        await filled(ring, 1)
        for seat in seats.values():
            seat.faults.is_rest_down = True
        await ring.until(
            lambda: "unknown" in ring.report(seats[Role.MAKER]).reason,
            "old reads say nothing",
            within_s=120,
        )
        assert not ring.quotes()
        position = ring.position(MAKER_ACCOUNT)
        await ring.pass_time(40)
        assert ring.position(MAKER_ACCOUNT) == position
        assert [kind for kind, _ in ring.alarms()] == ["RiskUnknown"]

        for seat in seats.values():
            seat.faults.is_rest_down = False
        await ring.resting(within_s=60)
        await ring.stop_all()
        ring.audit()

    run_ring(scenario, RingOptions(spec={"risk": {"maxPosition": "0.5", "maxDailyLoss": "50"}}))


# -- the largest position -------------------------------------------------------------------


def test_a_position_beyond_the_limit_withdraws_whoever_made_it() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        maker = seats[Role.MAKER]
        await ring.resting()
        for account, lots in ((HEDGER_ACCOUNT, -3_000), (MAKER_ACCOUNT, 3_000)):
            ring.trade_by_hand(account, lots)
        await ring.until(
            lambda: ring.is_in(maker, RunnerState.HOLDING, reason="risk.maxPosition"),
            "the limit is told",
        )
        await ring.until(lambda: not ring.quotes(), "nothing rests")

    run_ring(
        scenario,
        RingOptions(spec={"risk": {"maxPosition": "0.2", "maxNetExposure": "0.2"}}),
    )


# -- the volume quota -----------------------------------------------------------------------


@pytest.mark.long
def test_without_quota_a_fill_is_hedged_at_once_and_quotes_wait() -> None:
    async def scenario(ring: Ring) -> None:
        seats = ring.start_all()
        order = await ring.resting()
        set_quota(ring, 0)
        ring.market.fill(order, order.remaining_lots)
        await ring.covered(within_s=2.0)
        set_quota(ring, 0)
        await ring.until(
            lambda: "volume quota: 0 left" in ring.report(seats[Role.MAKER]).reason,
            "quotes wait for quota",
            within_s=90,
        )
        trades = len(ring.trades(MAKER_ACCOUNT))
        await ring.pass_time(30)
        assert len(ring.trades(MAKER_ACCOUNT)) == trades
        assert ring.report(seats[Role.MAKER]).headroom_quota == 0

    run_ring(scenario, RingOptions(exchange=PREMIUM))


def set_quota(ring: Ring, remaining: int) -> None:
    for account in (MAKER_ACCOUNT, HEDGER_ACCOUNT):
        ring.note(f"account {account} has {remaining} quota left")
        ring.exchange.set_quota(account, remaining)
