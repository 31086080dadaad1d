"""SIGKILL at any step of the disk and a restart lose nothing that was answered or streamed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hedgepair_runner.venues.paper import rendering_trades
from hedgepair_runner.venues.paper.assembly import open_state
from hedgepair_runner.venues.paper.recording import RecordedExchange
from hedgepair_runner.venues.paper.records import OrderType, TimeInForce, TxStatus
from hedgepair_runner.venues.paper.signing import sign_transaction
from hedgepair_runner.venues.paper.transactions import CreateOrder
from hedgepair_runner.venues.paper.views import TradeQuery
from tests.exchange import crash_exchange
from tests.exchange.crash_exchange import OPTIONS, SLOW_ACCOUNT

pytestmark = pytest.mark.slow

MAKER, TAKER = 31, 32
ACCOUNTS = (MAKER, TAKER, SLOW_ACCOUNT)
KEY = 4
COLLATERAL_PICO = 10**17
ROUNDS = 200
"""No exchange lives so long."""

POINTS: dict[str, dict[str, Any]] = {
    "before a write": {"step": "append journal", "count": 1},
    "in the midst of a write": {"step": "append journal", "count": 1, "when": "half"},
    "between write and sync": {"step": "append journal", "count": 7, "when": "after"},
    "power cut between write and sync": {
        "step": "append journal", "count": 8, "when": "after", "power": True,
    },
    "after the sync, before the answer": {"step": "sync", "count": 7, "when": "after"},
    "before the next journal is made": {"step": "create", "count": 1},
    "after the next journal is made": {"step": "create", "count": 1, "when": "after"},
    "in the midst of a snapshot": {"step": "append snapshot", "count": 1, "when": "half"},
    "only the snapshot's process": {
        "step": "append snapshot", "count": 1, "when": "half", "child": True,
    },
    "before a snapshot gets its name": {"step": "rename", "count": 1},
    "between snapshot and truncation": {"step": "rename", "count": 1, "when": "after"},
    "in the midst of the truncation": {"step": "remove", "count": 1, "when": "after"},
    "power cut in a snapshot": {
        "step": "append snapshot", "count": 1, "when": "half", "power": True,
    },
}  # fmt: skip


@pytest.mark.slow
def test_nothing_that_was_told_is_lost_wherever_the_exchange_dies(tmp_path: Path) -> None:
    """One directory and one client go through all crashes; everything is checked after each."""
    told, state = Told(), tmp_path / "state"
    with runner(state) as exchanges:
        for name, point in [*POINTS.items(), ("a kill from outside", None)]:
            answered = len(told.answered)
            url, pid = exchanges.start(point)
            survives = point is None or point.get("child", False)
            asyncio.run(use(url, told, kill=(pid if survives else None)))

            assert exchanges.wait() == signal.SIGKILL, name
            copy = shutil.copytree(state, tmp_path / name)
            check(name, copy, told)
            assert len(told.answered) > answered, f"{name}: nobody traded before it"
    assert len(told.trades) > 100


# -- what must be there --


def check(name: str, path: Path, told: Told) -> None:
    state = open_state(OPTIONS, path)
    exchange = state.exchange
    # The queue runs empty, as it would if the exchange went on.
    exchange.advance(exchange.now_us + 1_000_000)
    try:
        for tx_hash, (account, nonce) in told.answered.items():
            record = exchange.tx(tx_hash)
            assert record is not None, f"{name}: an answered transaction is lost"
            assert (record.account_index, record.nonce) == (account, nonce)
            assert record.status is not TxStatus.PENDING
        for account in ACCOUNTS:
            check_nonces(name, exchange, account)
        check_trades(name, exchange, told)
        check_conservation(exchange)
    finally:
        state.close()


def check_nonces(name: str, exchange: RecordedExchange, account: int) -> None:
    records = exchange.account_txs(account, limit=100_000)
    nonces = [record.nonce for record in reversed(records)]
    assert nonces == list(range(1, len(nonces) + 1)), f"{name}: a gap in the nonces"
    assert exchange.next_nonce(account, KEY) == len(nonces) + 1


def check_trades(name: str, exchange: RecordedExchange, told: Told) -> None:
    query = TradeQuery(market_id=0, descending=False, limit=100_000)
    trades = exchange.trades(query).trades
    first = OPTIONS.exchange.first_trade_id
    assert [trade.trade_id for trade in trades] == list(range(first, first + len(trades)))
    held = {
        trade.trade_id: rendering_trades.trade(
            trade, exchange.markets[0], viewer=None, complete=False
        )
        for trade in trades
    }
    for trade_id, seen in told.trades.items():
        assert json.loads(json.dumps(held[trade_id])) == seen, f"{name}: another trade than seen"


def check_conservation(exchange: RecordedExchange) -> None:
    views = [view for account in ACCOUNTS if (view := exchange.account(account)) is not None]
    held = [position.position.size_lots for view in views for position in view.positions]
    assert sum(held) == 0
    value = sum(view.total_asset_value_pico for view in views)
    assert value == len(ACCOUNTS) * COLLATERAL_PICO
    book = exchange.book(0)
    resting = sum(
        order.remaining_lots for account in ACCOUNTS for order in exchange.active_orders(account)
    )
    assert sum(level.size_lots for level in (*book.asks, *book.bids)) == resting


# -- the client --


@dataclass
class Told:
    """What an exchange has said, over all its lives."""

    answered: dict[str, tuple[int, int]] = field(default_factory=dict)
    trades: dict[int, dict[str, Any]] = field(default_factory=dict)


async def use(url: str, told: Told, *, kill: int | None) -> None:
    """Trades on two accounts until the connection is gone; kills the exchange in the end."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as http:
        nonces = [await next_nonce(http, url, account) for account in ACCOUNTS]
        sent: dict[str, tuple[int, int]] = {}
        async with http.ws_connect(url.replace("http", "ws") + "/stream") as socket:
            await socket.send_json({"type": "subscribe", "channel": "trade/0"})
            for number in range(ROUNDS):
                if number == 15 and kill is not None:
                    os.kill(kill, signal.SIGKILL)
                try:
                    for index, account in enumerate(ACCOUNTS):
                        nonce = nonces[index] + number
                        await send(socket, account, nonce, number, sent)
                    answers = len(told.answered)
                    while len(told.answered) < answers + 2:
                        hear(await socket.receive(), sent, told)
                except (ConnectionResetError, Gone):
                    return
    raise AssertionError("the exchange lives on: its point was never reached")


