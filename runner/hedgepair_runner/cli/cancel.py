"""`hedgepair cancel`."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.cli.steering import CANCEL, main_of


def main(arguments: Sequence[str]) -> int:
    return main_of(CANCEL, arguments)
