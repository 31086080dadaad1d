"""How many seeds it takes to find each planted bug: `python -m tests.simulation.teeth`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from tests.simulation.sabotage import HONEST, SABOTAGES
from tests.simulation.simulating import simulate


def seeds_needed(name: str) -> tuple[int, str]:
    """The first seed that finds it, counted from 1, and what it says; 0: none did."""
    sabotage = next(each for each in SABOTAGES if each.name == name)
    honest = replace(HONEST, faults=sabotage.faults)
    for seed in range(1, sabotage.within + 1):
        violations = simulate(seed, sabotage=sabotage).violations
        # With the rule in force the very same seed must be clean: else something else was found.
        if violations and not simulate(seed, sabotage=honest).violations:
            return seed, violations[0]
    return 0, ""


def main(names: Sequence[str]) -> int:
    chosen = [each for each in SABOTAGES if not names or any(word in each.name for word in names)]
    sys.stdout.write("| rule | turned off | seeds needed | found as |\n|---|---|---|---|\n")
    missed = 0
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = pool.map(seeds_needed, [each.name for each in chosen])
        for sabotage, (seeds, text) in zip(chosen, found, strict=True):
            needed = str(seeds) if seeds else f"not in {sabotage.within}"
            sys.stdout.write(f"| {sabotage.rule} | {sabotage.name} | {needed} | {text} |\n")
            sys.stdout.flush()
            missed += not seeds
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
