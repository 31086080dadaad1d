"""What the maker undoes on A while it has the right to act (design §6, law 7).

Only what could not be hedged, only by reducing A, only what two sources prove: the ledgers of both
runners, and a fresh read of both accounts. The price is bounded from the mark, as for a closing:
in the very case that this is for, the book holds nothing within the bound from the fill (ADR 0009).
"""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.acting import Errand
from hedgepair_runner.closing import bound_ticks
from hedgepair_runner.orders import Side
from hedgepair_runner.units import Market

PROOF_LASTS_S = 1.0
TRIES_FOR_S = 5.0
"""What could not be undone in this time is handed back: the hedger tries again meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Both accounts as the venue answered, one after the other; `read_s` by the boot clock."""

    maker_lots: int
    hedger_lots: int
    read_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A reduce-only IOC on A."""

    side: Side
    lots: int
    price_ticks: int

    @property
    def signed_lots(self) -> int:
        return self.side * self.lots


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    reason: str
    needs_proof: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The right is handed back. `left_lots`: of the errand, what could not be undone."""

    reason: str
    left_lots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwindQuestion:
    """`position_lots` is A's by the chain, None if unknown. `obstacles`: what else is unknown."""

    errand: Errand
    position_lots: int | None
    proof: Proof | None
    mark_ticks: int | None
    obstacles: tuple[str, ...]
    bound_bps: int
    now_s: float
    lent_s: float
    is_refused: bool = False


def undoable_lots(errand: Errand, position_lots: int) -> int:
    """What of the errand A can undo by shrinking, signed like the gap; 0: nothing."""
    net = position_lots + errand.hedger_lots - errand.accepted_net_lots
    sign = 1 if errand.gap_lots > 0 else -1
    return sign * max(0, min(net * sign, abs(errand.gap_lots), position_lots * sign))


def decide_unwinding(question: UnwindQuestion, *, market: Market) -> Undo | NotYet | Done:
    position = question.position_lots
    left = None if position is None else undoable_lots(question.errand, position)
    if left == 0:
        return Done(reason="nothing is left to undo")
    if question.is_refused:
        return Done(reason="the venue refuses the order", left_lots=left or 0)
    if question.now_s - question.lent_s >= TRIES_FOR_S:
        return Done(
            reason="it could not be undone within the price bound, or something stayed unknown",
            left_lots=left or question.errand.gap_lots,
        )
    if position is None or left is None:
        return NotYet(reason="own position unknown")
    if question.obstacles:
        return NotYet(reason=question.obstacles[0])
    if question.mark_ticks is None:
        return NotYet(reason="mark price unknown")
    proof = question.proof
    if proof is None or question.now_s - proof.read_s > PROOF_LASTS_S:
        return NotYet(reason="the positions are being read", needs_proof=True)
    if (proof.maker_lots, proof.hedger_lots) != (position, question.errand.hedger_lots):
        return NotYet(reason="two sources do not agree on the positions", needs_proof=True)
    side = Side.of(-left)
    price = bound_ticks(question.mark_ticks, side, bound_bps=question.bound_bps)
    lots = min(abs(left), market.order_quote_limit_units // price)
    return Undo(side=side, lots=lots, price_ticks=price)
