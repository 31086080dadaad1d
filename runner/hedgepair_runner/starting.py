"""How long a runner waits before it starts again: a crash loop must not eat the budget that the
others live on (design §5). Pure."""

from __future__ import annotations

WINDOW_S = 600.0
"""Starts are remembered for so long."""
FREE_STARTS = 5
"""A rollout, a node that drains, a person who tries things: these start at once."""
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 30.0


def start_pause_s(starts: int) -> float:
    """Before the n-th start within the window, this one counted."""
    surplus = starts - FREE_STARTS
    if surplus <= 0:
        return 0.0
    return min(FIRST_PAUSE_S * (1 << (min(surplus, 10) - 1)), LONGEST_PAUSE_S)
