"""The paper exchange under load: transactions a second, fan-out, memory, what the hash costs.

    .venv/bin/python tests/bench/exchange.py [--quick]

Server and load are processes of their own; the server has one core. Transactions are signed by the
native signer beforehand; the exchange computes every hash anew and verifies samples in a third
process. The floors are those of a server of the same library that decodes what comes and answers
the same bytes.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

if __name__ == "__main__":
    # A script's folder is on the path, the project's is not.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.paper.transactions import parse_transaction, transaction_hash
from tests.bench.rows import Broken, Figure, Row, quantile, table
from tests.bench.workers import Worker

KEYS: Final = 8
WINDOW: Final = 64
_WITHIN_S: Final = 600.0
_EXAMPLE: Final = (
    '{"AccountIndex":1,"ApiKeyIndex":4,"MarketIndex":0,"ClientOrderIndex":4000002,'
    '"BaseAmount":500,"Price":235000,"IsAsk":1,"Type":0,"TimeInForce":1,"ReduceOnly":0,'
    '"TriggerPrice":0,"OrderExpiry":1795347600000,"ExpiredAt":1795344599000,"Nonce":17,'
    f'"Sig":"{"A" * 107}=","L2TxAttributes":null}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Counts are multiples of 32: four of each key."""

    transactions: int
    one_by_one: int
    watched: int
    watchers: int
    trades: int


QUICK: Final = Effort(transactions=1_600, one_by_one=192, watched=384, watchers=100, trades=100_000)
LONG: Final = Effort(
    transactions=8_000, one_by_one=992, watched=1_920, watchers=100, trades=1_000_000
)


async def measure(quick: bool) -> list[Row]:
    """Raises Broken where something does not work; slow is no failure."""
    return await asyncio.to_thread(_measured, QUICK if quick else LONG)


def _measured(effort: Effort) -> list[Row]:
    with TemporaryDirectory(prefix="hedgepair-bench-") as name:
        home = Path(name)
        return [
            *_transactions(effort, home),
            _fan_out(effort, home),
            _hash(),
            _memory(effort, home),
        ]


# -- transactions --


