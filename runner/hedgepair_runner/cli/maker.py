"""`hedgepair maker`."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.cli.runner import run_runner
from hedgepair_runner.contract.identity import Role


def main(arguments: Sequence[str]) -> int:
    does = (
        "Runs a pair's maker: rests its orders on the maker's account and publishes every fill. "
        "SIGTERM cancels the orders, proves them gone and ends it."
    )
    return run_runner(Role.MAKER, arguments, does=does)
