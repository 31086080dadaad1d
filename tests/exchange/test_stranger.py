"""Strangers at the door: programs that know the SDK and the docs page, but not this package."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgepair_runner.cli.drill import parser_of_drill
from hedgepair_runner.venues.paper.command import add_arguments
from hedgepair_runner.venues.paper.fault_rules import KINDS
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.switches import CHOICES

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "paper-exchange.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`hedgepair exchange` as a process of its own; the folder has the keys that it wrote.

    It must end in peace. One for all tests, as it is slow.
    """
    folder = tmp_path_factory.mktemp("stranger")
    keys = ("--credentials-out", str(folder / "keys.json"), "--accounts", "1,2,3", "--keys", "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "hedgepair_runner", "exchange", "--port", "0", "--strict", *keys],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert "paper exchange at" in process.stdout.readline()
        yield folder
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)
        complaints = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
    assert (code, complaints) == (0, "")


def run(script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Without this project on the path."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-P", str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env=environment,
        check=False,
    )


@pytest.mark.slow
def test_a_client_of_the_sdk_alone_makes_a_round_trip_on_two_accounts(folder: Path) -> None:
    ended = run(HERE / "stranger.py", "keys.json", cwd=folder)

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert 0 < told["bought"] <= 500
    assert told["maker_txs"] >= 2
    assert told["hedger_txs"] == 2


def test_the_stranger_knows_nothing_of_this_package() -> None:
    tree = ast.parse((HERE / "stranger.py").read_text())
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert imported <= {"lighter", "asyncio", "json", "sys", "time", "warnings", "typing"}


# -- the docs page --


def page() -> str:
    return PAGE.read_text()


@pytest.mark.slow
def test_the_docs_example_trades_as_it_stands(folder: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", page(), re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 20
    script = folder / "bot.py"
    script.write_text(example)

    ended = run(script, cwd=folder)

    assert ended.returncode == 0, ended.stderr
    assert "filled 0.0500 ETH" in ended.stdout


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_page_lists_every_profile_with_its_line(profile: object) -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    known = next(each for each in PROFILES.values() if each is profile)

    assert f"| `{known.name}` | {known.summary} |" in rows


@pytest.mark.parametrize("name", [*map(str, KINDS), *CHOICES])
def test_the_page_names_every_fault_and_every_switch(name: str) -> None:
    assert f"`{name}`" in page()


def test_every_option_that_the_page_names_exists() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = {option for action in parser._actions for option in action.option_strings}

    told = set(re.findall(r"--[a-z][a-z0-9-]+", page()))

    drilling = {option for action in parser_of_drill()._actions for option in action.option_strings}
    assert told - known - drilling == set()
    assert known - told - {"-h", "--help"} == set(), "an option without a word on the page"
