"""The benchmark itself works: a quick run measures every row, and every fill was hedged."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.rows import Figure, quantile
from tests.bench.workers import ROOT

ROWS = ["fill_to_hedge", "times_floor", "sustained", "memory", "starting"]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_quick_run_measures_every_row_and_hedges_every_fill() -> None:
    ran = subprocess.run(
        [sys.executable, "tests/bench/run.py", "--quick", "--json", "-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    story = json.loads(ran.stdout)
    assert story["failures"] == []
    assert [row["key"] for row in story["rows"]] == ROWS
    for row in story["rows"]:
        assert row["figures"], row["key"]
        for figure in row["figures"]:
            assert figure["value"] > 0, figure
            assert figure["is_met"] in (True, False, None)
    fills, _, sustained, memory, starting = story["rows"]
    assert all(each["samples"] >= 5 for each in fills["details"].values())
    assert sustained["details"]["steps"][0]["holds"]
    assert set(memory["details"]) == {"floor_mib", "maker", "hedger"}
    assert set(starting["details"]["clean_phases_s"]) == {
        *("process", "lease", "fence", "read", "quote")
    }


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        pytest.param(Figure(name="a", value=1, unit="s", most=1), True, id="at most, just met"),
        pytest.param(Figure(name="a", value=1.1, unit="s", most=1), False, id="at most, missed"),
        pytest.param(Figure(name="a", value=5, unit="/s", least=5), True, id="at least, just met"),
        pytest.param(Figure(name="a", value=4, unit="/s", least=5), False, id="at least, missed"),
        pytest.param(Figure(name="a", value=4, unit="s"), None, id="no target"),
    ],
)
def test_a_figure_says_whether_its_target_is_met(figure: Figure, is_met: bool | None) -> None:
    assert figure.is_met is is_met


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert quantile(values, 0.5) == 51
    assert quantile(values, 0.99) == 100
    assert quantile([7.0], 0.99) == 7
