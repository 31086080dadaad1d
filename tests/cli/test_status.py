"""`hedgepair status` shows what the runners reported, and tells unknown from zero."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hedgepair_runner.__main__ import main
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.status import RestingOrder, RunnerReport, RunnerState
from hedgepair_runner.redis_bus import RedisBus, connect

PAPER = str(Path(__file__).parents[2] / "examples" / "paper.yaml")
PAIR = PairId(namespace="default", pairing="eth-paper")
MAKER = RunnerReport(
    role="maker",
    holder="host/1/abc",
    version="0.1.0",
    state=RunnerState.HOLDING,
    reason="the book is stale",
    epoch=7,
    market="ETH",
    position_lots=0,
    resting=(
        RestingOrder(
            client_order_index=5, is_ask=True, price_ticks=10, remaining_lots=3, placed_ms=1
        ),
    ),
    source_ages_s={"book": 0.5, "account": None},
)
HEDGER = RunnerReport(
    role="hedger", holder="host/2/def", version="0.1.0", state=RunnerState.RUNNING
)


def report(redis_url: str, *reports: RunnerReport) -> None:
    async def write() -> None:
        client = connect(redis_url, timeout_s=2)
        bus = RedisBus(client, client, pair=PAIR)
        for each in reports:
            await bus.write_report(Role[each.role.upper()], each, ttl_ms=60_000)
        await client.aclose()

    asyncio.run(write())


def test_shows_both_reports_and_why_one_holds(
    redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report(redis_url, MAKER, HEDGER)

    assert main(["status", "-f", PAPER, "--redis", redis_url]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "maker    Holding: the book is stale"
    assert "hedger   Running" in lines
    assert "  position_lots            0" in lines
    assert "  source_ages_s            book 0.5, account unknown" in lines


def test_json_has_both_by_role(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    report(redis_url, MAKER)

    code = main(["status", "-f", PAPER, "--redis", redis_url, "-o", "json"])

    reports = json.loads(capsys.readouterr().out)
    assert code == 1
    assert reports["maker"]["epoch"] == 7
    assert reports["maker"]["gap_lots"] is None
    assert reports["hedger"] is None
