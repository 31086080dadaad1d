"""Every alert has its section in the runbooks, and the waivers of the judges their line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ALERTS = yaml.safe_load((ROOT / "helm" / "hedgepair" / "files" / "alerts.yaml").read_text())
CHART_CRD = ROOT / "helm" / "hedgepair" / "files" / "hedgepairs.yaml"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_has_its_runbook(alert: dict[str, dict[str, str]]) -> None:
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_the_charts_copy_of_the_definition_is_the_same() -> None:
    assert CHART_CRD.read_bytes() == (ROOT / "crds" / "hedgepairs.yaml").read_bytes()


def test_every_check_that_is_waived_is_explained_to_people() -> None:
    page = (ROOT / "docs" / "judges.md").read_text()
    for waiver in yaml.safe_load((ROOT / "scripts" / "judge-waivers.yaml").read_text()):
        assert waiver["reason"]
        if waiver["judge"] == "checkov":
            assert all(check in page for check in waiver["checks"])