def _transactions(effort: Effort, home: Path) -> list[Row]:
    count = effort.transactions
    with _load(home) as load:
        _sign(load, 3 * count // KEYS + effort.one_by_one)
        with _server(home, "exchange") as (server, url):
            stream = _busy(server, load, "stream", url=url, count=count, window=WINDOW)
            one = _ask(load, "stream", url=url, count=effort.one_by_one, window=1)
            rest = _busy(server, load, "rest", url=url, count=count)
    with _load(home) as load:
        _sign(load, 2 * count // KEYS)
        with _server(home, "floor") as (server, url):
            stream_floor = _busy(server, load, "stream", url=url, count=count, window=WINDOW)
            rest_floor = _busy(server, load, "rest", url=url, count=count)
    with _load(home) as load:
        _sign(load, count // KEYS)
        with _server(home, "exchange", state=str(home / "state")) as (server, url):
            kept = _busy(server, load, "stream", url=url, count=count, window=WINDOW)
    return [
        Row(
            key="exchange_stream",
            title="Paper exchange, WebSocket: one core, hash of each, signatures sampled",
            figures=[
                _rate("transactions a second", stream, floor=stream_floor, least=800.0),
                _cpu("the server's time for one", stream, floor=stream_floor, least_per_s=800),
                Figure(
                    name="one at a time: answer p50",
                    value=quantile(one["took_s"], 0.5) * 1e3,
                    unit="ms",
                ),
                _rate("with its state in a directory, fsync", kept, floor=None, least=None),
            ],
            notes=[f"{count} transactions, {WINDOW} unanswered at once; a quarter of them trades"],
        ),
        Row(
            key="exchange_rest",
            title="Paper exchange, REST: one core, hash of each, signatures sampled",
            figures=[
                _rate("transactions a second", rest, floor=rest_floor, least=500.0),
                _cpu("the server's time for one", rest, floor=rest_floor, least_per_s=500),
            ],
            notes=[f"{count} transactions on {KEYS} kept connections"],
        ),
    ]


def _rate(
    name: str, told: dict[str, Any], *, floor: dict[str, Any] | None, least: float | None
) -> Figure:
    return Figure(
        name=name,
        value=told["answered"] / told["seconds"],
        unit="/s",
        floor=None if floor is None else floor["answered"] / floor["seconds"],
        least=least,
    )


def _cpu(name: str, told: dict[str, Any], *, floor: dict[str, Any], least_per_s: int) -> Figure:
    """Processor time: what the core can do, whoever else uses the machine meanwhile."""
    return Figure(
        name=name,
        value=told["cpu_s"] / told["answered"] * 1e6,
        unit="µs",
        most=1e6 / least_per_s,
        floor=floor["cpu_s"] / floor["answered"] * 1e6,
    )


# -- fan-out --


def _fan_out(effort: Effort, home: Path) -> Row:
    with _load(home) as load:
        _sign(load, 2 * effort.watched // KEYS)
        with _server(home, "exchange", book_batch_us=0) as (server, url):
            alone = _busy(
                server, load, "watch", url=url, connections=1, count=effort.watched, window=8
            )
            told = _busy(
                server,
                load,
                "watch",
                url=url,
                connections=effort.watchers,
                count=effort.watched,
                window=8,
            )
    if told["least"] != told["most"]:
        raise Broken(f"a watcher had {told['least']} updates, another {told['most']}")
    frames = effort.watchers * told["least"]
    extra_s = told["cpu_s"] - alone["cpu_s"]
    return Row(
        key="exchange_fan_out",
        title=f"Paper exchange: every change of a book at once to {effort.watchers} connections",
        figures=[
            Figure(name="updates a second", value=told["least"] / told["seconds"], unit="/s"),
            Figure(name="frames a second", value=frames / told["seconds"], unit="/s"),
            Figure(
                name="the server's time for one more listener",
                value=extra_s / (frames - alone["least"]) * 1e6,
                unit="µs",
            ),
        ],
        notes=[f"{told['answered']} transactions made {told['least']} updates; none was lost"],
    )


# -- the hash, memory --


def _hash() -> Row:
    tx = parse_transaction(14, _EXAMPLE)
    hash_us = _best_us(lambda: transaction_hash(tx, chain_id=300))
    parse_us = _best_us(lambda: parse_transaction(14, _EXAMPLE))
    return Row(
        key="exchange_hash",
        title="Paper exchange: what a transaction's hash alone costs (two permutations)",
        figures=[
            Figure(name="hash of a create", value=hash_us, unit="µs"),
            Figure(name="parsing it, for comparison", value=parse_us, unit="µs"),
        ],
        notes=["the best of 20 rounds, in this process"],
    )


def _best_us(call: Any) -> float:
    return min(timeit.repeat(call, number=50, repeat=20)) / 50 * 1e6


def _memory(effort: Effort, home: Path) -> Row:
    every = max(effort.trades // 10, 100_000)
    options = {"kind": "memory", "trades": effort.trades, "every": every}
    with Worker("exchange_served", options, home=home, name="memory") as worker:
        grown = worker.hear(within_s=_WITHIN_S)["rss_mib"]
    return Row(
        key="exchange_memory",
        title="Paper exchange: memory, history trimmed by its rule",
        figures=[
            Figure(name=f"after {count:,} trades", value=mib, unit="MiB") for count, mib in grown
        ],
        notes=[
            "rule: 100,000 trades a market, 10,000 an account, 50,000 transactions, bars of 24 h"
        ],
    )


# -- processes --


@contextmanager
def _server(home: Path, kind: str, **options: Any) -> Iterator[tuple[Worker, str]]:
    with Worker("exchange_served", {"kind": kind, **options}, home=home, name=kind) as worker:
        yield worker, worker.hear(within_s=_WITHIN_S)["url"]


@contextmanager
def _load(home: Path) -> Iterator[Worker]:
    with Worker("exchange_load", {}, home=home, name="load") as worker:
        worker.hear(within_s=_WITHIN_S)
        yield worker


def _sign(load: Worker, count: int) -> None:
    load.ask("sign", count=count, within_s=_WITHIN_S)


def _busy(server: Worker, load: Worker, command: str, **arguments: Any) -> dict[str, Any]:
    """What the load says, and the processor time that the server took meanwhile."""
    before = server.ask("tell")["cpu_s"]
    told = _ask(load, command, **arguments)
    return {**told, "cpu_s": server.ask("tell")["cpu_s"] - before}


def _ask(load: Worker, command: str, **arguments: Any) -> dict[str, Any]:
    told = load.ask(command, within_s=_WITHIN_S, **arguments)
    if told["refused"]:
        raise Broken(f"{command}: refused: {told['refused'][:3]}")
    return told


if __name__ == "__main__":
    bench = importlib.import_module("tests.bench.exchange")
    rows = asyncio.run(bench.measure("--quick" in sys.argv))
    sys.stdout.write(f"{os.cpu_count()} cores, market {ETH.symbol}\n" + table(rows))
