"""What a report says of wishes and halts: a word such as Suspended only where it is proved."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState

TAKING_OFFICE = frozenset(
    {
        RunnerState.STARTING,
        RunnerState.WAITING_FOR_LEASE,
        RunnerState.FENCING,
        RunnerState.READING,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """When the venue last proved, since the present wish, that no order rests, and that the
    position is the one that a flat pair has. None: not proved."""

    withdrawn_ms: int | None = None
    flat_ms: int | None = None

    @property
    def is_flat(self) -> bool:
        return self.withdrawn_ms is not None and self.flat_ms is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is asked of a role, what of it is proved, and what stands against it.

    `completed` says which bound of `stopAfter` was reached; `trouble`, with its word
    `reason_code`, what keeps the role from office.
    """

    wish: Wish
    generation: int = 0
    step: int = 0
    config_hash: str = ""
    halts: tuple[Halt, ...] = ()
    proofs: Proofs = Proofs()
    completed: str = ""
    fencing_degraded: bool = False
    trouble: str = ""
    reason_code: str = ""


def framed(report: RunnerReport, standing: Standing, *, instructed: str = "") -> RunnerReport:
    """The whole report. `instructed` is why, by another's order, a maker rests nothing."""
    state, reason = _state_of(report, standing, instructed)
    return replace(
        report,
        state=state,
        reason=reason,
        generation=standing.generation,
        step=standing.step,
        wish=standing.wish.value,
        config_hash=standing.config_hash,
        halts=standing.halts,
        withdrawn_ms=standing.proofs.withdrawn_ms,
        flat_ms=standing.proofs.flat_ms,
        fencing_degraded=standing.fencing_degraded,
        reason_code=standing.reason_code or report.reason_code,
    )


def _state_of(report: RunnerReport, standing: Standing, instructed: str) -> tuple[RunnerState, str]:
    """A role that is blind (Holding) or not in office claims nothing more than that."""
    if report.state in TAKING_OFFICE:
        return report.state, standing.trouble or report.reason
    if report.state is not RunnerState.RUNNING:
        return report.state, report.reason
    proofs = standing.proofs
    if standing.wish is Wish.FLATTEN and proofs.is_flat:
        return RunnerState.FLAT, report.reason
    if standing.wish is Wish.SUSPEND and proofs.withdrawn_ms is not None:
        return RunnerState.SUSPENDED, report.reason
    if standing.halts:
        return RunnerState.HALTED, standing.halts[0].message
    if standing.completed and proofs.is_flat:
        return RunnerState.COMPLETED, standing.completed
    is_withheld = instructed or standing.completed or standing.wish is not Wish.RUN
    if report.role == Role.MAKER.label and is_withheld:
        return RunnerState.HOLDING, report.reason or instructed
    return RunnerState.RUNNING, report.reason
