"""The core journeys with real processes, real sockets, the real signer and a real Redis.

What can happen is tried out in virtual time; here it is shown that the parts hold together.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.local import redis_server
from tests.flow.live_pair import ACCOUNTS, LivePair, live_pair
from tests.flow.receipt_audit import result_of_legs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

Journey = Callable[[LivePair], Awaitable[None]]


def travel(home: Path, *journeys: Journey, has_proxy: bool = False) -> None:
    """Side by side, since they mostly wait; each with its own Redis, exchange and runners."""

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for journey in journeys:
                tasks.create_task(alone(journey), name=journey.__name__)

    async def alone(journey: Journey) -> None:
        own_home = home / journey.__name__
        own_home.mkdir()
        with redis_server.start() as redis_own:
            async with live_pair(redis=redis_own, home=own_home, has_proxy=has_proxy) as pair:
                await journey(pair)
                pair.audit()

    asyncio.run(main())


def test_a_pair_in_one_two_or_three_processes_trades_and_stops_in_order(tmp_path: Path) -> None:
    travel(tmp_path, in_one_process, in_two_processes, with_an_exchange_process)


def test_runners_that_die_or_sleep_leave_no_order_and_every_fill_hedged_once(
    tmp_path: Path,
) -> None:
    travel(tmp_path, with_a_killed_hedger, with_a_killed_maker, with_a_sleeping_maker)


def test_a_redis_that_stands_still_or_loses_everything_costs_time_only(tmp_path: Path) -> None:
    travel(tmp_path, through_a_flush, through_a_standstill)


def test_cut_connections_lose_no_fill(tmp_path: Path) -> None:
    travel(tmp_path, over_cut_connections, has_proxy=True)


async def in_two_processes(pair: LivePair) -> None:
    hedger, maker = pair.start(Role.HEDGER), pair.start(Role.MAKER)
    for lots in (None, None, 120, 7):
        await pair.trade_on(lots=lots)
    await pair.resting()
    await pair.stop(maker)
    assert not pair.quotes()
    await pair.stop(hedger)
    verdict = await pair.answer_of("audit", "--exchange-url", pair.server.url, "--stopped")
    assert verdict["fills"] == len(pair.fills())
    assert verdict["hedges"] == 4
    assert [leg["fences"] for leg in verdict["legs"]] == [1, 1]
    assert verdict["not_told"] == []
    receipts = await pair.answer_of("receipts", "--since", "10m")
    assert [receipt["rebuilt"] for receipt in receipts] == [False] * 4
    told = [line for receipt in receipts for line in receipt["covers"]]
    assert {cover["trade_id"] for cover in told} == set(pair.fills())
    summary = await pair.answer_of("receipts", "--since", "10m", "--summary")
    assert summary["by_purpose"] == {"hedge": 4}
    assert summary["slippage_unknown"] == 0
    assert Decimal(summary["realized_net"]) == result_of_legs(pair.exchange, pair.judged)


async def in_one_process(pair: LivePair) -> None:
    url = {"exchange": {"url": pair.server.url, "chainId": 300}}
    run = pair.start_command("run", "-f", str(pair.manifest_path), manifest=url)
    for lots in (None, None, 120):
        await pair.trade_on(lots=lots)
    await pair.resting()
    await pair.stop(run)


async def with_a_killed_hedger(pair: LivePair) -> None:
    hedger, maker = pair.start(Role.HEDGER), pair.start(Role.MAKER)
    await pair.trade_on()
    quote = await pair.resting()
    pair.market.fill(quote, 120)
    pair.kill(hedger)
    hedger = pair.start(Role.HEDGER)
    await pair.covered()
    await pair.trade_on()
    await pair.stop(maker)
    await pair.stop(hedger)


async def with_a_killed_maker(pair: LivePair) -> None:
    hedger, maker = pair.start(Role.HEDGER), pair.start(Role.MAKER)
    await pair.trade_on()
    left = await pair.resting()
    pair.kill(maker)
    maker = pair.start(Role.MAKER)
    pair.market.fill(left, 60)
    await pair.covered()
    await pair.until(
        lambda: all(quote.order_index != left.order_index for quote in pair.quotes()),
        "the order that was left is gone",
    )
    await pair.trade_on()
    await pair.stop(maker)
    await pair.stop(hedger)


async def with_a_sleeping_maker(pair: LivePair) -> None:
    hedger, sleeper = pair.start(Role.HEDGER), pair.start(Role.MAKER)
    quote = await pair.resting()
    os.kill(sleeper.pid, signal.SIGSTOP)
    pair.market.fill(quote, 120)
    successor = pair.start(Role.MAKER)
    await pair.covered()
    await pair.until(
        lambda: any(each.order_index != quote.order_index for each in pair.quotes()),
        "the successor quotes",
    )
    os.kill(sleeper.pid, signal.SIGCONT)
    for _ in range(2):
        await pair.trade_on()
    await pair.stop(sleeper)
    await pair.trade_on()
    await pair.stop(successor)
    await pair.stop(hedger)


async def through_a_flush(pair: LivePair) -> None:
    hedger, maker = pair.start(Role.HEDGER), pair.start(Role.MAKER)
    await pair.trade_on()
    quote = await pair.resting()
    pair.market.fill(quote, 120)
    with redis.Redis.from_url(pair.redis.url) as client:
        client.flushall()
    await pair.covered()
    await pair.until(lambda: not pair.quotes(), "the fence took what rested")
    await pair.trade_on()
    await pair.stop(maker)
    await pair.stop(hedger)


async def through_a_standstill(pair: LivePair) -> None:
    hedger, maker = pair.start(Role.HEDGER), pair.start(Role.MAKER)
    await pair.trade_on()
    quote = await pair.resting()
    os.kill(pair.redis.child.pid, signal.SIGSTOP)
    try:
        pair.market.fill(quote, quote.remaining_lots)
        await asyncio.sleep(3)
        assert not pair.quotes()
    finally:
        os.kill(pair.redis.child.pid, signal.SIGCONT)
    await pair.covered()
    await pair.trade_on()
    await pair.stop(maker)
    await pair.stop(hedger)


async def over_cut_connections(pair: LivePair) -> None:
    assert pair.proxy is not None
    hedger, maker = pair.start(Role.HEDGER), pair.start(Role.MAKER)
    await pair.trade_on()
    for lots in (120, None):
        quote = await pair.resting()
        pair.market.fill(quote, lots or quote.remaining_lots)
        assert pair.proxy.cut() >= 2
        await pair.covered()
    await pair.trade_on()
    await pair.stop(maker)
    await pair.stop(hedger)


async def with_an_exchange_process(pair: LivePair) -> None:
    """All that `make demo` and a cluster run, as processes; judged by what REST tells."""
    exchange = pair.start_command("exchange", "--port", "0", "--market", "ETH", "--profile", "demo")
    found: list[str] = []

    def address() -> list[str]:
        found[:] = re.findall(r"paper exchange at (http://\S+)", exchange.last_words())
        return found

    await pair.until(address, "the exchange says where it is")
    words = ("-f", str(pair.manifest_path), "--exchange-url", found[0])
    hedger, maker = (
        pair.start_command("hedger", *words),
        pair.start_command("maker", *words),
    )
    async with aiohttp.ClientSession(base_url=found[0]) as session:
        while await pair.hedges() < 6:
            await asyncio.sleep(0.2)
        await pair.stop(maker)
        await pair.stop(hedger)
        rests, positions = await state(session)
    assert rests == 0
    assert sum(positions) == 0
    await pair.stop(exchange)


async def account(session: aiohttp.ClientSession, index: int) -> dict[str, Any]:
    params = {"by": "index", "value": str(index)}
    async with session.get("/api/v1/account", params=params) as answer:
        accounts: list[dict[str, Any]] = (await answer.json())["accounts"]
    return accounts[0]


async def state(session: aiohttp.ClientSession) -> tuple[int, list[int]]:
    """Resting orders of both accounts, and their ETH positions in lots."""
    rests, positions = 0, []
    for index in ACCOUNTS.values():
        found = await account(session, index)
        rests += found["total_order_count"]
        for position in found["positions"]:
            lots = round(float(position["position"]) * 10_000)
            positions.append(lots * position["sign"])
    return rests, positions
