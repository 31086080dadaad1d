"""What runners may rely on from Redis, asked of the real one and of the one for virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from hedgepair_runner.bus import (
    Bus,
    BusEvent,
    BusUnavailable,
    FillTold,
    IntentRecord,
    TailDown,
    TailUp,
)
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RestingOrder, RunnerReport, RunnerState
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.quotes import QuoteTold
from hedgepair_runner.redis_bus import RedisBus, RedisLeases, connect
from tests.flow.bus_worlds import LONG_MS, OTHER_PAIR, PAIR, PAST_S, SHORT_MS, VENUE, Live, World


def trade(trade_id: int, lots: int = 5) -> AccountTrade:
    return AccountTrade(
        account_index=101,
        trade_id=trade_id,
        market_id=0,
        signed_lots=lots,
        price_ticks=236_131,
        before_lots=-3,
        is_maker=True,
        order_index=1 << 50,
        client_order_index=77,
        fee_millionths=0,
        trade_type="trade",
        timestamp_ms=1_800_000_000_123,
    )


def quote(index: int, *, is_gone: bool = False) -> QuoteTold:
    return QuoteTold(
        client_order_index=index,
        side=-1,
        price_ticks=236_000,
        lots=500,
        is_gone=is_gone,
        epoch=3,
        told_ms=1_800_000_000_123,
    )


REPORT = RunnerReport(
    role="maker",
    holder="m",
    version="1",
    state=RunnerState.HOLDING,
    reason="why",
    position_lots=-4,
    maker_chain_lots=None,
    resting=(
        RestingOrder(
            client_order_index=9, is_ask=True, price_ticks=5, remaining_lots=6, placed_ms=7
        ),
    ),
    source_ages_s={"account": 0.5, "market": None},
)


@asynccontextmanager
async def following(bus: Bus) -> AsyncIterator[Bus]:
    """The bus while its stream is followed; TailUp has been heard."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bus.run())
        assert await heard(bus) == TailUp()
        yield bus
        task.cancel()


async def heard(bus: Bus) -> BusEvent:
    async with asyncio.timeout(10):
        return await bus.events.get()


# -- streams --------------------------------------------------------------------------------


def test_fills_and_quotes_come_whole_and_in_the_order_they_were_told(live: Live) -> None:
    async def scenario(world: World) -> None:
        teller = world.bus()
        async with following(world.bus()) as bus:
            await teller.publish_fills([trade(1)])
            await teller.tell_quote(quote(8))
            await teller.publish_fills([trade(2), trade(3, lots=-5)])
            assert [await heard(bus) for _ in range(4)] == [
                FillTold(trade=trade(1)),
                quote(8),
                FillTold(trade=trade(2)),
                FillTold(trade=trade(3, lots=-5)),
            ]

    live(scenario)


def test_a_follower_hears_nothing_of_what_was_told_before_it_came(live: Live) -> None:
    async def scenario(world: World) -> None:
        teller = world.bus()
        await teller.publish_fills([trade(1)])
        async with following(world.bus()) as bus:
            await teller.publish_fills([trade(2)])
            assert await heard(bus) == FillTold(trade=trade(2))

    live(scenario)