class Gone(Exception):
    """The exchange has died."""


async def next_nonce(http: aiohttp.ClientSession, url: str, account: int) -> int:
    query = f"account_index={account}&api_key_index={KEY}"
    async with http.get(f"{url}/api/v1/nextNonce?{query}") as answer:
        nonce: int = (await answer.json())["nonce"]
        return nonce


async def send(
    socket: aiohttp.ClientWebSocketResponse,
    account: int,
    nonce: int,
    number: int,
    sent: dict[str, tuple[int, int]],
) -> None:
    """The maker rests, the taker takes a part of it, the slow account waits for its turn."""
    now_ms = time.time_ns() // 1_000_000
    takes = account == TAKER
    tx = CreateOrder(
        account_index=account,
        api_key_index=KEY,
        nonce=nonce,
        expired_at_ms=now_ms + 599_000,
        market_id=0,
        client_order_index=0,
        base_lots=300 if takes else 500,
        price_ticks=200_000 + (10 if account == SLOW_ACCOUNT else 0),
        is_ask=(number % 2 == 0) is not takes,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if takes else TimeInForce.GTT,
        expiry_ms=0 if takes else now_ms + 3_600_000,
    )
    signed = sign_transaction(tx, chain_id=OPTIONS.chain_id, private_key=None)
    sent[signed.tx_hash] = account, nonce
    data = {"tx_type": signed.tx_type, "tx_info": json.loads(signed.tx_info)}
    await socket.send_json({"type": "jsonapi/sendtx", "data": data})


def hear(message: aiohttp.WSMessage, sent: dict[str, tuple[int, int]], told: Told) -> None:
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise Gone
    frame = message.json()
    assert "error" not in frame, frame
    if frame.get("code") == 200:
        told.answered[frame["tx_hash"]] = sent[frame["tx_hash"]]
    if frame["type"].endswith("/trade"):
        told.trades |= {trade["trade_id"]: trade for trade in frame["trades"]}


# -- processes --


@dataclass
class Exchanges:
    """The runner script, one exchange after the other."""

    process: subprocess.Popen[str]

    def start(self, point: dict[str, Any] | None) -> tuple[str, int]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(point) + "\n")
        self.process.stdin.flush()
        said = self._hear()
        return said["url"], said["pid"]

    def wait(self) -> int:
        status: int = self._hear()["status"]
        return status

    def _hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said


@contextmanager
def runner(state: Path) -> Iterator[Exchanges]:
    process = subprocess.Popen(
        [sys.executable, "-m", crash_exchange.__name__, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        start_new_session=True,
    )
    try:
        yield Exchanges(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
