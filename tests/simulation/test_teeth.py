"""Each rule turned off is found by the simulation, within a stated number of seeds."""

from __future__ import annotations

import pytest

from tests.simulation.sabotage import SABOTAGES
from tests.simulation.teeth import seeds_needed

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", [each.name for each in SABOTAGES])
def test_a_planted_bug_is_found(name: str) -> None:
    seeds, _ = seeds_needed(name)
    assert seeds, "not within the stated number of seeds"
