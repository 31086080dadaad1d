"""`make simulate`: plays seeds on all cores. Its last line counts what was played and found."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.simulating import Outcome, simulate

PROGRESS_S = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="simulate", description="Plays seeds of the simulation.", epilog=_EXAMPLE
    )
    parser.add_argument("--seeds", type=int, default=400, help="how many (default 400)")
    parser.add_argument("--first-seed", type=int, default=1, help="the first of them (default 1)")
    parser.add_argument("--timeline", action="store_true", help="tell the story of each seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    if asked.seeds < 1 or asked.workers < 1:
        parser.error("there is nothing to play: --seeds and --workers are at least 1")
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    began_s = last_s = time.monotonic()
    outcomes: list[Outcome] = []
    for outcome in _played(seeds, tells=asked.timeline, workers=asked.workers):
        outcomes.append(outcome)
        _tell(outcome, tells=asked.timeline)
        if time.monotonic() - last_s >= PROGRESS_S:
            last_s = time.monotonic()
            _progress(outcomes, len(seeds), last_s - began_s)
    bad = sum(bool(each.violations) for each in outcomes)
    _say(
        f"seeds {len(outcomes)}, events {sum(each.events for each in outcomes)}, "
        f"fills {sum(each.fills for each in outcomes)}, violations {bad}"
    )
    return 1 if bad else 0


_EXAMPLE = "Example: make simulate SEEDS=1 FIRST_SEED=7 TIMELINE=1"


def _played(seeds: range, *, tells: bool, workers: int) -> Iterator[Outcome]:
    if workers == 1 or len(seeds) == 1:
        yield from (simulate(seed, tells=tells) for seed in seeds)
        return
    with ProcessPoolExecutor(max_workers=workers) as pool:
        yield from pool.map(simulate, seeds, chunksize=4)


def _tell(outcome: Outcome, *, tells: bool) -> None:
    if tells:
        _say(outcome.story)
    for violation in outcome.violations:
        _say(f"seed {outcome.seed}: {violation}")
    if outcome.violations and not tells:
        _say(f"  its story: make simulate SEEDS=1 FIRST_SEED={outcome.seed} TIMELINE=1")


def _progress(outcomes: Sequence[Outcome], total: int, passed_s: float) -> None:
    fills = sum(each.fills for each in outcomes)
    virtual_s = sum(each.virtual_s for each in outcomes)
    _say(
        f"… {len(outcomes)} of {total} seeds in {passed_s:.0f} s: {virtual_s / 3_600:.1f} h of "
        f"the pair's time, {fills} fills"
    )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