def test_pairs_do_not_hear_each_other(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with following(world.bus()) as bus:
            await world.bus(OTHER_PAIR).publish_fills([trade(1)])
            await world.bus(OTHER_PAIR).tell_quote(quote(8))
            await world.bus().publish_fills([trade(2)])
            assert await heard(bus) == FillTold(trade=trade(2))
            assert await world.bus().read_quotes() == ()

    live(scenario)


def test_a_lost_connection_is_told_and_what_follows_its_return_is_heard(live: Live) -> None:
    async def scenario(world: World) -> None:
        teller = world.bus()
        async with following(world.bus()) as bus:
            await world.interrupt()
            assert isinstance(await heard(bus), TailDown)
            assert await heard(bus) == TailUp()
            await teller.publish_fills([trade(2)])
            assert await heard(bus) == FillTold(trade=trade(2))

    live(scenario)


@pytest.mark.parametrize("after_s", [0.0, 0.0005, 0.05])
def test_a_follower_stops_when_it_is_told_to(live: Live, after_s: float) -> None:
    """Whenever the word comes: a library that swallows a cancellation would hang its runner."""

    async def scenario(world: World) -> None:
        bus = world.bus()
        task = asyncio.create_task(bus.run())
        assert await heard(bus) == TailUp()
        await asyncio.sleep(after_s)
        task.cancel()
        await asyncio.wait({task}, timeout=4)
        assert task.cancelled()

    live(scenario)


def test_a_flush_ends_no_following(live: Live) -> None:
    async def scenario(world: World) -> None:
        teller = world.bus()
        async with following(world.bus()) as bus:
            await teller.publish_fills([trade(1)])
            assert await heard(bus) == FillTold(trade=trade(1))
            await world.flush()
            await teller.publish_fills([trade(2)])
            assert await heard(bus) == FillTold(trade=trade(2))

    live(scenario)


# -- records --------------------------------------------------------------------------------


def test_quotes_are_known_until_they_are_gone(live: Live) -> None:
    async def scenario(world: World) -> None:
        bus = world.bus()
        for told in (quote(8), quote(9), replace(quote(9), lots=7), quote(8, is_gone=True)):
            await bus.tell_quote(told)
        assert await world.bus().read_quotes() == (replace(quote(9), lots=7),)

    live(scenario)


def test_index_zero_gone_takes_every_quote(live: Live) -> None:
    async def scenario(world: World) -> None:
        bus = world.bus()
        for told in (quote(8), quote(9), quote(0, is_gone=True)):
            await bus.tell_quote(told)
        assert await bus.read_quotes() == ()
        await bus.tell_quote(quote(10))
        assert await bus.read_quotes() == (quote(10),)

    live(scenario)


def test_a_report_is_read_as_it_was_written_by_role(live: Live) -> None:
    async def scenario(world: World) -> None:
        bus = world.bus()
        await bus.write_report(Role.MAKER, REPORT, ttl_ms=LONG_MS)
        assert await world.bus().read_report(Role.MAKER) == REPORT
        assert await bus.read_report(Role.HEDGER) is None
        await bus.write_report(Role.MAKER, replace(REPORT, reason=""), ttl_ms=LONG_MS)
        assert await bus.read_report(Role.MAKER) == replace(REPORT, reason="")

    live(scenario)


def test_an_old_report_is_no_report(live: Live) -> None:
    async def scenario(world: World) -> None:
        bus = world.bus()
        await bus.write_report(Role.HEDGER, REPORT, ttl_ms=SHORT_MS)
        await asyncio.sleep(PAST_S)
        assert await bus.read_report(Role.HEDGER) is None

    live(scenario)


def test_intents_are_kept_until_they_are_dropped(live: Live) -> None:
    async def scenario(world: World) -> None:
        first = IntentRecord(
            nonce=(3 << 20) + 1,
            client_order_index=5,
            lots=-50,
            price_ticks=236_000,
            tx_hash="ab" * 40,
            covers_lots=50,
        )
        second = replace(first, nonce=first.nonce + 1)
        bus = world.bus()
        for intent in (first, second):
            await bus.write_intent(intent)
        await bus.drop_intent(first.nonce)
        await bus.drop_intent(first.nonce)
        assert await world.intents() == {second.nonce: second}

    live(scenario)


def test_alarms_are_kept_in_order(live: Live) -> None:
    async def scenario(world: World) -> None:
        bus = world.bus()
        await bus.raise_alarm("halt", "one")
        await bus.raise_alarm("order", "two")
        assert await world.alarms() == [("halt", "one"), ("order", "two")]

    live(scenario)


def test_a_flush_takes_every_record(live: Live) -> None:
    async def scenario(world: World) -> None:
        bus = world.bus()
        await bus.tell_quote(quote(8))
        await bus.write_report(Role.MAKER, REPORT, ttl_ms=LONG_MS)
        await world.flush()
        assert await bus.read_quotes() == ()
        assert await bus.read_report(Role.MAKER) is None

    live(scenario)


def test_the_client_of_a_dead_redis_raises_only_bus_unavailable() -> None:
    """A port that nobody listens on stands in for a server that is gone."""

    async def main() -> None:
        client = connect("redis://127.0.0.1:1/0", timeout_s=1.0)
        bus = RedisBus(client, client, pair=PAIR)
        leases = RedisLeases(client, venue=VENUE, account=1, key=4)
        for command in (
            bus.publish_fills([trade(1), trade(2)]),
            bus.tell_quote(quote(1)),
            bus.read_quotes(),
            bus.read_report(Role.MAKER),
            bus.write_report(Role.MAKER, REPORT, ttl_ms=1),
            bus.raise_alarm("a", "b"),
            bus.drop_intent(1),
            leases.acquire("one", ttl_ms=1),
            leases.renew("one", ttl_ms=1),
            leases.raise_epoch(1),
            leases.release("one"),
        ):
            with pytest.raises(BusUnavailable):
                await command
        await bus.close()

    asyncio.run(main())
