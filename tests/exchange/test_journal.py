"""The paper exchange's state in a directory: noted, carried out again, bounded, refused."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper import command, freezing
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.freezing import BadSnapshotError, Frozen
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.journal_lines import Chain, read_lines
from hedgepair_runner.venues.paper.markets import BTC, ETH
from hedgepair_runner.venues.paper.outbox import Outbox
from hedgepair_runner.venues.paper.recording import RecordedExchange
from hedgepair_runner.venues.paper.state_dir import StateDir, StateError
from hedgepair_runner.venues.paper.state_disk import Disk
from hedgepair_runner.venues.paper.views import TradeQuery
from tests.exchange.statecraft import (
    DIRECT,
    START_US,
    ForgetfulDisk,
    Life,
    SlowDisk,
    new_exchange,
    open_state,
    state_of,
)

READS = {
    "account", "account_txs", "accounts_of", "active_orders", "api_keys", "book", "examine",
    "fees_collected_pico", "height", "inactive_orders", "index_price_ticks", "mark_price_ticks",
    "minute_bars", "next_due_us", "next_nonce", "order_counts", "orders_by_client_index",
    "public_key", "statistics", "touch", "trades", "tx", "tx_by_sequence",
}  # fmt: skip
MADE_OF_OTHERS = {"set_market_status"}
EVERY_TRADE = TradeQuery(market_id=0, limit=1_000_000)


def test_every_door_of_the_exchange_is_a_read_or_noted() -> None:
    doors = {name for name in vars(Exchange) if not name.startswith("_")}

    noted = doors & vars(RecordedExchange).keys()

    assert doors - noted - MADE_OF_OTHERS == READS, "note the new door in `recording`"


# -- the same calls, the same state --


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@example(seed=1922, cut=85)
@example(seed=381, cut=137)
@given(seed=st.integers(0, 2**32), cut=st.integers(0, 250))
def test_a_snapshot_and_the_calls_after_it_give_the_same_exchange(seed: int, cut: int) -> None:
    exchange, chain, lines = new_exchange(), Chain(), list[bytes]()
    exchange.note = lambda entry: lines.append(chain.line(entry))
    life = Life(exchange, Random(seed))
    life.go(cut)
    early = freezing.freeze(exchange, Frozen(generation=1, identity={}))
    before = len(lines)
    life.go(250 - cut)

    from_start, from_snapshot = new_exchange(), freezing.thaw(early)
    whole = read_lines(b"".join(lines), from_start.repeat)
    entries: list[Any] = []
    read_lines(b"".join(lines), entries.append)
    for entry in entries[before:]:
        from_snapshot.repeat(entry)

    assert whole.count == len(lines)
    for each in (exchange, from_start, from_snapshot):
        each.note = lambda entry: None
        # A look at the clock is not noted where nothing was due.
        each.advance(exchange.now_us)
    wanted = state_of(exchange)
    assert state_of(from_start) == wanted
    assert state_of(from_snapshot) == wanted


def test_a_torn_or_changed_line_ends_the_journal_where_it_stands() -> None:
    chain = Chain()
    entries: list[list[Any]] = [["a", 1], ["b", "ü"], ["c", [2, 3]]]
    lines = [chain.line(entry) for entry in entries]
    whole = b"".join(lines)
    ends = [len(b"".join(lines[:count])) for count in range(len(lines) + 1)]

    for length in range(len(whole) + 1):
        found: list[Any] = []
        read = read_lines(whole[:length], found.append)
        assert found == entries[: sum(end <= length for end in ends) - 1]
        assert read.length == max(end for end in ends if end <= length)
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1
        found = []
        read_lines(bytes(changed), found.append)
        assert found == entries[: sum(end <= position for end in ends) - 1]


def test_a_line_of_another_place_breaks_the_chain() -> None:
    chain = Chain()
    first, second = chain.line(["a"]), chain.line(["b"])
    found: list[Any] = []

    read_lines(first + first + second, found.append)
    read_lines(second, found.append)

    assert found == [["a"]]


# -- directories --


def test_an_exchange_goes_on_where_its_directory_ends(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    Life(state.exchange, Random(1)).go(150)
    state.commit()
    wanted = state_of(state.exchange)
    with killed(state):
        again = open_state(tmp_path)

    again.exchange.advance(state.exchange.now_us)
    assert state_of(again.exchange) == wanted
    again.close()
    third = open_state(tmp_path)
    assert state_of(third.exchange) == wanted
    third.close()


def test_what_was_not_committed_is_not_there(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    trade(state.exchange)
    state.commit()
    trade(state.exchange)
    with killed(state):
        again = open_state(tmp_path)

    assert len(again.exchange.trades(EVERY_TRADE).trades) == 1
    again.close()


@pytest.mark.parametrize("more", [{"seed": "other"}], ids=["seed"])
def test_a_directory_of_another_exchange_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    open_state(tmp_path).close()

    with pytest.raises(StateError, match=r"another seed \(state, not other\)"):
        open_state(tmp_path, **more)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--chain-id", "5"], "another chain id (300, not 5)"),
        (["--market", "ETH"], "other markets (BTC)"),
        (["--market", "ETH", "--market", "BTC", "--latency", "premium"],
         "other settings (default_tier)"),
    ],
    ids=["chain id", "markets", "settings"],
)  # fmt: skip
def test_the_command_says_whose_directory_it_is(
    tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def make() -> None:
        options = ExchangeOptions(
            markets=(ETH, BTC), gateway=UNCHECKED, state_dir=tmp_path, state_syncs=False
        )
        async with serve(options):
            pass

    asyncio.run(make())
    chosen = arguments if "--market" in arguments else ["--market", "ETH", "--market", "BTC"]
    chosen = [*chosen, *arguments] if chosen is not arguments else chosen

    code = command.main(["--port", "0", "--signatures", "off", "--state", str(tmp_path), *chosen])

    assert code == command.MISUSED
    assert sentence in capsys.readouterr().err


def test_another_build_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_state(tmp_path).close()
    monkeypatch.setattr("hedgepair_runner.venues.paper.state_identity.build", lambda: "newer")

    with pytest.raises(StateError, match=r"another build .*, not newer"):
        open_state(tmp_path)


def test_two_exchanges_do_not_share_a_directory(tmp_path: Path) -> None:
    state = open_state(tmp_path)

    with pytest.raises(StateError, match="in use by another exchange"):
        open_state(tmp_path)

    state.close()
    open_state(tmp_path).close()


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    open_state(tmp_path).close()
    [path] = tmp_path.glob("snapshot-*.bin")
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(StateError, match="cut off or changed"):
        open_state(tmp_path)


def test_a_snapshot_names_nothing_but_an_exchange() -> None:
    frozen = freezing.freeze(new_exchange(), Frozen(generation=1, identity={}))
    head = frozen[: frozen.index(b"\n") + 1]

    with pytest.raises(BadSnapshotError, match=r"has no posix\.system"):
        freezing.thaw(head + b"cposix\nsystem\n(S'true'\ntR.")
    with pytest.raises(BadSnapshotError, match="not an exchange"):
        freezing.thaw(head + pickle.dumps([1]))


# -- bounds --


def test_the_disk_holds_no_more_than_two_journals_and_snapshots(tmp_path: Path) -> None:
    """Rule: after so many bytes of journal a snapshot, then the older journal goes."""
    state, most = open_state(tmp_path, disk=Disk(syncs=False), snapshot_every_bytes=20_000), 0
    for _ in range(40):
        for _ in range(20):
            trade(state.exchange)
        state.commit()
        wait_for_snapshot(state)
        sizes = [path.stat().st_size for path in tmp_path.glob("journal-*.log")]
        most = max(most, sum(sizes))
        assert len(list(tmp_path.glob("snapshot-*.bin"))) == 1
    wanted = state_of(state.exchange)
    with killed(state):
        again = open_state(tmp_path)

    assert most < 2 * 20_000 + 10_000
    assert state_of(again.exchange) == wanted
    again.close()


def test_a_snapshot_that_fails_costs_nothing(tmp_path: Path) -> None:
    disk = ForgetfulDisk(syncs=False)
    state = open_state(tmp_path, disk=disk, snapshot_every_bytes=3_000)
    disk.fails_in_children = True
    for _ in range(60):
        trade(state.exchange)
        state.commit()
        wait_for_snapshot(state)
    journals = len(list(tmp_path.glob("journal-*.log")))
    with killed(state):
        again = open_state(tmp_path, snapshot_every_bytes=3_000)
    trades = again.exchange.trades(EVERY_TRADE).trades
    again.tend()
    wait_for_snapshot(again)

    assert journals > 2
    assert len(trades) == 40, "the history of this exchange is as short as that"
    assert trades[0].trade_id == 1_000_059
    assert len(list(tmp_path.glob("journal-*.log"))) == 1, "the overdue snapshot is made at once"
    again.close()


def test_a_disk_that_fails_stops_the_answers(tmp_path: Path) -> None:
    disk = ForgetfulDisk(syncs=False)
    state = open_state(tmp_path, disk=disk)
    disk.is_full = True
    trade(state.exchange)

    with pytest.raises(StateError, match="cannot write the journal: No space left"):
        state.commit()


# -- nothing leaves before it is safe --


def test_frames_and_answers_wait_for_the_disk_in_their_order(tmp_path: Path) -> None:
    asyncio.run(_frames_and_answers_wait_for_the_disk_in_their_order(tmp_path))


async def _frames_and_answers_wait_for_the_disk_in_their_order(tmp_path: Path) -> None:
    disk = SlowDisk()
    state = open_state(tmp_path, disk=disk)
    disk.is_slow = True
    outbox, sent = Outbox(state), list[bytes]()
    running = asyncio.create_task(outbox.run())

    outbox.deliver(sent.append, b"before")
    trade(state.exchange)
    outbox.deliver(sent.append, b"one")
    answer = asyncio.create_task(outbox.settled())
    await until(disk.waits.is_set)
    trade(state.exchange)
    outbox.deliver(sent.append, b"two")
    early = list(sent), answer.done()
    disk.goes_on.set()
    await answer
    await until(lambda: len(sent) == 3)

    assert early == ([b"before"], False)
    assert sent == [b"before", b"one", b"two"]
    assert state.is_durable
    running.cancel()
    await asyncio.wait([running])
    outbox.close()
    state.close()


# -- the server --

UNCHECKED = GatewaySettings(checking=Checking.OFF)


def test_a_served_exchange_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Trade ids, engine nonces, the book and its chain of nonces, the price of the market."""
    asyncio.run(_a_served_exchange_goes_on_after_a_restart(tmp_path))


