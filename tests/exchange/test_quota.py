"""Tiers, volume quota, maker-only keys, volumes by period (protocol §7.10, §7.12, §8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.quotas import VolumeQuota
from hedgepair_runner.venues.paper.recording import RecordedExchange
from hedgepair_runner.venues.paper.records import TimeInForce
from hedgepair_runner.venues.paper.settings import TIERS
from hedgepair_runner.venues.paper.views import Accepted, Refusal
from tests.exchange.booth import Booth
from tests.exchange.desk import ALICE, BOB, PRICE, START_US, UNLIMITED, Desk, code_of

HOUR_US = 3_600_000_000
POST_ONLY = TimeInForce.POST_ONLY
PAYING = replace(UNLIMITED, tier_of_account={ALICE: "premium"})


@pytest.mark.parametrize(
    ("name", "maker", "taker", "maker_ms", "taker_ms", "quota"),
    [
        pytest.param("standard", 0, 0, 200, 300, False, id="standard"),
        pytest.param("plus", 50, 50, 200, 300, True, id="plus"),
        pytest.param("premium", 40, 280, 0, 200, True, id="premium"),
        pytest.param("premium-500k", 28, 196, 0, 140, True, id="premium, 500k LIT"),
        pytest.param("none", 0, 0, 0, 0, False, id="standard without its delays"),
    ],
)
def test_the_tiers(
    name: str, maker: int, taker: int, maker_ms: int, taker_ms: int, quota: bool
) -> None:
    tier = TIERS[name]
    assert (tier.maker_fee_millionths, tier.taker_fee_millionths) == (maker, taker)
    assert (tier.maker_delay_us, tier.taker_delay_us) == (maker_ms * 1_000, taker_ms * 1_000)
    assert tier.has_volume_quota is quota


def left(answer: Accepted | Refusal) -> int | None:
    assert isinstance(answer, Accepted), answer
    return answer.volume_quota_remaining


def test_creates_modifies_and_cancel_alls_cost_one_and_the_rest_nothing() -> None:
    desk = Desk(PAYING)
    assert left(desk.admit(desk.order(ALICE, "buy", 100, client=1, tif=POST_ONLY))) == 999
    desk.wait()
    assert left(desk.admit(desk.modify(ALICE, 1, 200))) == 998
    desk.wait(1_000_000)
    cancel = desk.admit(desk.cancel(ALICE, 1))
    assert isinstance(cancel, Accepted)
    assert (cancel.volume_quota_remaining, "didn't use" in cancel.message) == (998, True)
    desk.wait()
    assert left(desk.admit(desk.cancel_all(ALICE))) == 997
    assert left(desk.admit(desk.leverage(ALICE, 400))) == 997


def test_a_tier_without_quota_shows_none() -> None:
    desk = Desk()
    assert left(desk.admit(desk.order(ALICE, "buy", 100))) is None


def test_seven_usdc_earn_one_and_fractions_add_up() -> None:
    quota = VolumeQuota()
    quota.earn(6_999_999)
    assert quota.remaining == 1_000
    quota.earn(1)
    assert quota.remaining == 1_001
    quota.earn(10**15)
    assert quota.remaining == 5_000_000


def test_both_sides_of_a_trade_earn() -> None:
    desk = Desk(replace(UNLIMITED, tier_of_account={ALICE: "premium", BOB: "plus"}))
    desk.admit(desk.order(BOB, "sell", 100))
    desk.wait(1_000_000)
    desk.admit(desk.order(ALICE, "buy", 100))
    desk.wait(1_000_000)
    earned = 100 * PRICE // 7_000_000
    for who in (ALICE, BOB):
        assert desk.account(who).volume_quota_remaining == 999 + earned


def test_at_zero_one_transaction_is_free_every_15_seconds() -> None:
    quota = VolumeQuota()
    for _ in range(1_000):
        quota.spend(0)
    assert quota.remaining == 0
    assert quota.allows(0)
    quota.spend(0)
    assert not quota.allows(14_999_999)
    assert quota.allows(15_000_000)


def test_without_quota_a_create_is_429_and_a_cancel_passes() -> None:
    desk = Desk(PAYING)
    desk.place(ALICE, "buy", 100, client=1, tif=POST_ONLY)
    for _ in range(1_000):  # the last one is free
        assert code_of(desk.admit(desk.cancel_all(ALICE))) == 0
        desk.wait()
    assert code_of(desk.admit(desk.cancel_all(ALICE))) == 23000
    assert code_of(desk.admit(desk.leverage(ALICE, 400))) == 0
    desk.wait(15_000_000)
    assert code_of(desk.admit(desk.cancel_all(ALICE))) == 0


def test_accounts_of_one_owner_share_it() -> None:
    settings = replace(
        UNLIMITED, default_tier="premium", same_l1=frozenset({frozenset({ALICE, BOB})})
    )
    desk = Desk(settings)
    assert left(desk.admit(desk.order(ALICE, "buy", 100, PRICE - 100))) == 999
    assert left(desk.admit(desk.order(BOB, "buy", 100, PRICE - 100))) == 998


# -- tier changes --


def change(desk: Desk, tier: str) -> int | None:
    return desk.exchange.change_tier(ALICE, tier, now_us=desk.now_us)


def test_a_tier_changes_for_all_accounts_of_the_owner() -> None:
    desk = Desk(replace(UNLIMITED, same_l1=frozenset({frozenset({ALICE, BOB})})))
    assert change(desk, "premium") is None
    for who in (ALICE, BOB):
        assert desk.account(who).taker_fee_millionths == 280


@pytest.mark.parametrize(
    ("tier", "code"),
    [
        pytest.param("gold", 62002, id="no such tier"),
        pytest.param("standard", 62003, id="has it already"),
    ],
)
def test_tiers_that_cannot_be_had(tier: str, code: int) -> None:
    assert change(Desk(), tier) == code


def test_a_tier_changes_only_flat_without_orders_and_once_a_day() -> None:
    desk = Desk()
    desk.place(BOB, "sell", 100)
    desk.place(ALICE, "buy", 100)
    assert change(desk, "premium") == 62004
    desk.place(BOB, "buy", 100)
    desk.place(ALICE, "sell", 100)
    order = desk.place(ALICE, "buy", 100, PRICE - 100)
    assert change(desk, "premium") == 62005
    desk.send(desk.cancel(ALICE, order.order_index))
    assert change(desk, "premium") is None
    desk.wait(24 * HOUR_US - 1)
    assert change(desk, "standard") == 62006
    desk.wait(1)
    assert change(desk, "standard") is None
    assert desk.account(ALICE).tier_name == "standard"
    assert left(desk.admit(desk.order(ALICE, "buy", 100, PRICE - 100))) is None


def test_a_tier_is_changed_by_rest() -> None:
    booth = Booth()
    path, form = "/api/v1/changeAccountTier", {"account_index": "5", "new_tier": "premium"}
    assert booth.request(path, method="POST", form=form)[1]["code"] == 20001
    status, body = booth.request(path, method="POST", form=form, auth=booth.token(5))
    assert (status, body) == (200, {"code": 200})
    limits = booth.get("/api/v1/accountLimits?account_index=5", auth=booth.token(5))
    assert (limits["user_tier_name"], limits["current_taker_fee_tick"]) == ("premium", 280)
    assert limits["user_tier_last_update"] == booth.now_ms // 1_000
    names = [row["name"] for row in booth.get("/api/v1/feeTiers")["user_tiers"]]
    assert names == ["standard", "plus", "premium", "premium-500k"]


# -- maker-only keys --


def test_a_maker_only_key_may_rest_and_cancel() -> None:
    desk = Desk(PAYING)
    assert desk.exchange.set_maker_only_keys(ALICE, {4}, now_us=desk.now_us) is None
    desk.place(ALICE, "buy", 100, client=1, tif=POST_ONLY)
    assert code_of(desk.admit(desk.order(ALICE, "buy", 100))) == 21515
    assert code_of(desk.admit(desk.order(ALICE, "buy", 100, key=5))) == 0
    assert code_of(desk.admit(desk.cancel_all(ALICE))) == 21515
    desk.send(desk.modify(ALICE, 1, 200))
    desk.send(desk.cancel(ALICE, 1))


@pytest.mark.parametrize(
    ("account", "keys", "code"),
    [
        pytest.param(BOB, {4}, 21123, id="not a premium account"),
        pytest.param(ALICE, {3}, 21110, id="a key of the venue's own"),
        pytest.param(ALICE, {255}, 21110, id="no key"),
    ],
)
def test_keys_that_cannot_be_maker_only(account: int, keys: set[int], code: int) -> None:
    desk = Desk(PAYING)
    assert desk.exchange.set_maker_only_keys(account, keys, now_us=desk.now_us) == code


def test_maker_only_keys_change_once_an_hour() -> None:
    desk = Desk(PAYING)
    assert desk.exchange.set_maker_only_keys(ALICE, {4, 5}, now_us=desk.now_us) is None
    assert desk.exchange.set_maker_only_keys(ALICE, (), now_us=desk.now_us) == 23000
    desk.wait(HOUR_US)
    assert desk.exchange.set_maker_only_keys(ALICE, (), now_us=desk.now_us) is None
    assert code_of(desk.admit(desk.order(ALICE, "buy", 100))) == 0


def test_maker_only_keys_by_rest() -> None:
    booth = Booth(exchange=PAYING)
    token, path = booth.token(ALICE), "/api/v1/setMakerOnlyApiKeys"
    form = {"account_index": str(ALICE), "api_key_indexes": "[4,5]"}
    assert booth.request(path, method="POST", form=form, auth=token)[0] == 200
    body = booth.get(f"/api/v1/getMakerOnlyApiKeys?account_index={ALICE}", auth=token)
    assert body["api_key_indexes"] == [4, 5]
    for bad in ("4,5", '["4"]', "{}"):
        answer = booth.request(
            path, method="POST", form=form | {"api_key_indexes": bad}, auth=token
        )
        assert answer[1]["code"] == 20001


# -- volumes and profit by period --


def test_volumes_are_of_their_periods() -> None:
    desk = Desk()
    for hours in (0, 30, 10 * 24):
        desk.wait(hours * HOUR_US)
        desk.place(BOB, "sell", 100)
        desk.place(ALICE, "buy", 100)
    volumes = desk.account(ALICE).volumes
    assert [each.trades_count for each in (volumes.daily, volumes.weekly, volumes.monthly)] == [
        1,
        1,
        3,
    ]
    assert volumes.monthly.volume_micro == 3 * 100 * PRICE
    desk.wait(24 * HOUR_US)
    assert desk.account(ALICE).volumes.daily.trades_count == 0
    assert desk.account(ALICE).total_trades_count == 3


def test_profit_over_time_by_rest() -> None:
    booth = Booth()
    booth.exchange.deposit(6, 10**12, now_us=booth.clock.us)
    booth.send(booth.create(5, is_ask=True, price_ticks=236_000, lots=10_000))
    booth.send(booth.create(6, is_ask=False, price_ticks=236_000, lots=10_000))
    booth.pass_ms(7_200_000)
    booth.send(booth.create(5, is_ask=False, price_ticks=236_100, lots=10_000))
    booth.send(booth.create(6, is_ask=True, price_ticks=236_100, lots=10_000))
    span = f"start_timestamp=1&end_timestamp={booth.now_ms}&count_back=0"
    entries = booth.get(f"/api/v1/pnl?by=index&value=6&resolution=1h&{span}")["pnl"]
    assert (entries[0]["inflow"], entries[0]["volume"]) == (1, 2360)
    funding = 2 * 0.02832
    assert entries[-1]["trade_pnl"] == pytest.approx(1 - funding)
    assert booth.get(f"/api/v1/pnl?by=index&value=6&resolution=1d&{span}")["pnl"]


def test_both_are_noted_and_can_be_done_again() -> None:
    notes: list[list[object]] = []
    first, second = (
        RecordedExchange(
            chain_id=300, seed="desk", markets=[ETH], settings=UNLIMITED, now_us=START_US
        )
        for _ in range(2)
    )
    first.note = lambda entry: notes.append(list(entry))
    assert first.change_tier(ALICE, "premium", now_us=START_US) is None
    assert first.set_maker_only_keys(ALICE, {5, 4}, now_us=START_US) is None
    for note in notes:
        second.repeat(note)
    assert second.account(ALICE) == first.account(ALICE)
    assert second.doors.maker_only_keys(ALICE) == (4, 5)
