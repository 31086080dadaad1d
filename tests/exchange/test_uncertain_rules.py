"""What no document settles can be had both ways: each switch turns exactly its own rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hedgepair_runner.venues.paper.records import TimeInForce, TxStatus
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.transaction_shapes import Attributes, CancelAllTimeInForce
from tests.exchange.desk import ALICE, BOB, PRICE, UNLIMITED, Desk, code_of

SKIP = Attributes(skip_nonce=True)
MINUTE_MS = 60_000


def desk_with(**turned: Any) -> Desk:
    return Desk(replace(UNLIMITED, **turned))


def test_a_skipped_nonce_may_stay_alive() -> None:
    for leaks in (False, True):
        desk = desk_with(skipped_nonces_live=leaks)
        held_back = desk.order(ALICE, "sell", 100, PRICE + 1)
        fence = replace(desk.cancel_all(ALICE), nonce=1_000, attributes=SKIP)
        desk.send(fence)

        assert code_of(desk.admit(held_back)) == (0 if leaks else 21104)
        desk.wait()
        assert len(desk.exchange.active_orders(ALICE)) == int(leaks)
        assert code_of(desk.admit(held_back)) == 21104
        assert desk.nonce(ALICE) == 1_001


def test_a_refusal_may_take_the_nonce_with_it() -> None:
    for takes in (False, True):
        desk = desk_with(refusal_uses_nonce=takes)

        assert code_of(desk.admit(desk.order(ALICE, "sell", 1))) == 21706
        assert desk.nonce(ALICE) == (2 if takes else 1)


def test_a_failure_in_the_engine_may_leave_the_nonce_unused() -> None:
    for keeps in (False, True):
        desk = Desk(replace(UNLIMITED, default_tier="standard", failure_keeps_nonce=keeps))
        desk.admit(desk.order(ALICE, "sell", 100, client=5))
        desk.admit(desk.cancel(ALICE, 5))
        desk.admit(desk.cancel(ALICE, 5))
        desk.wait(1_000_000)

        assert desk.verdicts[-1].status is TxStatus.FAILED
        assert desk.nonce(ALICE) == (3 if keeps else 4)


def test_cancel_all_of_one_market_may_cancel_everywhere() -> None:
    for everywhere in (False, True):
        desk = desk_with(cancel_all_everywhere=everywhere)
        desk.place(ALICE, "sell", 100)
        desk.send(desk.cancel_all(ALICE, market=1))

        assert len(desk.exchange.active_orders(ALICE)) == int(not everywhere)


def test_a_scheduled_cancel_all_may_arm_nothing() -> None:
    for ignored in (False, True):
        desk = desk_with(schedule_ignored=ignored)
        at_ms = desk.now_ms + 10 * MINUTE_MS
        desk.send(desk.cancel_all(ALICE, CancelAllTimeInForce.SCHEDULED, time_ms=at_ms))

        assert desk.account(ALICE).cancel_all_time_ms == (0 if ignored else at_ms)


def test_a_client_order_index_may_be_used_up_for_good() -> None:
    for once in (False, True):
        desk = desk_with(client_index_once=once)
        desk.send(desk.order(ALICE, "sell", 100, client=5))
        desk.send(desk.cancel(ALICE, 5))

        again = desk.order(ALICE, "sell", 100, client=5)
        assert code_of(desk.admit(again)) == (21728 if once else 0)


def test_sub_accounts_of_one_master_may_be_strangers_to_each_other() -> None:
    for strangers in (False, True):
        settings: ExchangeSettings = replace(
            UNLIMITED,
            same_l1=frozenset({frozenset({ALICE, BOB})}),
            self_trade_by_account=strangers,
        )
        desk = Desk(settings)
        desk.place(ALICE, "sell", 100)
        own = Attributes(self_trade_behaviour=0, self_trade_equality=1)
        desk.send(desk.order(BOB, "buy", 100, tif=TimeInForce.IOC, attributes=own))

        assert len(desk.trades) == int(strangers)


def test_trades_may_lack_the_position_before_them() -> None:
    for absent in (False, True):
        desk = desk_with(position_before_absent=absent)
        for _ in range(2):
            desk.place(ALICE, "sell", 100)
            desk.send(desk.order(BOB, "buy", 100, tif=TimeInForce.IOC))

        assert desk.trades[-1].taker.position_before_lots == (0 if absent else 100)
