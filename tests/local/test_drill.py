"""`hedgepair drill`, whole: a real Redis, real runners, an exchange with faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hedgepair_runner.__main__ import main

EXAMPLES = Path(__file__).parents[2] / "examples"


def drill(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hedgepair_runner", "drill", *words],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=home,
        env=os.environ | {"TMPDIR": str(home)},
    )


@pytest.mark.slow
def test_three_drills_end_clean_and_leave_nothing(tmp_path: Path) -> None:
    names = ("answer-cut", "hedger-cut", "hedge-partly-filled")
    only = [word for name in names for word in ("--only", name)]

    run = drill("-f", str(EXAMPLES / "paper.yaml"), *only, "-o", "json", home=tmp_path)

    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["clean"] is True
    assert [each["name"] for each in result["drills"]] == list(names)
    assert all(each["fills"] == each["hedged_fills"] >= 3 for each in result["drills"])
    assert run.stderr.count("clean: ") == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "-f/--file"),
        (["-f", str(EXAMPLES / "testnet.yaml")], "spec.exchange.network Testnet"),
        (["-f", str(EXAMPLES / "maker-only.yaml")], "spec."),
        (["-f", str(EXAMPLES / "paper.yaml"), "--only", "hedger-kiled"], "mean hedger-killed?"),
    ],
    ids=["no manifest", "not on paper", "one leg", "no such drill"],
)
def test_what_cannot_be_drilled_is_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["drill", *words])
    except SystemExit as exit_:
        code = int(exit_.code or 0)

    said = capsys.readouterr()
    assert code == 2
    assert sentence in said.err
    assert said.out == ""
