"""The demo and `hedgepair run`, whole: real processes, real Redis, real signatures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FIELDS = {
    "fills",
    "hedged_fills",
    "maker_position",
    "hedger_position",
    "net",
    "resting_orders",
    "fill_to_hedge_ms",
    "pnl",
}


def hedgepair(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hedgepair_runner", *words],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=cwd,
        env=os.environ | {"TMPDIR": str(cwd)},
    )


def result_of(stdout: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(stdout.splitlines()[-1])
    return result


def assert_hedged(result: dict[str, Any]) -> None:
    assert set(result) == FIELDS
    assert result["fills"] > 0
    assert result["hedged_fills"] == result["fills"]
    assert Decimal(result["net"]) == 0
    assert Decimal(result["maker_position"]) == -Decimal(result["hedger_position"])
    assert result["resting_orders"] == 0
    assert 0 <= result["fill_to_hedge_ms"]["p50"] <= result["fill_to_hedge_ms"]["p99"]


def test_the_demo_s_manifest_is_the_example() -> None:
    packaged = (files("hedgepair_runner.local") / "paper.yaml").read_text(encoding="utf-8")

    assert packaged == (ROOT / "examples" / "paper.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_demo_ends_by_itself_hedged_and_leaves_nothing(tmp_path: Path) -> None:
    run = hedgepair("demo", "--seconds", "10", "--json", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    assert_hedged(result_of(run.stdout))
    assert "maker rests " in run.stdout
    assert "hedger " in run.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_pair_runs_in_one_process_on_an_embedded_exchange(tmp_path: Path) -> None:
    example = str(ROOT / "examples" / "paper.yaml")

    run = hedgepair("run", "-f", example, "--for", "9s", "--summary", "json", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    assert_hedged(result_of(run.stdout))


@pytest.mark.slow
def test_an_interrupt_ends_the_demo_in_order(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hedgepair_runner", "demo", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as demo:
        assert demo.stdout is not None
        head = ""
        while "maker bought" not in head:
            head += demo.stdout.readline()
        demo.send_signal(signal.SIGINT)
        tail, errors = demo.communicate(timeout=60)

    assert demo.returncode == 0, errors
    assert_hedged(result_of(tail))


@pytest.mark.slow
def test_a_runner_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hedgepair_runner", "demo", "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as demo:
        assert demo.stdout is not None
        while "hedger is " not in demo.stdout.readline():
            continue
        os.kill(child_of(demo.pid, "hedger"), signal.SIGKILL)
        _, errors = demo.communicate(timeout=60)

    assert demo.returncode == 1
    assert "the hedger ended by itself with exit code -9" in errors
    (folder,) = tmp_path.glob("hedgepair-demo-*")
    assert f"all logs are in {folder}" in errors
    assert (folder / "maker.log").exists()


def child_of(parent: int, role: str) -> int:
    """The process number of the demo's runner."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                above = (entry / "stat").read_text().rsplit(") ", 1)[1].split()[1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(above) == parent and role.encode() in arguments:
                return int(entry.name)
        time.sleep(0.05)
    raise AssertionError(f"the demo has no {role}")
