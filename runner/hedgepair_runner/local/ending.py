"""How a pair on one machine ends: the maker first, then every fill hedged, then the hedger."""

from __future__ import annotations

from typing import Final, Protocol

from hedgepair_runner.local.watcher import Watcher

RUNNER_STOPS_WITHIN_S: Final = 30.0
"""A pod's grace period, too."""
HEDGED_WITHIN_S: Final = 10.0
"""Two seconds more than the design allows after a fault (§13)."""


class Player(Protocol):
    """A runner, as a task or as a child process."""

    @property
    def name(self) -> str: ...

    @property
    def is_done(self) -> bool: ...

    def ask_to_stop(self) -> None: ...


async def wind_down(
    watcher: Watcher, *, maker: Player | None, hedger: Player | None
) -> tuple[str, ...]:
    """Returns what did not go in order, as sentences; nothing is killed here."""
    wrong: list[str] = []
    if maker is not None:
        watcher.hint("stopping the maker: its orders are withdrawn")
        wrong += await _stop(watcher, maker)
    if maker is not None and hedger is not None:
        watcher.hint("waiting until every fill is hedged")
        watcher.look_closely()
        if not await watcher.watch_until(lambda: watcher.is_hedged, within_s=HEDGED_WITHIN_S):
            wrong.append(f"not every fill was hedged within {HEDGED_WITHIN_S:.0f} s")
    if hedger is not None:
        watcher.hint("stopping the hedger")
        wrong += await _stop(watcher, hedger)
    return tuple(wrong)


async def _stop(watcher: Watcher, player: Player) -> tuple[str, ...]:
    player.ask_to_stop()
    if await watcher.watch_until(lambda: player.is_done, within_s=RUNNER_STOPS_WITHIN_S):
        return ()
    return (f"the {player.name} did not stop within {RUNNER_STOPS_WITHIN_S:.0f} s",)
