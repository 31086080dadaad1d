"""`hedgepair status` and `acknowledge`: what runners reported, what halts, and who ends it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hedgepair_runner.__main__ import main
from hedgepair_runner.contract.halts import Halt, HaltReason, new_halt
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.status import RestingOrder, RunnerReport, RunnerState
from hedgepair_runner.local.overview import Overview, PairFacts, plain_lines
from hedgepair_runner.local.pair_remote import PairRemote
from hedgepair_runner.redis_bus import RedisBus, connect

PAPER = str(Path(__file__).parents[2] / "examples" / "paper.yaml")
PAIR = PairId(namespace="default", pairing="eth-paper")
NOW_MS = time.time_ns() // 1_000_000
HALT = new_halt(
    reason=HaltReason.FOREIGN_ORDERS,
    message="Account 111 has 2 resting ETH orders that no HedgePair placed.",
    since_ms=NOW_MS - 90_000,
    role="maker",
    pair=str(PAIR),
)
MAKER = RunnerReport(
    role="maker",
    holder="host/1/abc",
    version="0.1.0",
    state=RunnerState.HOLDING,
    reason="the book is stale",
    epoch=7,
    reported_ms=NOW_MS,
    market="ETH",
    size_decimals=4,
    price_decimals=2,
    position_lots=382,
    resting=(
        RestingOrder(
            client_order_index=5,
            is_ask=True,
            price_ticks=236143,
            remaining_lots=382,
            placed_ms=NOW_MS - 700,
        ),
    ),
    source_ages_s={"market": 0.5, "account": None},
    generation=3,
    step=1,
    wish="Run",
    margin_distance="0.41",
)
HEDGER = RunnerReport(
    role="hedger",
    holder="host/2/def",
    version="0.1.0",
    state=RunnerState.RUNNING,
    reported_ms=NOW_MS,
    size_decimals=4,
    price_decimals=2,
    position_lots=-300,
    gap_lots=82,
    unhedged_s=1.25,
    hedges=49,
    daily_pnl="-0.0802",
)
FACTS = PairFacts(
    pair=str(PAIR),
    mode="Hedge",
    market="ETH",
    network="Paper",
    file="pair.yaml",
    roles=(Role.MAKER, Role.HEDGER),
)
Captured = pytest.CaptureFixture[str]


def report(redis_url: str, *reports: RunnerReport) -> None:
    async def write() -> None:
        client = connect(redis_url, timeout_s=2)
        bus = RedisBus(client, client, pair=PAIR)
        for each in reports:
            await bus.write_report(Role[each.role.upper()], each, ttl_ms=60_000)
        await client.aclose()

    asyncio.run(write())


def standing(redis_url: str) -> tuple[Halt, ...]:
    async def read() -> tuple[Halt, ...]:
        async with PairRemote(redis_url, PAIR) as remote:
            return (await remote.see()).halts

    return asyncio.run(read())


def overview(**changes: RunnerReport | None) -> Overview:
    return Overview(
        facts=FACTS,
        reports={
            Role.MAKER: changes.get("maker", MAKER),
            Role.HEDGER: changes.get("hedger", HEDGER),
        },
        halts=(),
        read_ms=NOW_MS,
        unknown_since_ms={Role.MAKER: NOW_MS - 7_000},
    )


def test_shows_both_legs_side_by_side_and_what_is_open(redis_url: str, capsys: Captured) -> None:
    report(redis_url, MAKER, HEDGER)

    assert main(["status", "-f", PAPER, "--redis", redis_url]) == 0

    told = " ".join(capsys.readouterr().out.split())
    assert "default/eth-paper · Hedge · ETH · Paper" in told
    assert "net +0.0082" in told
    assert "hedged no: +0.0082 open for 1.2 s" in told
    assert "resting sell 0.0382 at 2361.43, for" in told
    assert "state Holding Running" in told
    assert "because the book is stale" in told
    assert "position +0.0382 -0.0300" in told
    assert "account stream unknown" in told
    assert "wish Run (3.1)" in told
    assert "today -0.0802 USDC" in told


def test_unknown_is_never_a_number() -> None:
    told = "\n".join(plain_lines(overview(hedger=replace(HEDGER, position_lots=None)), width=80))
    assert "net              unknown" in told

    told = "\n".join(plain_lines(overview(hedger=replace(HEDGER, gap_lots=None)), width=80))
    assert "hedged           unknown" in told

    told = "\n".join(plain_lines(overview(maker=None), width=80))
    assert "no report for 7.0 s" in told
    assert "net              unknown" in told


def test_no_line_is_wider_than_a_narrow_terminal() -> None:
    long = replace(MAKER, reason="the hedger has not reported that it covers trade 1000123 yet")

    lines = plain_lines(overview(maker=long), width=80)

    assert max(len(line) for line in lines) <= 80


def test_json_has_both_by_role_and_what_they_mean_together(
    redis_url: str, capsys: Captured
) -> None:
    report(redis_url, MAKER)

    code = main(["status", "-f", PAPER, "--redis", redis_url, "-o", "json"])

    told = json.loads(capsys.readouterr().out)
    assert code == 1
    assert told["maker"]["epoch"] == 7
    assert told["maker"]["gap_lots"] is None
    assert told["hedger"] is None
    assert told["net"] is None
    assert told["hedged"] is None
    assert told["ages_s"]["hedger"] is None


def test_a_halt_is_shown_with_the_command_that_ends_it(redis_url: str, capsys: Captured) -> None:
    report(redis_url, replace(MAKER, halts=(HALT,)), HEDGER)

    main(["status", "-f", PAPER, "--redis", redis_url])

    told = capsys.readouterr().out
    assert f"HALT {HALT.id}  ForeignOrders, maker, " in told
    assert f"hedgepair acknowledge -f {PAPER} {HALT.id}" in told


def test_acknowledging_ends_that_very_halt(redis_url: str, capsys: Captured) -> None:
    other = replace(HALT, id="0badcafe")
    report(redis_url, replace(MAKER, halts=(HALT, other)))
    words = ["acknowledge", "-f", PAPER, "--redis", redis_url]

    assert main([*words, HALT.id]) == 0

    told = capsys.readouterr().out
    assert f"{HALT.id} is acknowledged; the maker did not take note yet" in told
    assert "0badcafe  ForeignOrders" in told
    assert [halt.id for halt in standing(redis_url)] == ["0badcafe"]
    assert main([*words, HALT.id]) == 0
    assert "was acknowledged before" in capsys.readouterr().out


def test_an_id_that_stands_nowhere_is_refused_with_those_that_do(
    redis_url: str, capsys: Captured
) -> None:
    report(redis_url, replace(MAKER, halts=(HALT,)))
    words = ["acknowledge", "-f", PAPER, "--redis", redis_url]

    assert main([*words, "deadbeef"]) == 2
    said = capsys.readouterr().err
    assert "no halt deadbeef stands" in said
    assert f"{HALT.id}  ForeignOrders, maker: {HALT.message}" in said

    assert main(words) == 0
    assert HALT.id in capsys.readouterr().out


def test_top_without_a_terminal_names_the_command_for_scripts(capsys: Captured) -> None:
    assert main(["top", "-f", PAPER, "--redis", "redis://127.0.0.1:1/0"]) == 2
    assert "hedgepair status --output json" in capsys.readouterr().err
