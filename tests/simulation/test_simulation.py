"""Seeds of the simulation run clean, and one seed is one run (design §14)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.command import main
from tests.simulation.simulating import simulate

ROOT = Path(__file__).resolve().parents[2]
SEEDS, CHUNK = 300, 10
CHUNKS = range(1, SEEDS + 1, CHUNK)


@pytest.mark.slow
@pytest.mark.parametrize("first", CHUNKS, ids=[f"from {first}" for first in CHUNKS])
def test_no_law_is_broken_under_faults_by_chance(first: int) -> None:
    found = {}
    for seed in range(first, first + CHUNK):
        violations = simulate(seed).violations
        if violations:
            found[seed] = violations
    assert not found, f"{found}: make simulate SEEDS=1 FIRST_SEED={min(found)} TIMELINE=1"


def test_one_seed_is_one_run() -> None:
    first, second = simulate(1), simulate(1)
    assert first.trace
    assert first == second
    assert simulate(2).trace != first.trace


@pytest.mark.slow
def test_one_seed_is_one_run_in_every_process() -> None:
    """Nothing hangs on the order of sets or on where things lie in memory."""
    code = (
        "from tests.simulation.simulating import simulate;"
        "print(*(simulate(seed).trace for seed in range(1, 6)))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(told) == 1


def test_the_command_ends_with_what_was_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1", "--first-seed", "3", "--workers", "1"]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("seeds 1, events ")
    assert last.endswith("violations 0")


def test_a_timeline_tells_what_was_believed_and_what_the_venue_knew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--seeds", "1", "--first-seed", "3", "--timeline"])
    story = capsys.readouterr().out
    for word in ("--- fault ", "hedger-", "maker-", "exchange   account 101", "trades "):
        assert word in story


def test_the_command_refuses_to_play_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--seeds", "0"])
    assert ended.value.code == 2