async def _a_served_exchange_goes_on_after_a_restart(tmp_path: Path) -> None:
    options = ExchangeOptions(
        markets=(ETH,),
        gateway=UNCHECKED,
        profile=replace(PROFILES["demo"], takes_per_s=50),
        state_dir=tmp_path,
        state_syncs=False,
    )
    async with serve(options) as server:
        exchange = server.gateway.exchange
        await until(lambda: bool(exchange.trades(EVERY_TRADE).trades))
    before = exchange.trades(EVERY_TRADE).trades
    touch, price = exchange.touch(0), exchange.index_price_ticks(0)

    async with serve(replace(options, profile=None)) as server:
        again = server.gateway.exchange
        assert again.trades(EVERY_TRADE).trades == before
        assert again.touch(0) == touch
        assert again.index_price_ticks(0) == price
        async with aiohttp.ClientSession() as client, client.ws_connect(server.ws_url) as socket:
            await socket.send_json({"type": "subscribe", "channel": "order_book/0"})
            frames = [await socket.receive_json() for _ in range(2)]
            now_us = server.gateway.now_us()
            server.gateway.publish(trade(again, now_us=now_us))
            update = await socket.receive_json()
    after = again.trades(EVERY_TRADE).trades

    assert frames[1]["order_book"]["nonce"] == touch.engine_nonce
    assert update["order_book"]["begin_nonce"] == touch.engine_nonce
    assert after[0].trade_id == before[0].trade_id + 1
    assert after[0].engine_nonce > before[0].engine_nonce
    assert before[0].trade_id - before[-1].trade_id == len(before) - 1


# -- what the tests are made of --


def trade(exchange: Any, *, now_us: int = START_US) -> list[Any]:
    """One trade between two accounts of the generator, far from everybody else's orders."""
    events = []
    for account, is_ask in ((DIRECT, True), (DIRECT + 1, False)):
        events += exchange.place_direct(
            account, market_id=0, is_ask=is_ask, size_lots=500, price_ticks=250_000, now_us=now_us
        )
    return events


@contextmanager
def killed(state: StateDir) -> Iterator[None]:
    """As if its process were gone: the lock is free, and nothing more is written."""
    assert state._lock is not None
    os.close(state._lock)
    os.close(state._journal)
    state._lock = None
    yield


def wait_for_snapshot(state: StateDir) -> None:
    state.tend()
    while state.is_writing_snapshot:
        threading.Event().wait(0.001)
        state.tend()


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)
