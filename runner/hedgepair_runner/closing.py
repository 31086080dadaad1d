"""Closing: the maker takes A toward a target, and the hedger takes B along (design §6, §7).

Each step is one reduce-only IOC whose price is bounded from the mark; the next one waits until the
hedger has covered what the last one filled, so that both legs shrink in lockstep. Law 7: a step
needs two agreeing sources, and never closes more than what both of them prove.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hedgepair_runner.orders import Side
from hedgepair_runner.units import BPS, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingOrder:
    """A's position shall shrink to `target_lots` (signed; 0: flat), for this reason.

    A target beyond the position, or on the other side of zero, asks for nothing: closing opens
    no risk.
    """

    target_lots: int
    reason: str


@dataclass(slots=True)
class Instructions:
    """What the maker leaves off, and what it closes: each asked for by a source of its own.

    Sources (a wish, a halt, a limit, the ladder) come and go without knowing of each other.
    """

    _withheld: dict[str, str] = field(default_factory=dict)
    _closing: dict[str, ClosingOrder] = field(default_factory=dict)

    def withhold(self, source: str, reason: str) -> None:
        """Nothing may rest, for this reason; an empty one lifts what this source said."""
        if reason:
            self._withheld[source] = reason
        else:
            self._withheld.pop(source, None)

    def close(self, source: str, order: ClosingOrder | None) -> None:
        """Nothing may rest, and A shrinks; None lifts what this source said."""
        if order is not None:
            self._closing[source] = order
        else:
            self._closing.pop(source, None)

    @property
    def withheld(self) -> tuple[str, ...]:
        """Why nothing may rest, in the order in which it was first said."""
        return tuple(self._withheld.values())

    @property
    def closing(self) -> ClosingOrder | None:
        return least(self._closing.values())


def least(orders: Iterable[ClosingOrder | None]) -> ClosingOrder | None:
    """Of several orders, the one that leaves the least."""
    given = (order for order in orders if order is not None)
    return min(given, key=lambda order: abs(order.target_lots), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingQuestion:
    """`position_lots` is by the chain, `proved_lots` by a second source, None if that is unknown.

    `most_lots` is the largest step, `bound_bps` how far from the mark a step may trade.
    """

    order: ClosingOrder
    position_lots: int
    proved_lots: int | None
    mark_ticks: int
    most_lots: int
    bound_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingStep:
    """A reduce-only IOC."""

    side: Side
    lots: int
    price_ticks: int


def decide_closing(question: ClosingQuestion, *, market: Market) -> ClosingStep | str:
    """The next step, or why there is none now."""
    surplus = surplus_lots(question.position_lots, question.order.target_lots)
    if surplus == 0:
        return f"{question.order.reason}: done"
    if question.proved_lots != question.position_lots:
        return f"{question.order.reason}: two sources do not agree on the position yet"
    side = Side.of(-surplus)
    price = bound_ticks(question.mark_ticks, side, bound_bps=question.bound_bps)
    lots = min(abs(surplus), question.most_lots, market.order_quote_limit_units // price)
    return ClosingStep(side=side, lots=lots, price_ticks=price)


def surplus_lots(position_lots: int, target_lots: int) -> int:
    """What is to be closed, signed like the position; 0 where closing would open."""
    sign = 1 if position_lots > 0 else -1
    kept = max(0, target_lots * sign)
    return sign * max(0, abs(position_lots) - kept)


def bound_ticks(mark_ticks: int, side: Side, *, bound_bps: int) -> int:
    """The worst price of a step, rounded toward the mark: the bound is never passed."""
    if side is Side.BUY:
        return max(1, mark_ticks * (BPS + bound_bps) // BPS)
    return max(1, -(-mark_ticks * (BPS - bound_bps) // BPS))
