"""The two stores of receipts, real Redis and memory, promise the same (design §8)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.identity import Role, client_order_index
from hedgepair_runner.contract.receipts import (
    Carry,
    Cover,
    LegMark,
    OwnTrade,
    Purpose,
    Receipt,
)
from hedgepair_runner.receipt_store import Stored
from tests.flow.bus_worlds import OTHER_PAIR, PAIR, Live, World

NONCE = (3 << 20) + 5
FIRST = Receipt(
    client_order_index=client_order_index(Role.HEDGER, PAIR, NONCE),
    role="hedger",
    purpose=Purpose.HEDGE,
    account_index=102,
    order_index=1 << 48,
    epoch=3,
    nonce=NONCE,
    holder="host/1/abc",
    market="ETH",
    size_decimals=4,
    price_decimals=2,
    signed_lots=-500,
    quote_units=100_000_000,
    trades=(OwnTrade(trade_id=12, signed_lots=-500, price_ticks=200_000, fee_millionths=280),),
    covers=(Cover(trade_id=11, signed_lots=500, price_ticks=200_010),),
    executed_ms=1_800_000_000_000,
    fee_quote="0.028",
    maker_fee_quote="0.004",
    pnl_quote="0",
    funding_quote="0",
    slippage_bps="0.5",
    size_lots=500,
    price_ticks=199_000,
    tx_hash="ab" * 40,
    sent_ms=1_800_000_000_001,
    carry=Carry(
        maker=LegMark(trade_id=11, lots=500),
        own=LegMark(trade_id=12, lots=-500),
        uncovered=(Cover(trade_id=13, signed_lots=7, price_ticks=200_010),),
        total_quote="-0.032",
        since_ms=1_700_000_000_000,
        funding_ms=1_800_000_000_000,
    ),
)
EVER = 1 << 45


def receipt(nonce: int, *, executed_ms: int, role: Role = Role.HEDGER) -> Receipt:
    trade = replace(FIRST.trades[0], trade_id=nonce)
    return replace(
        FIRST,
        client_order_index=client_order_index(role, PAIR, nonce),
        role=role.label,
        nonce=nonce,
        executed_ms=executed_ms,
        trades=(trade,),
    )


def test_a_receipt_is_read_as_it_was_written(live: Live) -> None:
    async def scenario(world: World) -> None:
        store = world.receipts()
        assert await store.newest(Role.HEDGER) is None
        assert await store.add(FIRST) is Stored.NEW
        assert await store.newest(Role.HEDGER) == FIRST
        assert list(await store.read(since_ms=0, until_ms=EVER)) == [FIRST]

    live(scenario)


def test_an_order_has_one_receipt_whoever_writes_it_and_however_often(live: Live) -> None:
    async def scenario(world: World) -> None:
        one, other = world.receipts(), world.receipts()
        assert await one.add(FIRST) is Stored.NEW
        assert await other.add(replace(FIRST, holder="another", rebuilt=True)) is Stored.KNOWN
        assert list(await one.read(since_ms=0, until_ms=EVER)) == [FIRST]
        together = await asyncio.gather(
            *(each.add(receipt(NONCE + 1, executed_ms=EVER - 5)) for each in (one, other) * 5)
        )
        assert together.count(Stored.NEW) == 1
        assert together.count(Stored.KNOWN) == 9

    live(scenario)


def test_a_receipt_that_comes_late_is_taken_once_and_read_in_its_place(live: Live) -> None:
    async def scenario(world: World) -> None:
        store = world.receipts()
        early, late = receipt(5, executed_ms=1_000), receipt(9, executed_ms=2_000)
        unwind = receipt(7, executed_ms=1_500, role=Role.MAKER)
        assert [await store.add(each) for each in (late, early, unwind)] == [Stored.NEW] * 3
        assert [await store.add(each) for each in (late, early, unwind)] == [Stored.KNOWN] * 3
        assert list(await store.read(since_ms=0, until_ms=EVER)) == [early, unwind, late]

    live(scenario)


def test_orders_of_one_millisecond_have_a_receipt_each(live: Live) -> None:
    async def scenario(world: World) -> None:
        store = world.receipts()
        orders = [receipt(nonce, executed_ms=1_000) for nonce in (8, 6, 7, 9)]
        for order in orders:
            assert await store.add(order) is not Stored.KNOWN
        for order in orders:
            assert await store.add(order) is Stored.KNOWN
        assert len(await store.read(since_ms=0, until_ms=EVER)) == 4

    live(scenario)


def test_the_newest_is_of_its_role_and_by_its_last_trade(live: Live) -> None:
    async def scenario(world: World) -> None:
        store = world.receipts()
        for nonce in range(1, 450):
            await store.add(receipt(nonce, executed_ms=1_000 + nonce))
        await store.add(receipt(500, executed_ms=1_001, role=Role.MAKER))
        await store.add(receipt(3_000, executed_ms=1_002))
        await store.add(receipt(2_000, executed_ms=1_003))

        newest = await store.newest(Role.HEDGER)
        assert newest is not None
        assert newest.nonce == 3_000
        of_maker = await store.newest(Role.MAKER)
        assert of_maker is not None
        assert of_maker.nonce == 500
        assert len(await store.read(since_ms=0, until_ms=EVER)) == 452

    live(scenario)


def test_a_period_is_read_by_when_orders_executed(live: Live) -> None:
    async def scenario(world: World) -> None:
        store = world.receipts()
        for nonce, at_ms in ((1, 1_000), (2, 2_000), (3, 3_000)):
            await store.add(receipt(nonce, executed_ms=at_ms))
        found = await store.read(since_ms=2_000, until_ms=3_000)
        assert [each.nonce for each in found] == [2]
        later = {client_order_index(Role.HEDGER, PAIR, nonce) for nonce in (2, 3)}
        assert await store.orders(since_ms=2_000) == later

    live(scenario)


def test_nothing_is_written_on_top_of_a_loss(live: Live) -> None:
    async def scenario(world: World) -> None:
        store = world.receipts()
        first, second, third = (receipt(n, executed_ms=1_000 + n) for n in (5, 6, 7))
        before = first.client_order_index
        assert await store.add(second, previous=before) is Stored.LOST
        assert await store.add(first) is Stored.NEW
        assert await store.add(third, previous=second.client_order_index) is Stored.LOST
        unwind = receipt(9, executed_ms=2_000, role=Role.MAKER)
        assert await store.add(unwind) is Stored.NEW
        assert await store.add(second, previous=before) is Stored.NEW
        assert await store.add(second, previous=before) is Stored.KNOWN
        assert await store.add(third, previous=second.client_order_index) is Stored.NEW
        after_unwind = receipt(10, executed_ms=3_000, role=Role.MAKER)
        assert await store.add(after_unwind, previous=unwind.client_order_index) is Stored.NEW
        assert len(await store.read(since_ms=0, until_ms=EVER)) == 5

    live(scenario)


def test_each_pair_has_its_own_and_a_flush_takes_them(live: Live) -> None:
    async def scenario(world: World) -> None:
        assert await world.receipts().add(FIRST) is Stored.NEW
        assert await world.receipts(OTHER_PAIR).newest(Role.HEDGER) is None
        await world.flush()
        assert await world.receipts().newest(Role.HEDGER) is None
        assert await world.receipts().add(FIRST) is Stored.NEW

    live(scenario)


def test_a_store_that_cannot_be_reached_raises(live: Live) -> None:
    async def scenario(world: World) -> None:
        store = world.receipts()
        await store.add(FIRST)
        await world.interrupt()
        for _ in range(3):
            try:
                assert await store.add(FIRST) is Stored.KNOWN
            except BusUnavailable:
                continue
            return
        pytest.fail("an interrupted connection works again")

    live(scenario)
