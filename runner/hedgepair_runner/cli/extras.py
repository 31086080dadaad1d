"""What a command says where the packages it needs are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hedgepair_runner.refusals import StartRefused


@contextmanager
def local_only(command: str) -> Iterator[None]:
    """Around imports: runner images go without what only a terminal needs. Raises StartRefused."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.startswith("hedgepair"):
            raise
        raise StartRefused(
            f"`hedgepair {command}` needs the package {missing.name}, which is not installed; "
            'run `pip install "hedgepair[local]"`'
        ) from missing
