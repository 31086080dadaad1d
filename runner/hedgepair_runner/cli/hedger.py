"""`hedgepair hedger`."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.cli.runner import run_runner
from hedgepair_runner.contract.identity import Role


def main(arguments: Sequence[str]) -> int:
    does = (
        "Runs a pair's hedger: takes the opposite side of every fill on the hedger's account. "
        "SIGTERM finishes what is open and ends it."
    )
    return run_runner(Role.HEDGER, arguments, does=does)
