"""`hedgepair resume`."""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.cli.steering import RESUME, main_of


def main(arguments: Sequence[str]) -> int:
    return main_of(RESUME, arguments)
