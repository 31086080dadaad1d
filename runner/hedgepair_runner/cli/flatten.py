"""`hedgepair flatten`."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.cli.steering import FLATTEN, main_of


def main(arguments: Sequence[str]) -> int:
    return main_of(FLATTEN, arguments)
