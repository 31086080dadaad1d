"""`hedgepair doctor` on a real pair: all green; its hedger dies, and it says where and what."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.__main__ import main
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.local import redis_server
from tests.flow.live_pair import LivePair, live_pair

PAPER = str(Path(__file__).parents[2] / "examples" / "paper.yaml")


async def _doctor(pair: LivePair) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code and checks by "area name"."""
    child = await asyncio.create_subprocess_exec(
        *pair.command("doctor", "-f", str(pair.manifest_path), "-o", "json"),
        "--exchange-url",
        pair.server.url,
        stdout=asyncio.subprocess.PIPE,
        env=pair.environ,
    )
    told, _ = await child.communicate()
    checks = json.loads(told)["checks"]
    return child.returncode or 0, {f"{each['area']} {each['name']}": each for each in checks}


@pytest.mark.slow
def test_a_pair_at_work_is_well_and_without_its_hedger_it_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        with redis_server.start() as redis:
            async with live_pair(redis=redis, home=tmp_path) as pair:
                pair.start(Role.MAKER)
                hedger = pair.start(Role.HEDGER)
                await pair.trade_on()
                code, checks = await _doctor(pair)
                wrong = [each for each in checks.values() if each["health"] in ("bad", "unknown")]
                assert (code, wrong) == (0, [])
                assert checks["positions matched"]["health"] == "good"

                await pair.resting()
                pair.kill(hedger)
                quote = pair.quotes()[0]
                pair.market.fill(quote, quote.remaining_lots)
                await asyncio.sleep(3.5)  # what a report lives
                code, checks = await _doctor(pair)
                assert code == 1
                assert checks["hedger report"]["health"] == "bad"
                assert "hedgepair hedger" in checks["hedger report"]["remedy"]
                assert checks["positions matched"]["health"] == "bad"
                assert "is unhedged" in checks["positions matched"]["saw"]

    asyncio.run(scenario())


def test_with_everything_down_all_is_unknown_or_red_and_it_ends_soon(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nowhere = "127.0.0.1:1"
    words = ["doctor", "-f", PAPER, "--redis", f"redis://{nowhere}/0", "-o", "json"]

    code = main([*words, "--exchange-url", f"http://{nowhere}"])

    told = json.loads(capsys.readouterr().out)
    assert code == 1
    assert told["well"] is False
    assert not [each for each in told["checks"] if each["health"] == "good"]


def test_with_nothing_to_look_at_it_says_what_to_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEDGEPAIR_REDIS_URL", raising=False)

    assert main(["doctor", "-f", PAPER]) == 2
    assert "--redis URL" in capsys.readouterr().err
