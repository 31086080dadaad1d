"""Funding: sampled, averaged, paid on the hour, to the last unit (protocol §7.14)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.events import FundingPaid
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.premiums import hourly_rate, impact_premium, premium
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import MarginMode
from tests.exchange.booth import START_US, Booth
from tests.exchange.desk import ALICE, BOB, PRICE, UNLIMITED, Desk
from tests.exchange.worth import worth_pico

HOUR_US = 3_600_000_000
TEN_SECONDS = replace(UNLIMITED, funding_interval_us=10_000_000)
INDEX = 200_000


@pytest.mark.parametrize(
    ("bids", "asks", "millionths"),
    [
        pytest.param([(INDEX - 1, 10**6)], [(INDEX + 1, 10**6)], 0, id="index inside the book"),
        pytest.param([(INDEX + 200, 10**6)], [(INDEX + 300, 10**6)], 1_000, id="bids over it"),
        pytest.param([(INDEX - 300, 10**6)], [(INDEX - 200, 10**6)], -1_000, id="asks under it"),
        pytest.param([(INDEX + 200, 100)], [(INDEX + 300, 10**6)], 0, id="bids too thin"),
        pytest.param(
            [(INDEX + 400, 1_250), (INDEX, 10**6)], [], 1_000, id="half at each of two levels"
        ),
        pytest.param([], [], 0, id="empty book"),
    ],
)
def test_a_premium_is_what_500_usdc_would_trade_at_beyond_the_index(
    bids: list[tuple[int, int]], asks: list[tuple[int, int]], millionths: int
) -> None:
    assert premium(bids, asks, INDEX) == pytest.approx(millionths, abs=1)


def test_a_side_with_less_than_500_usdc_has_no_impact_price() -> None:
    assert impact_premium([(INDEX, 2_499)], INDEX) is None
    assert impact_premium([(INDEX, 2_500)], INDEX) == 0


@pytest.mark.parametrize(
    ("mean", "rate"),
    [
        pytest.param(0, 12, id="interest alone: 0.01 % in 8 hours"),
        pytest.param(500, 12, id="the small clamp brings it to the interest"),
        pytest.param(1_000, 62, id="beyond the small clamp"),
        pytest.param(-1_000, -62, id="shorts pay, rounded towards zero, too"),
        pytest.param(90_000, 5_000, id="at most 4 % in 8 hours"),
        pytest.param(-90_000, -5_000, id="at least −4 %"),
    ],
)
def test_the_rate_of_an_hour(mean: int, rate: int) -> None:
    assert hourly_rate(mean, ETH) == rate


@given(st.integers(-200_000, 200_000))
def test_rates_are_bounded_and_grow_with_the_premium(mean: int) -> None:
    assert -5_000 <= hourly_rate(mean, ETH) <= hourly_rate(mean + 1, ETH) <= 5_000


def holding(settings: ExchangeSettings = UNLIMITED) -> Desk:
    """ALICE is long 1 ETH against BOB."""
    desk = Desk(settings)
    desk.place(BOB, "sell", 10_000)
    desk.place(ALICE, "buy", 10_000)
    return desk


def test_on_the_hour_longs_pay_shorts_to_the_last_unit() -> None:
    desk = holding()
    desk.wait(HOUR_US - 1)
    assert not any(isinstance(event, FundingPaid) for event in desk.events)
    desk.wait(1)
    paid = 10_000 * PRICE * 12  # lots · ticks · millionths = pico
    assert desk.account(ALICE).collateral_pico == 100_000 * 10**12 - paid
    assert desk.account(BOB).collateral_pico == 100_000 * 10**12 + paid
    positions = [desk.account(who).positions[0].position for who in (ALICE, BOB)]
    assert [position.funding_paid_pico for position in positions] == [paid, -paid]
    assert worth_pico(desk.exchange, (ALICE, BOB)) == 1_200_000 * 10**12


def test_the_rate_is_the_mean_of_the_samples() -> None:
    desk = holding(TEN_SECONDS)
    desk.exchange.set_index_price(0, PRICE, now_us=desk.now_us)
    desk.wait(5_000_000)
    desk.place(BOB, "buy", 10_000, PRICE + 800)  # 0.4 % over the index for half of the time
    assert desk.exchange.statistics(0, now_us=desk.now_us).funding_estimate_millionths == 12
    desk.wait(5_000_000)
    last = desk.exchange.funding.last_round(0)
    assert last is not None
    # The 30th sample was taken before the order came, 30 see it.
    assert last.rate_millionths == hourly_rate(4_000 * 30 // 60, ETH)
    assert desk.exchange.statistics(0, now_us=desk.now_us).last_funding == last


def test_one_long_wait_pays_as_often_as_many_short_ones() -> None:
    patient, restless = holding(TEN_SECONDS), holding(TEN_SECONDS)
    patient.wait(60_000_000)
    for _ in range(120):
        restless.wait(500_000)
    assert patient.events == restless.events
    assert len(list(patient.exchange.funding.payments(ALICE))) == 6


def test_an_isolated_position_pays_from_its_own_margin() -> None:
    desk = Desk(TEN_SECONDS)
    desk.send(desk.leverage(ALICE, 500, MarginMode.ISOLATED))
    desk.place(BOB, "sell", 10_000)
    desk.place(ALICE, "buy", 10_000)
    before = desk.account(ALICE)
    desk.wait(10_000_000)
    after = desk.account(ALICE)
    assert after.collateral_pico == before.collateral_pico
    margins = [view.positions[0].position.allocated_margin_pico for view in (before, after)]
    assert margins[0] - margins[1] == 10_000 * PRICE * 12
    assert worth_pico(desk.exchange, (ALICE, BOB)) == 1_200_000 * 10**12


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        pytest.param(replace(UNLIMITED, funding_interval_us=None), "active", id="switched off"),
        pytest.param(TEN_SECONDS, "inactive", id="in a market that is halted"),
    ],
)
def test_nobody_pays(settings: ExchangeSettings, status: str) -> None:
    desk = holding(settings)
    desk.exchange.set_market_status(0, status)
    desk.wait(2 * HOUR_US)
    assert list(desk.exchange.funding.payments(ALICE)) == []


# -- what is told of it --


def paying_booth() -> Booth:
    booth = Booth(exchange=ExchangeSettings(funding_interval_us=10_000_000))
    booth.send(booth.create(5, is_ask=True, price_ticks=236_000, lots=10_000))
    ioc = TimeInForce.IOC
    booth.send(booth.create(6, is_ask=False, price_ticks=236_000, lots=10_000, time_in_force=ioc))
    return booth


def test_funding_is_told_on_the_account_channels() -> None:
    booth = paying_booth()
    line = booth.line()
    line.subscribe("account_all/6")
    booth.pass_ms(10_000)
    [frame] = line.of_type("update/account_all")
    [payment] = frame["funding_histories"]["0"]
    assert payment == {
        "timestamp": START_US // 1_000_000 + 10,
        "market_id": 0,
        "funding_id": 1,
        "change": "-0.028320",
        "discount": "0",
        "rate": "0.0012",
        "position_size": "1.0000",
        "position_side": "long",
    }
    assert frame["positions"]["0"]["total_funding_paid_out"] == "0.028320"
    assert booth.line().subscribe("account_all/6")["funding_histories"] == {"0": [payment]}


def test_market_stats_tell_the_last_rate_and_the_next() -> None:
    booth = paying_booth()
    stats = booth.line().subscribe("market_stats/0")["market_stats"]
    assert (stats["current_funding_rate"], stats["funding_rate"]) == ("0.0012", "0.0000")
    booth.pass_ms(10_000)
    stats = booth.line().subscribe("market_stats/0")["market_stats"]
    assert stats["funding_rate"] == "0.0012"
    assert stats["funding_timestamp"] == START_US // 1_000 + 10_000


def test_funding_is_read_by_rest() -> None:
    booth = paying_booth()
    booth.pass_ms(30_000)
    span = f"start_timestamp={START_US // 1_000}&end_timestamp={booth.now_ms}&count_back=2"
    body = booth.get(f"/api/v1/fundings?market_id=0&resolution=1h&{span}")
    begin = START_US // 1_000_000
    row = {"value": "0.02832000", "rate": "0.0012", "direction": "long"}
    assert body["fundings"] == [row | {"timestamp": begin + 20}, row | {"timestamp": begin + 30}]
    [day] = booth.get(f"/api/v1/fundings?market_id=0&resolution=1d&{span}")["fundings"]
    assert (day["rate"], day["timestamp"] % 86_400) == ("0.0036", 0)
    rates = booth.get("/api/v1/funding-rates")["funding_rates"]
    assert rates[0] == {"market_id": 0, "exchange": "lighter", "symbol": "ETH", "rate": 0.000096}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        pytest.param("limit=2", [3, 2], id="newest first"),
        pytest.param("limit=2&cursor=2", [1], id="next page"),
        pytest.param("limit=9&side=long", [3, 2, 1], id="its side"),
        pytest.param("limit=9&side=short", [], id="the other side"),
        pytest.param("limit=9&market_ids=1,2", [], id="other markets"),
    ],
)
def test_the_payments_of_an_account_by_rest(query: str, ids: list[int]) -> None:
    booth = Booth(exchange=ExchangeSettings(funding_interval_us=10_000_000))
    booth.exchange.set_market_status(1, "inactive")
    booth.send(booth.create(5, is_ask=True, price_ticks=236_000, lots=10_000))
    booth.send(booth.create(6, is_ask=False, price_ticks=236_000, lots=10_000))
    booth.pass_ms(30_000)
    body = booth.get(f"/api/v1/positionFunding?account_index=6&{query}")
    assert [row["funding_id"] for row in body["position_fundings"]] == ids
    assert bool(body["next_cursor"]) == (query == "limit=2")
