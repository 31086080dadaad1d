"""What becomes of a gap that stays open: the rungs of the ladder (design §6).

At once nothing new is quoted; attempts to hedge go up to the price bound; after
`risk.maxUnhedgedSeconds` what `risk.onUnhedged` says is done. With anything unknown the hedger
holds and pages: nothing is undone or closed on a guess (law 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from hedgepair_runner.acting import Errand
from hedgepair_runner.closing import ClosingOrder
from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.contract.spec import OnUnhedged
from hedgepair_runner.unwinding import undoable_lots

ENDS_OF_LADDER = frozenset({HaltReason.UNHEDGED, HaltReason.HEDGE_REJECTED})


class Rung(Enum):
    HEDGE = "hedge"
    """Attempts go on, as for any gap."""
    CLOSE = "close"
    """No new attempt: what is open is closed first."""
    LEND = "lend"
    """The maker undoes on A what could not be hedged."""
    HOLD = "hold"
    """Nothing is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPolicy:
    """`has_partner`: the pair has a maker of ours that could undo."""

    max_unhedged_s: float
    on_unhedged: OnUnhedged
    has_partner: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderQuestion:
    """`errand` is the net that is open, with everything in flight counted; None if unknown.

    `open_s`: for how long the ladder has been climbed. `may_not_grow`: B was liquidated or
    deleveraged, so that it is never opened again (design §4.1). `unknown`: what is not known, in
    words. `is_refused`: the venue refuses the hedges themselves. `is_partner_there`: the maker is
    alive that would be lent the right; None while that is being looked at.
    """

    errand: Errand | None
    maker_lots: int | None
    open_s: float
    may_not_grow: bool
    open_intents: int
    is_refused: bool
    unknown: tuple[str, ...]
    is_partner_there: bool | None = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """`code` is a word of the resource's conditions; `says` why, for people; both may be empty.

    `halts`: a halt is raised as well, with `says` as its message.
    """

    rung: Rung
    code: str = ""
    says: str = ""
    pages: bool = False
    halts: bool = False


def decide_rung(question: LadderQuestion, policy: LadderPolicy) -> Climb:
    errand = question.errand
    is_late = question.open_s >= policy.max_unhedged_s
    if errand is None or question.maker_lots is None:
        return Climb(
            rung=Rung.HOLD,
            code="Unhedged" if is_late else "",
            says="a position is unknown: nothing is sent",
            pages=is_late,
        )
    grows = _grows(errand) and question.may_not_grow
    if errand.gap_lots == 0 and not question.open_intents:
        return Climb(rung=Rung.HEDGE)
    if not is_late and not grows:
        return Climb(rung=Rung.HEDGE, code="HedgeRejected" if question.is_refused else "")
    return _late(question, policy, errand, grows=grows)


def _grows(errand: Errand) -> bool:
    """Whether the hedge of this gap would open or grow B's position."""
    return errand.gap_lots != 0 and errand.hedger_lots * errand.gap_lots <= 0


def _late(question: LadderQuestion, policy: LadderPolicy, errand: Errand, *, grows: bool) -> Climb:
    """Beyond the time, or where B may not be opened again."""
    code = "HedgeRejected" if question.is_refused else "UnhedgedTooLong"
    stays = Rung.HOLD if grows else Rung.HEDGE
    if question.unknown:
        says = f"nothing is undone on a guess: {question.unknown[0]}"
        return Climb(rung=stays, code=code, says=says, pages=True)
    if policy.on_unhedged is OnUnhedged.HALT and not grows:
        return Climb(rung=stays, code=code, says="onUnhedged is Halt", pages=True, halts=True)
    halts = policy.on_unhedged is OnUnhedged.FLATTEN and not grows
    if not policy.has_partner or question.is_partner_there is False:
        says = "no maker of this pair is there that could undo it"
        return Climb(rung=stays, code=code, says=says, pages=True, halts=halts)
    if not question.open_intents and undoable_lots(errand, question.maker_lots or 0) == 0:
        says = "nothing on the maker's account can be reduced to undo it"
        return Climb(rung=stays, code=code, says=says, pages=True, halts=halts)
    if question.open_intents:
        return Climb(rung=Rung.CLOSE, code=code, says="open hedges are closed first")
    if question.is_partner_there is None:
        return Climb(rung=stays, code=code)
    return Climb(rung=Rung.LEND, code=code, says="it is undone on A", pages=True, halts=halts)


def closing_after(reasons: Iterable[HaltReason], on_unhedged: OnUnhedged) -> ClosingOrder | None:
    """What the maker closes by itself where `risk.onUnhedged` is Flatten: all, once the ladder has
    ended. It follows from the halt alone, so that it outlives restarts as the halt does."""
    if on_unhedged is not OnUnhedged.FLATTEN or not ENDS_OF_LADDER.intersection(reasons):
        return None
    return ClosingOrder(target_lots=0, reason="flattening: a fill could not be hedged in time")
