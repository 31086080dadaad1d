"""`hedgepair receipts` over a real Redis, and over the history of a local run without one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.__main__ import main
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.local.history import ALARMS, RECEIPTS, Historian, read_alarms, read_receipts
from hedgepair_runner.redis_alarms import RedisAlarms
from hedgepair_runner.redis_bus import RedisBus, connect
from hedgepair_runner.redis_receipts import RedisReceipts
from tests.flow.test_receipt_conformance import FIRST

PAPER = str(Path(__file__).parents[2] / "examples" / "paper.yaml")
PAIR = PairId(namespace="default", pairing="eth-paper")
NOW_MS = int(time.time() * 1_000)
OLD = replace(FIRST, executed_ms=NOW_MS - 3 * 3_600_000)
NEW = replace(FIRST, client_order_index=FIRST.client_order_index + 1, executed_ms=NOW_MS - 60_000)
Captured = pytest.CaptureFixture[str]
Work = Callable[[RedisReceipts, RedisAlarms, RedisBus], Coroutine[Any, Any, None]]


def on_redis(url: str, work: Work) -> None:
    async def run() -> None:
        client = connect(url, timeout_s=5)
        bus = RedisBus(client, client, pair=PAIR, role=Role.HEDGER)
        bus.epoch = 3
        await work(RedisReceipts(client, pair=PAIR), RedisAlarms(client, pair=PAIR), bus)
        await client.aclose()

    asyncio.run(run())


async def fill_in(receipts: RedisReceipts, alarms: RedisAlarms, bus: RedisBus) -> None:
    for receipt in (OLD, NEW):
        await receipts.add(receipt)
    await bus.raise_alarm("ForeignTrade", "somebody traded")
    await bus.raise_alarm("Halted/Unhedged", "the gap stays open")


def said(words: list[str], capsys: Captured) -> str:
    assert main(["receipts", "-f", PAPER, *words]) == 0
    return capsys.readouterr().out


def test_shows_the_receipts_of_a_period(redis_url: str, capsys: Captured) -> None:
    on_redis(redis_url, fill_in)
    where = ["--redis", redis_url]

    assert len(said(where, capsys).splitlines()) == 3
    recent = json.loads(said([*where, "--since", "1h", "-o", "json"], capsys))
    assert [each["client_order_index"] for each in recent] == [NEW.client_order_index]
    summary = json.loads(said([*where, "--since", "4h", "--summary", "-o", "json"], capsys))
    assert summary["orders"] == 2
    assert said([*where, "--since", "1s"], capsys) == "no receipts in this period\n"


def test_shows_alarms_with_severity_role_and_epoch(redis_url: str, capsys: Captured) -> None:
    on_redis(redis_url, fill_in)

    alarms = json.loads(said(["--redis", redis_url, "--alarms", "-o", "json"], capsys))

    assert [(each["kind"], each["severity"]) for each in alarms] == [
        ("ForeignTrade", "warning"),
        ("Halted/Unhedged", "critical"),
    ]
    assert {(each["role"], each["epoch"]) for each in alarms} == {("hedger", 3)}


def test_follows_alarms_as_they_are_told(redis_url: str) -> None:
    words = ["receipts", "-f", PAPER, "--alarms", "--follow", "--redis", redis_url]
    with subprocess.Popen(
        [sys.executable, "-m", "hedgepair_runner", *words], stdout=subprocess.PIPE, text=True
    ) as follower:
        on_redis(redis_url, fill_in)
        assert follower.stdout is not None
        told = [json.loads(follower.stdout.readline()) for _ in range(2)]
        follower.terminate()
        assert follower.wait(timeout=20) == 0

    assert [each["kind"] for each in told] == ["ForeignTrade", "Halted/Unhedged"]


def test_a_history_keeps_what_redis_lost(redis_url: str, tmp_path: Path, capsys: Captured) -> None:
    async def keep(receipts: RedisReceipts, alarms: RedisAlarms, bus: RedisBus) -> None:
        await fill_in(receipts, alarms, bus)
        for _ in range(2):
            historian = Historian(tmp_path, receipts=receipts, alarms=alarms)
            await historian.copy()
            await historian.copy()

    on_redis(redis_url, keep)

    assert list(read_receipts(tmp_path)) == [OLD, NEW]
    assert [alarm.kind for alarm in read_alarms(tmp_path)] == ["ForeignTrade", "Halted/Unhedged"]
    shown = json.loads(said(["--state", str(tmp_path), "--since", "1h", "-o", "json"], capsys))
    assert [each["client_order_index"] for each in shown] == [NEW.client_order_index]
    assert len(said(["--state", str(tmp_path), "--alarms"], capsys).splitlines()) == 3


def test_a_line_that_a_crash_cut_short_is_written_again(redis_url: str, tmp_path: Path) -> None:
    async def keep(receipts: RedisReceipts, alarms: RedisAlarms, bus: RedisBus) -> None:
        await fill_in(receipts, alarms, bus)
        await Historian(tmp_path, receipts=receipts, alarms=alarms).copy()
        for name in (RECEIPTS, ALARMS):
            path = tmp_path / name
            path.write_bytes(path.read_bytes()[:-20])
        await Historian(tmp_path, receipts=receipts, alarms=alarms).copy()

    on_redis(redis_url, keep)

    assert list(read_receipts(tmp_path)) == [OLD, NEW]
    assert len(list(read_alarms(tmp_path))) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--follow"], "--follow is for --alarms", id="nothing to follow"),
        pytest.param(["--state", "/nowhere"], "is no directory", id="no history"),
        pytest.param(["--since", "soon"], "is no duration", id="no period"),
        pytest.param([], "no Redis is named", id="no Redis"),
        pytest.param(["--redis", "redis://127.0.0.1:9/0"], "Redis gave no answer", id="no answer"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(
    words: list[str], sentence: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEDGEPAIR_REDIS_URL", raising=False)
    try:
        code = main(["receipts", "-f", PAPER, *words])
    except SystemExit as ended:
        code = int(ended.code or 0)

    assert code == 2
    assert sentence in capsys.readouterr().err
