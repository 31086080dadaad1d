"""How long to wait before the next connection (protocol §6.8: well below 80 new ones a minute)."""

from __future__ import annotations

UP_LONG_ENOUGH_S = 10.0
"""A connection that lasted so long was a good one: its loss is a first one again."""

_QUICK_S = (0.05, 0.2)
_SECOND_S = 0.5
_LONGEST_S = 20.0


def pause_s(attempt: int, *, chance: float) -> float:
    """Quick at first, since a cut socket usually comes back at once; then doubling with jitter.

    `attempt` counts the short-lived connections in a row; `chance` is a draw from [0, 1), which
    spreads the runners of a cluster that lost the venue at the same moment.
    """
    if attempt <= 1:
        shortest_s, longest_s = _QUICK_S
    else:
        longest_s = min(_SECOND_S * 2.0 ** min(attempt - 1, 10), _LONGEST_S)
        shortest_s = longest_s / 2
    return shortest_s + chance * (longest_s - shortest_s)
