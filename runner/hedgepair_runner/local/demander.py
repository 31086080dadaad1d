"""Asks a pair for something and waits for the proof; plays the roles that nobody plays, if told to.

The roles that are played here are the production ones: the same lease, the same fence, the same
routine as in a pod (design §4.4), with the wish in force from their first moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import SuspendPolicy
from hedgepair_runner.local import demanding
from hedgepair_runner.local.pair_remote import PairRemote, Seen
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.roles import roles_of, run_role

LOOK_EVERY_S: Final = 0.25
TELL_EVERY_S: Final = 2.0
STOPS_WITHIN_S: Final = 30.0
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    demand: demanding.Demand
    seen: Seen
    proved: bool


def withdrawing(manifest: HedgePair, wish: Wish) -> HedgePair:
    """The manifest as it is played here: the wish holds even if Redis says nothing."""
    policy = SuspendPolicy.FLATTEN if wish is Wish.FLATTEN else SuspendPolicy.CANCEL_ORDERS
    spec = manifest.spec.model_copy(update={"suspend": True, "suspend_policy": policy})
    return manifest.model_copy(update={"spec": spec})


class Demander:
    """Of one pair. `settings` say how to play a role here."""

    def __init__(self, settings: RunnerSettings, remote: PairRemote, *, tell: Tell) -> None:
        self._settings = settings
        self._remote = remote
        self._tell = tell

    async def see(self) -> Seen:
        """Raises BusUnavailable."""
        return await self._remote.see()

    async def ask(
        self, wish: Wish, *, roles: tuple[Role, ...], seen: Seen, within_s: float
    ) -> Outcome:
        """Writes the wish for all roles of the pair and waits for `roles`. Raises BusUnavailable
        where the wish could not be written."""
        desired = demanding.next_desired(wish, seen.reports, seen.desired)
        await self._remote.wish(desired, roles_of(self._settings.manifest))
        demand = demanding.Demand(desired=desired, roles=roles)
        return await self._wait(demand, seen, within_s=within_s)

    async def ask_and_play(
        self,
        wish: Wish,
        *,
        playing: tuple[Role, ...],
        seen: Seen,
        within_s: float,
        stop: asyncio.Event,
    ) -> Outcome:
        """As `ask` of every role, while this process plays the `playing` ones. Raises
        StartRefused when one of them may not or cannot start."""
        settings = replace(
            self._settings, manifest=withdrawing(self._settings.manifest, wish), only_withdraws=True
        )
        stops = {role: asyncio.Event() for role in playing}
        async with AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            players = [
                tasks.create_task(
                    run_role(
                        role,
                        replace(settings, holder=f"{settings.holder}/{role.label}"),
                        stop=stops[role],
                        metrics=RunnerMetrics(),
                    ),
                    name=role.label,
                )
                for role in playing
            ]
            asking = tasks.create_task(
                self.ask(
                    wish,
                    roles=tuple(sorted(roles_of(settings.manifest))),
                    seen=seen,
                    within_s=within_s,
                )
            )
            stopping = tasks.create_task(stop.wait())
            await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            for event in stops.values():
                event.set()
            await asyncio.wait(players, timeout=STOPS_WITHIN_S)
            for player in players:
                player.cancel()
            return await asking

    async def _wait(self, demand: demanding.Demand, seen: Seen, *, within_s: float) -> Outcome:
        deadline_s = time.monotonic() + within_s
        told, told_s = "", float("-inf")
        while True:
            try:
                seen = await self._remote.see()
            except BusUnavailable as gone:
                words = f"Redis gives no answer ({gone}); waiting"
            else:
                if demanding.is_proved(demand, seen.reports):
                    return Outcome(demand=demand, seen=seen, proved=True)
                words = demanding.progress_words(demand, seen.reports)
            now_s = time.monotonic()
            if words != told and now_s - told_s >= TELL_EVERY_S:
                told, told_s = words, now_s
                self._tell(f"  {words}")
            if now_s > deadline_s:
                return Outcome(demand=demand, seen=seen, proved=False)
            await asyncio.sleep(LOOK_EVERY_S)
