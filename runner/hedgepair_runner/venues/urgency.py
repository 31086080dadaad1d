"""Reads that others wait for: they go in a lane of their own instead of last (design §5).

While a runner fences, reads and bridges, nothing is hedged: such reads are as urgent as a hedge.
What the limits of `risk` are judged by comes before quotes, which may not rest without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hedgepair_runner.venues.venue import Lane

_lane: ContextVar[Lane] = ContextVar("lane", default=Lane.READ)


@contextmanager
def reading_in(lane: Lane) -> Iterator[None]:
    """All that the present task reads within goes in this lane, or in a better one of its own.

    Tasks that are begun within inherit it: begin none.
    """
    token = _lane.set(lane)
    try:
        yield
    finally:
        _lane.reset(token)


def best_lane(own: Lane) -> Lane:
    return min(own, _lane.get())
