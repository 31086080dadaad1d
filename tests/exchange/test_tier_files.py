"""`--latency FILE`: a tier of one's own, or a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hedgepair_runner.venues.paper.settings import Tier
from hedgepair_runner.venues.paper.tier_files import TierFileError, read_tier

EXCHANGE = (sys.executable, "-m", "hedgepair_runner.venues.paper")


def test_every_field_is_read_and_has_a_default() -> None:
    text = """
    name: mine
    makerDelayMs: 5
    takerDelayMs: 25
    makerFeeMillionths: 20
    takerFeeMillionths: 200
    hasVolumeQuota: true
    """

    assert read_tier(text) == Tier(
        name="mine",
        maker_delay_us=5_000,
        taker_delay_us=25_000,
        maker_fee_millionths=20,
        taker_fee_millionths=200,
        has_volume_quota=True,
    )
    assert read_tier('{"takerDelayMs": 7}') == Tier(name="standard", taker_delay_us=7_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[", "neither YAML nor JSON", id="broken"),
        pytest.param("", "holds no fields", id="empty"),
        pytest.param("takerDelay: 5", "takerDelay is no field", id="unknown field"),
        pytest.param("takerDelayMs: -1", "takerDelayMs must be a whole number", id="negative"),
        pytest.param("makerFeeMillionths: 0.5", "makerFeeMillionths must be", id="fraction"),
        pytest.param("makerDelayMs: true", "makerDelayMs must be", id="flag for a number"),
        pytest.param("name: 5", "name must be a text", id="name"),
        pytest.param("hasVolumeQuota: 1", "true or false", id="number for a flag"),
    ],
)
def test_what_is_no_tier_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(TierFileError, match=words):
        read_tier(text)


@pytest.mark.parametrize("name", ["absent.yaml", "wrong.yaml"])
def test_the_command_refuses_a_file_that_names_no_tier(tmp_path: Path, name: str) -> None:
    (tmp_path / "wrong.yaml").write_text("takerDelay: 5\n", encoding="utf-8")

    ran = subprocess.run(
        [*EXCHANGE, "--port", "0", "--latency", str(tmp_path / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 2
    assert "--latency" in ran.stderr
    assert "standard" in ran.stderr or "takerDelay is no field" in ran.stderr
