"""Asks before money is at stake."""

from __future__ import annotations

import sys

from hedgepair_runner.refusals import StartRefused


def confirm(what: str, *, is_sure: bool) -> None:
    """Raises StartRefused unless a person agrees, or `--yes` did. Without a terminal only the
    latter can."""
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise StartRefused(f"{what} There is no terminal to ask on: add --yes to agree")
    sys.stderr.write(f"{what}\nGo on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise StartRefused("nothing was done")
