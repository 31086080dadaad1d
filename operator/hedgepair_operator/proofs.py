"""What a runner's report proves about a wish (design §7): facts from the venue, never our hopes."""

from __future__ import annotations

from typing import Final

from hedgepair_operator.facts import ReportFact
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.status import RunnerState

TWICE: Final = 2
"""Reports in a row that must tell the same before anything is taken away."""

_QUIET: Final = (RunnerState.SUSPENDED, RunnerState.FLAT)
# A halted or completed pair stays so under a wish; what counts are its proofs from the venue.
_LATCHED: Final = (RunnerState.HALTED, RunnerState.COMPLETED)


def heeds(fact: ReportFact | None, version: tuple[int, int]) -> bool:
    """Whether the runner lives and acts on this desired state, or a newer one."""
    if fact is None or not fact.is_fresh:
        return False
    return (fact.report.generation, fact.report.step) >= version


def proves(fact: ReportFact | None, wish: Wish, version: tuple[int, int]) -> bool:
    """Whether the wish is fulfilled on this runner's account, by the venue."""
    if fact is None or not heeds(fact, version):
        return False
    report = fact.report
    withdrawn = report.withdrawn_ms is not None
    match wish:
        case Wish.RUN:
            return report.state is RunnerState.RUNNING
        case Wish.SUSPEND:
            return report.state in _QUIET or (report.state in _LATCHED and withdrawn)
        case Wish.FLATTEN:
            flat = report.flat_ms is not None
            return report.state is RunnerState.FLAT or (
                report.state in _LATCHED and withdrawn and flat
            )
        case Wish.RELEASE:
            return report.state is RunnerState.RELEASED


def is_proved_twice(fact: ReportFact | None, wish: Wish, version: tuple[int, int]) -> bool:
    return fact is not None and fact.confirmations >= TWICE and proves(fact, wish, version)
