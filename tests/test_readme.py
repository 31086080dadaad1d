"""The README tells what is: its commands run, its tables name what exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hedgepair_runner.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BY_CI = {"make demo", "make test"}
"""What `.ci/run` itself calls."""


def console_blocks() -> list[tuple[str, str]]:
    """(command, what the README shows below it)."""
    blocks = re.findall(r"```console\n\$ (.+)\n((?:.*\n)*?)```", README)
    return [(command, shown) for command, shown in blocks]


def test_ci_runs_what_the_first_page_offers() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = {command for command, _ in console_blocks()}

    assert commands >= BY_CI
    assert all(command in ci for command in BY_CI)


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "shown"),
    [pytest.param(*block, id=block[0]) for block in console_blocks() if block[0] not in BY_CI],
)
def test_a_command_of_the_readme_does_what_it_shows(command: str, shown: str) -> None:
    ran = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )

    assert ran.returncode == (2 if "is refused" in shown else 0), ran.stderr
    assert shown.strip() in ran.stdout + ran.stderr


def test_every_command_is_in_the_table_and_every_row_is_a_command() -> None:
    rows = re.findall(r"^\| (`hedgepair .+?) \|", README, flags=re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`hedgepair (\w+)", row)}

    assert named == {command.name for command in COMMANDS} - {"version"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/guarantees.md"])
def test_what_a_page_links_to_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    folder = (ROOT / page).parent
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)

    missing = [target for target in targets if not (folder / target).exists()]

    assert missing == []


def test_every_test_that_the_guarantees_name_exists() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", text))

    assert files
    assert [file for file in sorted(files) if not (ROOT / file).exists()] == []


def test_the_readme_s_smallest_pair_is_the_example() -> None:
    example = (ROOT / "examples" / "minimum.yaml").read_text(encoding="utf-8")
    lines = [line for line in example.splitlines() if line and not line.startswith("#")]

    assert "\n".join(lines) in README
