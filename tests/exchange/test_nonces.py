"""Nonces, the delay queue, and what a failure in the engine consumes (protocol §7.1, §7.10)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hedgepair_runner.venues.paper.events import OrderChanged, Traded, TxChanged
from hedgepair_runner.venues.paper.quotas import VolumeQuota
from hedgepair_runner.venues.paper.records import OrderStatus, TimeInForce, TxStatus
from hedgepair_runner.venues.paper.transaction_shapes import Attributes
from hedgepair_runner.venues.paper.views import Accepted, AcceptedBatch, Refusal
from tests.exchange.desk import ALICE, BOB, PRICE, START_US, UNLIMITED, Desk, code_of

IOC = TimeInForce.IOC
POST_ONLY = TimeInForce.POST_ONLY
SLOW = replace(UNLIMITED, default_tier="standard")
SKIP = Attributes(skip_nonce=True)


# -- nonces at the door --


def test_the_first_nonce_of_a_key_is_one_and_keys_count_alone() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    assert (desk.nonce(ALICE), desk.nonce(ALICE, 5), desk.nonce(BOB)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("nonce", "attributes", "code"),
    [
        pytest.param(2, Attributes(), 21104, id="used"),
        pytest.param(3, Attributes(), 0, id="next"),
        pytest.param(4, Attributes(), 21104, id="gap"),
        pytest.param(2, SKIP, 21104, id="skip backwards"),
        pytest.param(3, SKIP, 0, id="skip nothing"),
        pytest.param(400, SKIP, 0, id="skip ahead"),
        pytest.param(2**47 - 2, SKIP, 0, id="skip to the end"),
        pytest.param(2**47 - 1, SKIP, 21104, id="skip past the end"),
    ],
)
def test_which_nonce_is_accepted(nonce: int, attributes: Attributes, code: int) -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100)
    desk.place(ALICE, "sell", 100)
    draft = replace(desk.order(ALICE, "sell", 100), nonce=nonce, attributes=attributes)
    assert code_of(desk.admit(draft)) == code
    assert desk.nonce(ALICE) == (3 if code else nonce + 1)


def test_skipping_can_be_refused_altogether() -> None:
    desk = Desk(replace(UNLIMITED, refuse_skip_nonce=True))
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, attributes=SKIP))) == 21104


def test_a_skip_shuts_out_what_was_signed_before_and_not_what_was_queued() -> None:
    desk = Desk(SLOW)
    held_back = desk.order(ALICE, "sell", 100, PRICE + 1)
    queued = replace(held_back, price_ticks=PRICE + 2)
    fence = replace(desk.cancel_all(ALICE), nonce=1_000, attributes=SKIP)
    assert code_of(desk.admit(queued)) == 0
    assert code_of(desk.admit(fence)) == 0
    late = replace(held_back, nonce=2)
    assert code_of(desk.admit(late)) == 21104
    desk.wait(1_000_000)
    assert [record.status for record in desk.verdicts[-2:]] == [TxStatus.EXECUTED] * 2
    assert desk.exchange.active_orders(ALICE) == ()
    assert desk.nonce(ALICE) == 1_001


def test_a_refusal_consumes_nothing_and_queued_transactions_count() -> None:
    desk = Desk(SLOW)
    assert code_of(desk.admit(desk.order(ALICE, "sell", 1))) == 21706
    assert desk.nonce(ALICE) == 1
    for _ in range(3):
        assert code_of(desk.admit(desk.order(ALICE, "sell", 100))) == 0
    assert desk.nonce(ALICE) == 4


# -- the delay --


@pytest.mark.parametrize(
    ("side", "price", "tif", "delay_ms"),
    [
        pytest.param("buy", PRICE, IOC, 300, id="IOC"),
        pytest.param("buy", PRICE - 99, IOC, 300, id="IOC that takes nothing"),
        pytest.param("buy", PRICE, TimeInForce.GTT, 300, id="crossing limit"),
        pytest.param("buy", PRICE - 1, TimeInForce.GTT, 200, id="resting limit"),
        pytest.param("buy", PRICE, POST_ONLY, 200, id="post-only"),
    ],
)
def test_takers_wait_longer_than_makers(
    side: str, price: int, tif: TimeInForce, delay_ms: int
) -> None:
    desk = Desk(SLOW)
    desk.admit(desk.order(BOB, "sell", 100))
    desk.wait(1_000_000)
    answer = desk.admit(desk.order(ALICE, side, 100, price, tif=tif))
    assert isinstance(answer, Accepted)
    assert answer.due_us == desk.now_us + delay_ms * 1_000
    assert answer.predicted_execution_ms == desk.now_ms + delay_ms
    assert desk.exchange.next_due_us() == desk.now_us  # that it waits is news
    assert [type(event) for event in desk.wait()] == [TxChanged]
    assert desk.exchange.next_due_us() == answer.due_us
    assert desk.record(answer).status is TxStatus.PENDING
    desk.wait(delay_ms * 1_000)
    assert desk.record(answer).status is TxStatus.EXECUTED
    assert desk.record(answer).executed_us == answer.due_us


def test_a_taker_holds_up_what_comes_behind_it_on_its_key_only() -> None:
    desk = Desk(SLOW)
    desk.admit(desk.order(ALICE, "buy", 100, tif=IOC))
    behind = desk.admit(desk.order(ALICE, "buy", 100, PRICE - 5, tif=POST_ONLY))
    beside = desk.admit(desk.order(ALICE, "buy", 100, PRICE - 5, tif=POST_ONLY, key=5))
    assert isinstance(behind, Accepted)
    assert isinstance(beside, Accepted)
    assert (behind.due_us - START_US, beside.due_us - START_US) == (300_000, 200_000)


def test_transactions_execute_in_the_order_of_their_time_then_of_arrival() -> None:
    desk = Desk(SLOW)
    for account in (ALICE, BOB):
        desk.admit(desk.order(account, "buy", 100, tif=IOC))
    for account in (BOB, ALICE):
        desk.admit(desk.order(account, "buy", 100, PRICE - 5, tif=POST_ONLY, key=5))
    desk.wait(1_000_000)
    executed = [r for r in desk.verdicts if r.status is TxStatus.EXECUTED]
    assert [(r.account_index, r.api_key_index) for r in executed] == [
        (BOB, 5),
        (ALICE, 5),
        (ALICE, 4),
        (BOB, 4),
    ]


def test_a_create_and_its_cancel_by_client_index_can_be_sent_together() -> None:
    desk = Desk(SLOW)
    desk.admit(desk.order(ALICE, "sell", 100, client=5))
    assert code_of(desk.admit(desk.cancel(ALICE, 5))) == 0
    desk.wait(1_000_000)
    assert desk.exchange.orders_by_client_index(ALICE, [5])[0].status is OrderStatus.CANCELED


def test_too_many_waiting_transactions_are_refused() -> None:
    desk = Desk(replace(SLOW, max_pending_per_key=2))
    codes = [code_of(desk.admit(desk.order(ALICE, "sell", 100))) for _ in range(3)]
    assert codes == [0, 0, 21506]


# -- failures in the engine --


def test_a_cancel_that_lost_its_race_fails_and_consumes_its_nonce() -> None:
    desk = Desk(SLOW)
    desk.admit(desk.order(ALICE, "sell", 100, client=5))
    desk.wait(1_000_000)
    desk.admit(desk.order(BOB, "buy", 100, tif=IOC))
    desk.wait(150_000)
    answer = desk.admit(desk.cancel(ALICE, 5))
    assert isinstance(answer, Accepted)
    desk.wait(1_000_000)
    record = desk.record(answer)
    assert record.status is TxStatus.FAILED
    assert json.loads(record.event_info)["ae"] == "21715: given order is not an active order"
    assert desk.nonce(ALICE) == record.nonce + 1


def test_an_expired_transaction_is_void_and_those_behind_it_fail() -> None:
    desk = Desk(SLOW)
    desk.admit(replace(desk.order(ALICE, "sell", 100), expired_at_ms=desk.now_ms + 100))
    desk.admit(desk.order(ALICE, "sell", 100))
    assert desk.nonce(ALICE) == 3
    desk.wait(1_000_000)
    reasons = [json.loads(record.event_info)["ae"][:5] for record in desk.verdicts[-2:]]
    assert reasons == ["21501", "21104"]
    assert desk.nonce(ALICE) == 1
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100))) == 0


def test_a_resting_order_without_margin_at_execution_consumes_no_nonce() -> None:
    desk = Desk(SLOW)
    answer = desk.admit(desk.order(ALICE, "buy", 5_000_000, PRICE - 1))
    assert isinstance(answer, Accepted)
    desk.exchange.deposit(ALICE, -60_000 * 10**12, now_us=desk.now_us)
    desk.wait(1_000_000)
    assert desk.record(answer).status is TxStatus.FAILED
    assert "21739" in desk.record(answer).event_info
    assert (desk.nonce(ALICE), desk.levels("buy")) == (1, [])


@pytest.mark.parametrize("consumes", [True, False])
def test_a_doomed_transaction_fails_as_told(consumes: bool) -> None:
    desk = Desk(SLOW)
    answer = desk.admit(desk.order(ALICE, "sell", 100))
    assert isinstance(answer, Accepted)
    desk.exchange.doom(
        answer.tx_hash, Refusal(code=29500, message="internal"), consumes_nonce=consumes
    )
    desk.wait(1_000_000)
    assert json.loads(desk.record(answer).event_info) == {"ae": "29500: internal"}
    assert desk.nonce(ALICE) == (2 if consumes else 1)
    assert not [event for event in desk.events if isinstance(event, OrderChanged | Traded)]


# -- batches --


def test_a_batch_executes_in_order() -> None:
    desk = Desk()
    first = desk.order(ALICE, "sell", 100, client=1)
    txs = [replace(first, nonce=n, client_order_index=n) for n in (1, 2, 3)]
    answer = desk.admit_batch(txs)
    assert isinstance(answer, AcceptedBatch)
    desk.wait()
    assert [desk.exchange.tx(tx_hash) for tx_hash in answer.tx_hashes] == desk.verdicts
    assert desk.nonce(ALICE) == 4


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param([{}, {}], 21105, id="equal nonces"),
        pytest.param([{"nonce": 2}, {"nonce": 1}], 21105, id="falling nonces"),
        pytest.param([{}, {"nonce": 3}], 21104, id="a gap"),
        pytest.param([{"nonce": 2}, {"nonce": 3}], 21104, id="begins too late"),
        pytest.param([{}, {"nonce": 2, "api_key_index": 5}], 21121, id="two keys"),
        pytest.param([{}, {"nonce": 2, "account_index": BOB}], 21121, id="two accounts"),
        pytest.param([{}, {"nonce": 2, "base_lots": 1}], 21706, id="one too small"),
        pytest.param(
            [{"client_order_index": 9}, {"nonce": 2, "client_order_index": 9}],
            21728,
            id="one client index twice",
        ),
        pytest.param([], 21501, id="empty"),
        pytest.param([{"nonce": n} for n in range(1, 52)], 21514, id="more than fifty"),
    ],
)
def test_a_batch_is_refused_whole(changes: list[dict[str, Any]], code: int) -> None:
    desk = Desk()
    draft = desk.order(ALICE, "sell", 100)
    assert code_of(desk.admit_batch([replace(draft, **change) for change in changes])) == code
    assert desk.wait() == []
    assert desk.nonce(ALICE) == 1
    assert desk.exchange.account_txs(ALICE) == ()
    assert code_of(desk.admit(replace(draft, client_order_index=9))) == 0


def test_a_refused_batch_costs_no_quota() -> None:
    desk = Desk(replace(UNLIMITED, default_tier="premium"))
    draft = desk.order(ALICE, "sell", 100)
    assert code_of(desk.admit_batch([draft, replace(draft, nonce=2, base_lots=1)])) == 21706
    assert desk.account(ALICE).volume_quota_remaining == 1_000


# -- quota --


def test_a_paying_tier_pays_for_creates_and_not_for_cancels() -> None:
    desk = Desk(replace(UNLIMITED, default_tier="premium"))
    remaining = []
    for tx in (
        desk.order(ALICE, "sell", 100, client=1),
        replace(desk.cancel(ALICE, 1), nonce=2),
        replace(desk.order(ALICE, "sell", 100, client=2), nonce=3),
    ):
        answer = desk.admit(tx)
        assert isinstance(answer, Accepted)
        remaining.append((answer.volume_quota_remaining, answer.message))
    assert remaining == [
        (999, "999 volume quota remaining."),
        (999, '{"ratelimit": "didn\'t use volume quota"}'),
        (998, "998 volume quota remaining."),
    ]


def test_an_empty_quota_leaves_one_transaction_every_fifteen_seconds() -> None:
    quota = VolumeQuota()
    for _ in range(1_000):
        quota.spend(0)
    quota.spend(0)
    assert not quota.allows(14_999_999)
    assert quota.allows(15_000_000)


def test_volume_earns_a_unit_for_seven_dollars() -> None:
    quota = VolumeQuota()
    for _ in range(3):
        quota.earn(3_000_000)
    assert quota.remaining == 1_001


def test_who_has_no_quota_left_is_told_to_wait() -> None:
    desk = Desk(replace(UNLIMITED, default_tier="premium"))
    drafts = [replace(desk.order(ALICE, "sell", 100, tif=IOC), nonce=n) for n in range(1, 1_003)]
    assert [code_of(desk.admit(draft)) for draft in drafts[:1_001]] == [0] * 1_001
    assert code_of(desk.admit(drafts[1_001])) == 23000
    assert code_of(desk.admit(desk.cancel_all(BOB))) == 0
