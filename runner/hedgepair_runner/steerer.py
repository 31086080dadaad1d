"""Steers a role: takes in what is wanted and tells its officer, whatever term it is in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from hedgepair_runner.concluding import Proofs, Standing
from hedgepair_runner.contract.desired import Desired, Wish
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.desired_watcher import DesiredWatcher, WishFiles
from hedgepair_runner.desk import Desk
from hedgepair_runner.steering import Course, Judge, edited, first_course, turned

logger = logging.getLogger(__name__)


class Steered(Protocol):
    """What steering needs of a maker or a hedger. `completed` is the bound that ended the pair."""

    @property
    def completed(self) -> str: ...

    def steer(self, course: Course) -> None:
        """Called at the start of a term, and at every change."""
        ...


class Steerer:
    """Of one process. `judge` says why a configuration cannot be traded with, if so."""

    def __init__(self, desk: Desk, manifest: HedgePair, *, files: WishFiles, judge: Judge) -> None:
        self._desk = desk
        self._judge = judge
        self._watcher = DesiredWatcher(
            desk.steering,
            bus=desk.bus,
            role=desk.role,
            files=files,
            on_desired=self._on_desired,
            on_edit=self._on_edit,
        )
        self._officer: Steered | None = None
        self._listeners: list[Callable[[], None]] = []
        self.course: Course = first_course(manifest)
        # Once for each course, not for each of the many reports.
        self._config_hash = self.course.config_hash
        self.proofs = Proofs()
        self.fencing_degraded = False
        self.trouble = self.reason_code = ""
        """What keeps the role from office; lifted once it is in."""
        desk.halts.listen(self._tell)
        # What is mounted counts from the first moment, whether Redis answers or not.
        self._watcher.look_at_files()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watcher.run(), name="watch-desired")
            tasks.create_task(self._desk.halts.run(), name="keep-halts")

    async def known(self) -> None:
        """Returns when Redis said what is wanted and what stands: nothing is done before."""
        await self._watcher.is_known.wait()
        await self._desk.halts.is_known.wait()

    @property
    def wish(self) -> Wish:
        return self.course.wish

    @property
    def completed(self) -> str:
        return self._officer.completed if self._officer is not None else ""

    def listen(self, on_change: Callable[[], None]) -> None:
        self._listeners.append(on_change)

    def lead(self, officer: Steered) -> None:
        """From now on this one is told."""
        self._officer = officer
        self.proofs = Proofs()
        self.trouble = self.reason_code = ""
        officer.steer(self.course)

    def standing(self) -> Standing:
        """For every report."""
        return Standing(
            wish=self.course.wish,
            generation=self.course.generation,
            step=self.course.step,
            config_hash=self._config_hash,
            halts=self._desk.halts.standing,
            proofs=self.proofs,
            completed=self.completed,
            fencing_degraded=self.fencing_degraded,
            trouble=self.trouble,
            reason_code=self.reason_code,
        )

    def prove(self, proofs: Proofs) -> None:
        """What the venue proved of the present wish."""
        self.proofs = proofs
        self._tell()

    # -- what is wanted ----------------------------------------------------------------------

    def _on_desired(self, desired: Desired) -> None:
        self._desk.halts.take_in(desired.halts, acknowledged=desired.acknowledged)
        turn = turned(self.course, desired, judge=self._judge)
        if turn.course == self.course:
            return
        if turn.course.wish is not self.course.wish:
            # What was proved was proved of another wish.
            self.proofs = Proofs()
        self.course = turn.course
        self._config_hash = turn.course.config_hash
        logger.info(
            "steered",
            extra={
                "wish": turn.course.wish.value,
                "generation": turn.course.generation,
                "step": turn.course.step,
                "config_hash": turn.course.config_hash,
            },
        )
        self._watcher.refused(turn.problems)
        if self._officer is not None:
            self._officer.steer(self.course)
        self._tell()

    def _on_edit(self, text: str) -> None:
        wanted = edited(self.course, text, judge=self._judge)
        if isinstance(wanted, Desired):
            self._on_desired(wanted)
        else:
            self._watcher.refused(wanted)

    def _tell(self) -> None:
        for on_change in self._listeners:
            on_change()
