"""How much to hedge, and at which price: the hedger's rules (design §4.2, §4.5, §4.6).

`gap = chain(A) + chain(B) − acceptedNet + Σ in-flight`; the hedge is −gap, in whole lots. A gap
with an unknown in it is unknown, and an unknown gap is never acted on (law 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hedgepair_runner.ledger import Chain, newest_price_units
from hedgepair_runner.noncing import Slot
from hedgepair_runner.orders import Side
from hedgepair_runner.units import BPS, Market

ATTEMPT_SHARES = ((3, 10), (6, 10), (1, 1))
"""Share of the slippage bound that each attempt may use; the last one for all that follow."""
PAUSES_S = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Before the n-th attempt in a row that filled nothing."""
TOO_SMALL = frozenset({21701, 21706})
"""Refusals that mean: this network wants a minimum of IOC orders as well (design §4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgerPolicy:
    """The spec, in whole numbers.

    Beyond `max_net_lots` a net cannot be the pair's own doing. `same_master`: both legs are under
    one L1 address, so that the venue itself prevents the self-trade (design §4.6).
    """

    max_slippage_bps: int
    accepted_net_lots: int
    max_net_lots: int
    same_master: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """One hedge order, to be signed as limit IOC."""

    side: Side
    lots: int
    price_ticks: int
    covers_lots: int

    @property
    def signed_lots(self) -> int:
        return self.side * self.lots


@dataclass(frozen=True, slots=True, kw_only=True)
class NoHedge:
    """Nothing to send now, and why. `carried_lots`: residue below the venue's minimum."""

    reason: str
    carried_lots: int = 0


def gap_lots(
    maker: Chain, hedger: Chain, *, accepted_net_lots: int, slots: Iterable[Slot]
) -> int | None:
    """The net that is still to be hedged, everything in flight counted; None if unknown."""
    maker_lots, hedger_lots = maker.position_lots, hedger.position_lots
    if maker_lots is None or hedger_lots is None:
        return None
    in_flight = sum(
        slot.in_flight_lots(hedger.traded_lots(slot.client_order_index)) for slot in slots
    )
    return maker_lots + hedger_lots - accepted_net_lots + in_flight


def sendable_lots(gap: int, *, hedger: Chain, slots: Iterable[Slot]) -> int:
    """The part of a gap that may be sent whatever the open slots still fill; signed like it.

    A slot of the hedge's own side counts in full. One of the other side may yet fill nothing: what
    it would add to the gap is hedged only when it is certain, or law 2 hangs on an IOC's luck.
    """
    sign = 1 if gap > 0 else -1
    uncertain = 0
    for slot in slots:
        if slot.order is None or not slot.order.is_terminal:
            open_lots = slot.in_flight_lots(hedger.traded_lots(slot.client_order_index))
            uncertain += max(0, open_lots * sign)
    return sign * max(0, abs(gap) - uncertain)


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeQuestion:
    """All that the price and size of a hedge depend on.

    `gap` is signed lots (positive: net long, so sell). `mark_ticks` stands in for the fill price
    when the fills behind a gap are not in the ledger. `own_quote_ticks` is the nearest price at
    which the pair's maker may rest against the hedge; None where nothing rests or the venue
    itself prevents the match. `touch_ticks` is the best price the hedge could take, if known.
    """

    gap: int
    attempt: int
    max_slippage_bps: int
    ioc_has_minimum: bool
    mark_ticks: int | None
    own_quote_ticks: int | None
    touch_ticks: int | None = None


def decide_hedge(question: HedgeQuestion, *, maker: Chain, market: Market) -> Hedge | NoHedge:
    if question.gap == 0:
        return NoHedge(reason="hedged")
    side = Side.of(-question.gap)
    reference = _reference(question, maker)
    if reference is None:
        return NoHedge(reason="no fill price and no mark price to bound the hedge by")
    price_ticks = bound_ticks(
        reference, side=side, slippage_bps=question.max_slippage_bps, attempt=question.attempt
    )
    capped_ticks = _short_of(question.own_quote_ticks, price_ticks, side)
    is_blocked = capped_ticks < 1 or not _reaches(question.touch_ticks, capped_ticks, side)
    if capped_ticks != price_ticks and is_blocked:
        return NoHedge(reason="the pair's own quote is in the way until its cancel is proved")
    price_ticks = capped_ticks
    # The venue's limit on base × price; the rest follows in the next intent.
    lots = min(abs(question.gap), market.order_quote_limit_units // price_ticks)
    if question.ioc_has_minimum and lots < market.smallest_resting_lots(price_ticks):
        return NoHedge(reason="below the venue's minimum, carried", carried_lots=question.gap)
    return Hedge(side=side, lots=lots, price_ticks=price_ticks, covers_lots=maker.head_lots)


def bound_ticks(reference: tuple[int, int], *, side: Side, slippage_bps: int, attempt: int) -> int:
    """The worst price of this attempt, from the fill price (quote units, lots).

    Rounded toward the fill price: the bound is never passed by a part of a tick.
    """
    units, lots = reference
    share, of = ATTEMPT_SHARES[min(attempt, len(ATTEMPT_SHARES) - 1)]
    scale = BPS * of
    factor = scale + side * slippage_bps * share
    if side is Side.BUY:
        return max(1, units * factor // (lots * scale))
    return max(1, -(-units * factor // (lots * scale)))


def pause_s(attempt: int) -> float:
    """How long to wait before this attempt, counted from the one before."""
    return PAUSES_S[min(attempt, len(PAUSES_S) - 1)]


def _reference(question: HedgeQuestion, maker: Chain) -> tuple[int, int] | None:
    fills = newest_price_units(maker, question.gap)
    if fills is not None:
        return fills
    return None if question.mark_ticks is None else (question.mark_ticks, 1)


def _reaches(touch_ticks: int | None, price_ticks: int, side: Side) -> bool:
    """Whether an IOC at this price would meet the best opposite level; yes if that is unknown."""
    return touch_ticks is None or (price_ticks - touch_ticks) * side >= 0


def _short_of(own_quote_ticks: int | None, price_ticks: int, side: Side) -> int:
    if own_quote_ticks is None:
        return price_ticks
    if side is Side.SELL:
        return max(price_ticks, own_quote_ticks + 1)
    return min(price_ticks, own_quote_ticks - 1)
