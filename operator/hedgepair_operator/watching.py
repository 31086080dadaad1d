"""Whether the operator makes progress: what `/healthz` answers by (operators.md §3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

QUEUE_PATIENCE_S: Final = 300.0
BUSY_PATIENCE_S: Final = 180.0
SYNC_PATIENCE: Final = 3.0
"""In periods of the resync."""
START_PATIENCE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """All in seconds. `since_sync_s` None: nothing was listed yet."""

    up_s: float
    since_sync_s: float | None
    resync_s: float
    oldest_wait_s: float
    longest_busy_s: float
    is_leading: bool


def trouble_of(progress: Progress) -> str | None:
    """Why the process should be restarted; None while it makes progress."""
    if not progress.is_leading:
        return None  # a follower has nothing to do but to wait
    if progress.since_sync_s is None:
        if progress.up_s > START_PATIENCE_S:
            return f"nothing was listed in {progress.up_s:.0f} s"
    elif progress.since_sync_s > SYNC_PATIENCE * progress.resync_s:
        return f"the last list is {progress.since_sync_s:.0f} s old"
    if progress.oldest_wait_s > QUEUE_PATIENCE_S:
        return f"a pair has waited for {progress.oldest_wait_s:.0f} s"
    if progress.longest_busy_s > BUSY_PATIENCE_S:
        return f"a worker has been busy with one pair for {progress.longest_busy_s:.0f} s"
    return None
