"""`hedgepair cancel`, `resume` and `flatten` on real processes, and with `--force` without any."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.__main__ import main
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.local import redis_server
from tests.flow.live_pair import ACCOUNTS, LivePair, live_pair

PAPER = str(Path(__file__).parents[2] / "examples" / "paper.yaml")


async def steer(pair: LivePair, *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, what it told as JSON, and what it said besides."""
    child = await asyncio.create_subprocess_exec(
        *pair.command(words[0], "-f", str(pair.manifest_path), "-o", "json", *words[1:]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=pair.environ,
    )
    told, said = await child.communicate()
    return child.returncode or 0, json.loads(told or "{}"), said.decode()


def positions(pair: LivePair) -> list[int]:
    held = []
    for account in ACCOUNTS.values():
        view = pair.exchange.account(account)
        assert view is not None
        held.append(sum(each.position.size_lots for each in view.positions))
    return held


@pytest.mark.slow
def test_a_pair_is_cancelled_resumed_and_flattened_with_proof(tmp_path: Path) -> None:
    async def scenario() -> None:
        with redis_server.start() as redis:
            async with live_pair(redis=redis, home=tmp_path) as pair:
                children = [pair.start(role) for role in (Role.MAKER, Role.HEDGER)]
                await pair.trade_on(lots=200)

                code, told, _ = await steer(pair, "cancel")
                assert (code, told["proved"]) == (0, True)
                assert pair.quotes() == ()
                assert sum(positions(pair)) == 0
                assert told["roles"]["maker"]["withdrawn_ms"] is not None

                code, told, _ = await steer(pair, "resume")
                assert (code, told["proved"]) == (0, True)
                await pair.trade_on(lots=100)

                code, told, _ = await steer(pair, "flatten")
                assert (code, told["proved"], told["left"]) == (0, True, [])
                assert positions(pair) == [0, 0]
                assert pair.quotes() == ()
                for child in children:
                    await pair.stop(child)
                pair.audit()

    asyncio.run(scenario())


@pytest.mark.slow
def test_what_dead_runners_left_is_taken_away_from_here(tmp_path: Path) -> None:
    async def scenario() -> None:
        with redis_server.start() as redis:
            async with live_pair(redis=redis, home=tmp_path) as pair:
                children = [pair.start(role) for role in (Role.MAKER, Role.HEDGER)]
                await pair.trade_on(lots=200)
                await pair.resting()
                for child in children:
                    pair.kill(child)
                await asyncio.sleep(3.5)  # what a report lives
                assert pair.quotes()

                code, _, said = await steer(pair, "cancel")
                assert code == 2
                assert "the maker and hedger do not report" in said
                assert "--force" in said
                assert pair.quotes()

                force = ("--force", "--exchange-url", pair.server.url)
                code, told, said = await steer(pair, "cancel", *force)
                assert (code, told["proved"]) == (0, True), said
                assert pair.quotes() == ()

                code, told, said = await steer(pair, "flatten", *force)
                assert (code, told["proved"]) == (0, True), said
                assert positions(pair) == [0, 0]
                pair.audit()

    asyncio.run(scenario())


def test_without_redis_and_without_force_nobody_can_be_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEDGEPAIR_REDIS_URL", raising=False)

    assert main(["cancel", "-f", PAPER]) == 2
    assert "--force to do it from here" in capsys.readouterr().err
    assert main(["flatten", "-f", PAPER, "--redis", "redis://127.0.0.1:1/0"]) == 2
    assert "no runner was asked" in capsys.readouterr().err


def test_money_is_asked_about_first(capsys: pytest.CaptureFixture[str]) -> None:
    testnet = str(Path(PAPER).with_name("testnet.yaml"))
    for command in ("cancel", "flatten", "resume"):
        assert main([command, "-f", testnet, "--redis", "redis://127.0.0.1:1/0"]) == 2
        said = capsys.readouterr().err
        assert "default/eth-testnet" in said
        assert "on Testnet" in said
        assert "add --yes" in said
