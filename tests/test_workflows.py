"""Public CI: its workflows call targets of our Makefile that exist, at versions that are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_targets_that_exist(path: Path) -> None:
    text = path.read_text()
    jobs = yaml.safe_load(text)["jobs"]
    assert all(job["steps"] and job["timeout-minutes"] for job in jobs.values())
    called = set(re.findall(r"\bmake ([a-z0-9-]+)", text))
    assert called <= TARGETS


def test_every_action_is_named_with_its_version() -> None:
    for path in WORKFLOWS:
        for action in re.findall(r"uses: (\S+)", path.read_text()):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+", action), action


def test_public_ci_covers_the_kubernetes_versions_that_the_chart_accepts() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yaml").read_text())["jobs"]
    versions = jobs["cluster"]["strategy"]["matrix"]["kubernetes"]
    assert versions[0].startswith("v1.31.")
    assert versions == sorted(versions)
