"""Least privilege by recording: what the operator asks for is what the chart grants."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.operator.conftest import Play
from tests.operator.fake_api.rights import ADMISSION, NEEDED, Right
from tests.operator.world import World, pair_object

HELPERS = Path(__file__).parents[2] / "helm" / "hedgepair" / "templates" / "_helpers.tpl"


def test_the_chart_grants_exactly_what_is_needed() -> None:
    block = re.search(
        r'define "hedgepair.operatorRules" -}}\n(.*?){{- end }}', HELPERS.read_text(), re.DOTALL
    )
    assert block is not None

    granted = {
        Right(group, resource, verb)
        for rule in yaml.safe_load(block[1])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert granted == NEEDED | ADMISSION


def test_one_life_of_a_pair_needs_every_right(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        here.set_spec("eth", runner={"image": "runner:2"})
        await here.until(lambda: here.status("eth").get("runnerImage") == "runner:2", "it rolled")
        here.delete("eth")
        await here.until(lambda: here.is_gone("eth"), "the pair is gone")
        await here.until(lambda: not here.names("services"), "nothing is left")
        await here.until(lambda: not here.names("networkpolicies"), "nothing is left")

        assert set(here.api.used) == set(NEEDED)

    play(story)
