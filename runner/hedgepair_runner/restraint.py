"""Why a maker rests nothing though all is well, and what it closes: wishes, halts, limits."""

from __future__ import annotations

from decimal import Decimal

from hedgepair_runner.closing import ClosingOrder, Instructions, least
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.spec import OnUnhedged, StopAfter
from hedgepair_runner.cover_watcher import CoverWatcher
from hedgepair_runner.desk import Desk
from hedgepair_runner.laddering import closing_after
from hedgepair_runner.progress_keeper import ProgressKeeper
from hedgepair_runner.steering import Course

WORDS = {
    Wish.RUN: "",
    Wish.SUSPEND: "suspended",
    Wish.FLATTEN: "flattening",
    Wish.RELEASE: "released",
}


class Restraint:
    """Of one term. `instructions` is open to others: limits, the clock."""

    def __init__(self, desk: Desk, *, progress: ProgressKeeper, cover: CoverWatcher) -> None:
        self._desk = desk
        self._progress = progress
        self._cover = cover
        self._steering = Instructions()
        self._on_unhedged = OnUnhedged.UNWIND
        self._stop_after: StopAfter | None = None
        self._judged_pnl: str | None = None
        self.instructions = Instructions()
        self.completed = ""
        """Which bound of stopAfter was reached: from then on the pair is closed, and stays so."""

    def follow(self, course: Course) -> None:
        word = WORDS[course.wish]
        is_flatten = course.wish is Wish.FLATTEN
        self._steering.withhold("wish", word)
        self._steering.close(
            "wish", ClosingOrder(target_lots=0, reason=word) if is_flatten else None
        )
        self._on_unhedged = course.manifest.spec.risk.on_unhedged
        self._stop_after = course.manifest.spec.stop_after
        self.judge_progress()

    def look_at_cost(self) -> None:
        """The hedger's report tells what the pair has cost: judged when it says something new."""
        if self._cover.realized_pnl != self._judged_pnl:
            self.judge_progress()

    def judge_progress(self) -> None:
        pnl = self._judged_pnl = self._cover.realized_pnl
        cost = None if pnl is None else -Decimal(pnl)
        self.completed = self._progress.judge(self._stop_after, cost=cost)
        order = ClosingOrder(target_lots=0, reason=self.completed) if self.completed else None
        self._steering.withhold("stopAfter", self.completed)
        self._steering.close("stopAfter", order)

    @property
    def withheld(self) -> tuple[str, ...]:
        """Most telling first."""
        halts = tuple(halt.message for halt in self._desk.halts.standing)
        return self._steering.withheld + halts + self.instructions.withheld

    @property
    def closing(self) -> ClosingOrder | None:
        reasons = [halt.reason for halt in self._desk.halts.standing]
        after_ladder = closing_after(reasons, self._on_unhedged)
        return least([self._steering.closing, self.instructions.closing, after_ladder])

    @property
    def instructed(self) -> str:
        """Why nothing rests, by another's order; empty where nothing is withheld."""
        withheld, closing = self.withheld, self.instructions.closing
        return withheld[0] if withheld else closing.reason if closing is not None else ""
