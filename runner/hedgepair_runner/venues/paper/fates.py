"""Rules that happen at once → what becomes of the request, the transaction or the frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from hedgepair_runner.venues.paper.fault_rules import DELAY_MS, Details, FaultKind, FaultRule
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.treatments import UNTREATED, Treatment
from hedgepair_runner.venues.paper.verdicts import Failed
from hedgepair_runner.venues.paper.views import Refusal


class Loss(Enum):
    NONE = "arrives"
    SILENT = "is lost, and the connection stays"
    CUT = "is lost with the connection"


class Instead(Enum):
    """What somebody before the exchange answers in its place."""

    RATE_LIMITED = "429"
    FIREWALL = "405"
    BAD_GATEWAY = "502"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFate:
    """Of a request, or of a frame with transactions. Nothing of it is executed if it is lost,
    answered instead or refused; its second copies are executed all the same."""

    before_us: int = 0
    request: Loss = Loss.NONE
    instead: Instead | None = None
    refusal: Refusal | None = None
    answer: Loss = Loss.NONE
    after_us: int = 0
    copies_us: tuple[int, ...] = ()
    block_us: int | None = None
    """The firewall shuts for that long."""


UNHARMED = RequestFate()


def fate_of_request(rules: Iterable[FaultRule]) -> RequestFate:
    fate = UNHARMED
    for rule in rules:
        fate = _with(fate, rule.kind, rule.details)
    return fate


def _with(fate: RequestFate, kind: FaultKind, details: Details) -> RequestFate:
    delay_us = (details.delay_ms or 0) * 1_000
    loss = Loss.CUT if details.cut else Loss.SILENT
    match kind:
        case FaultKind.RATE_LIMITED:
            return replace(fate, instead=Instead.RATE_LIMITED)
        case FaultKind.FIREWALL:
            return replace(fate, instead=Instead.FIREWALL, block_us=details.block_ms * 1_000)
        case FaultKind.BAD_GATEWAY:
            return replace(fate, instead=Instead.BAD_GATEWAY)
        case FaultKind.REFUSE:
            return replace(fate, refusal=_refusal(details, Code.INVALID_TX_INFO))
        case FaultKind.DROP_REQUEST:
            return replace(fate, request=loss)
        case FaultKind.DROP_ANSWER:
            return replace(fate, answer=loss)
        case FaultKind.SLOW_REQUEST:
            return replace(fate, before_us=fate.before_us + delay_us)
        case FaultKind.SLOW_ANSWER:
            return replace(fate, after_us=fate.after_us + delay_us)
        case FaultKind.SECOND_COPY:
            return replace(fate, copies_us=(*fate.copies_us, delay_us))
        case _:
            raise AssertionError(f"{kind} does not happen to requests")


def treatment_of(rules: Iterable[FaultRule]) -> Treatment:
    treatment = UNTREATED
    for rule in rules:
        details = rule.details
        match rule.kind:
            case FaultKind.ENGINE_FAILURE:
                refusal = _refusal(details, Code.NOT_ENOUGH_MARGIN)
                failure = Failed(refusal=refusal, consumes_nonce=details.consumes_nonce)
                treatment = replace(treatment, failure=failure)
            case FaultKind.SLOW_EXECUTION:
                extra_us = treatment.extra_us + (details.delay_ms or 0) * 1_000
                treatment = replace(treatment, extra_us=extra_us)
            case FaultKind.IOC_SHORT_FILL:
                treatment = replace(treatment, fill_most=Fraction(details.fill_ratio))
            case FaultKind.HIDE_REDUCE_ONLY:
                treatment = replace(treatment, hides_reduce_only=True)
            case _:
                raise AssertionError(f"{rule.kind} does not happen to transactions")
    return treatment


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFate:
    copies: int = 1
    """0: it is lost."""
    delay_us: int = 0
    waits_for_other: bool = False
    """Until a frame of another channel has gone, `delay_us` at most."""
    replays_snapshot: bool = False


PASSED_ON = FrameFate()


def fate_of_frame(rules: Iterable[FaultRule]) -> FrameFate:
    fate = PASSED_ON
    for rule in rules:
        asked_ms = rule.details.delay_ms
        delay_us = (DELAY_MS if asked_ms is None else asked_ms) * 1_000
        match rule.kind:
            case FaultKind.DROP_FRAME | FaultKind.BOOK_GAP:
                fate = replace(fate, copies=0)
            case FaultKind.DUPLICATE_FRAME:
                fate = replace(fate, copies=2 * fate.copies)
            case FaultKind.DELAY_FRAME | FaultKind.LATE_ORDERS:
                fate = replace(fate, delay_us=fate.delay_us + delay_us)
            case FaultKind.REORDER_FRAME:
                fate = replace(fate, delay_us=fate.delay_us + delay_us, waits_for_other=True)
            case FaultKind.REPLAY_TRADES:
                fate = replace(fate, replays_snapshot=True)
            case _:
                raise AssertionError(f"{rule.kind} does not happen to frames")
    return fate


def _refusal(details: Details, default: Code) -> Refusal:
    """The venue's own text for the code, unless the fault brings another."""
    code = int(default) if details.code is None else details.code
    known = {int(each): refuse(each).message for each in Code}
    return Refusal(code=code, message=details.message or known.get(code, "refused"))
