"""The limits of `risk`, over both legs: what is passed, what is near, what to do (design §6).

Unknown holds: it is no breach, and it closes nothing (laws 3 and 7). What closes by itself needs
two reads that agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from hedgepair_runner.closing import ClosingOrder
from hedgepair_runner.contract.legs import LegRisk
from hedgepair_runner.margins import distance_bps, shrunk_lots
from hedgepair_runner.units import BPS, Market

FRESH_MS = 75_000
"""An older read says nothing of now: three reads in a row have failed."""


class BreachRule(Enum):
    """`risk.onBreach`."""

    HALT = "Halt"
    CANCEL_ORDERS = "CancelOrders"
    FLATTEN = "Flatten"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPolicy:
    """The spec's `risk`, in whole numbers; `max_daily_loss` in quote currency, None: no limit."""

    max_position_lots: int
    accepted_net_lots: int
    min_distance_bps: int
    max_daily_loss: Decimal | None
    on_breach: BreachRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFacts:
    """Both legs as they are known now; `hedger` is left out by a maker that trades alone.

    `positions_lots` are those of the chains, None if unknown. `today` is the UTC day.
    """

    maker: LegRisk | None
    hedger: LegRisk | None
    has_hedger: bool
    maker_lots: int | None
    hedger_lots: int | None
    mark_ticks: int | None
    today: str
    now_ms: int

    @property
    def legs(self) -> tuple[LegRisk | None, ...]:
        return (self.maker, self.hedger) if self.has_hedger else (self.maker,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A limit was passed. `is_of_the_day`: it stands until the UTC day ends. `reads` name what it
    was concluded from: a second conclusion from later reads confirms it."""

    reason: str
    is_of_the_day: bool
    reads: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`hold`: why nothing may rest, empty if it may. `is_pending`: the next reads decide whether
    it is so. `shrink`: what A is to be closed down to, and B with it. `unknown`: what could not be
    judged, for the page to a person."""

    hold: str = ""
    is_pending: bool = False
    shrink: ClosingOrder | None = None
    breach: Breach | None = None
    unknown: str = ""


def fresh(leg: LegRisk | None, *, now_ms: int) -> LegRisk | None:
    return leg if leg is not None and now_ms - leg.read_ms <= FRESH_MS else None


def assess(facts: RiskFacts, *, policy: RiskPolicy, market: Market) -> Assessment:
    """What the limits say. The first that is passed is told."""
    breach = _over_position(facts, policy, market)
    if breach is not None:
        return Assessment(hold=breach.reason, breach=breach)
    legs = tuple(fresh(leg, now_ms=facts.now_ms) for leg in facts.legs)
    known = tuple(leg for leg in legs if leg is not None)
    if len(known) < len(legs) or facts.mark_ticks is None:
        return Assessment(unknown=_what_is_unknown(legs, facts))
    lossy = _daily_loss(facts, known, policy, market)
    if lossy is not None:
        return lossy
    return _near_liquidation(facts, known, policy)


def _what_is_unknown(legs: tuple[LegRisk | None, ...], facts: RiskFacts) -> str:
    if facts.mark_ticks is None:
        return "the mark price is unknown"
    return "the hedger's account is unknown" if legs[0] is not None else "the account is unknown"


def _over_position(facts: RiskFacts, policy: RiskPolicy, market: Market) -> Breach | None:
    """`risk.maxPosition`, whoever traded. The hedger also carries what `acceptedNet` names."""
    limits = (
        ("maker", facts.maker_lots, policy.max_position_lots),
        ("hedger", facts.hedger_lots, policy.max_position_lots + abs(policy.accepted_net_lots)),
    )
    for role, lots, most in limits:
        if lots is not None and abs(lots) > most:
            reads = tuple(leg.read_ms for leg in facts.legs if leg is not None)
            return Breach(
                reason=(
                    f"risk.maxPosition: the {role} holds {market.base(lots)} {market.symbol}, "
                    f"more than {market.base(most)}"
                ),
                is_of_the_day=False,
                reads=reads,
            )
    return None


def day_total(legs: tuple[LegRisk, ...], *, mark_ticks: int, market: Market) -> Decimal | None:
    """What the pair made today, both legs valued by the same mark; None if a part is unknown.

    Each leg was read at its own moment: what the mark moved since then is made up for, so that
    two legs that cancel out do not look like a loss.
    """
    total = Decimal(0)
    for leg in legs:
        if leg.day_quote is None:
            return None
        total += Decimal(leg.day_quote)
        if leg.value_ticks is not None:
            total += market.quote(leg.position_lots * (mark_ticks - leg.value_ticks))
    return total


def _daily_loss(
    facts: RiskFacts, legs: tuple[LegRisk, ...], policy: RiskPolicy, market: Market
) -> Assessment | None:
    if policy.max_daily_loss is None:
        return None
    total = None
    if all(leg.day == facts.today for leg in legs) and facts.mark_ticks is not None:
        total = day_total(legs, mark_ticks=facts.mark_ticks, market=market)
    if total is None:
        why = "risk.maxDailyLoss: the day's result is not known"
        return Assessment(hold=why, unknown=why)
    if total > -policy.max_daily_loss:
        return None
    reason = (
        f"risk.maxDailyLoss: {-total:.2f} lost since 00:00 UTC, the limit is "
        f"{policy.max_daily_loss}"
    )
    if not _are_aligned(facts, legs):
        # The reads are of different moments: nothing new until they agree, and no verdict.
        return Assessment(hold=f"{reason}; to be confirmed", is_pending=True)
    breach = Breach(reason=reason, is_of_the_day=True, reads=tuple(leg.read_ms for leg in legs))
    return Assessment(hold=reason, breach=breach)


def _are_aligned(facts: RiskFacts, legs: tuple[LegRisk, ...]) -> bool:
    """Every read saw the position that the chain has now: they speak of the same fills."""
    chains = (facts.maker_lots, facts.hedger_lots)
    return all(leg.position_lots == lots for leg, lots in zip(legs, chains, strict=False))


def _near_liquidation(
    facts: RiskFacts, legs: tuple[LegRisk, ...], policy: RiskPolicy
) -> Assessment:
    """The leg that is nearest decides for both: they shrink together, never one alone."""
    if facts.mark_ticks is None:
        raise AssertionError("an unknown mark is judged before")
    near = [
        (distance, leg)
        for leg in legs
        if (distance := distance_bps(leg, facts.mark_ticks)) is not None
        and distance < policy.min_distance_bps
    ]
    if not near:
        return Assessment()
    distance, leg = min(near, key=lambda pair: pair[0])
    reason = (
        f"margin: account {leg.account_index} is {Decimal(distance) / 100} % from liquidation; "
        f"risk.minMarginDistance is {Decimal(policy.min_distance_bps) / 100} %"
    )
    if not leg.is_near_twice or facts.maker_lots is None or not _are_aligned(facts, legs):
        return Assessment(hold=f"{reason}; to be confirmed", is_pending=True)
    target = shrunk_lots(facts.maker_lots, distance=distance, wanted=policy.min_distance_bps)
    return Assessment(hold=reason, shrink=ClosingOrder(target_lots=target, reason=reason))


def is_confirmed(first: Breach, again: Breach) -> bool:
    """The same limit is still passed by reads that are all later (law 7)."""
    return len(first.reads) == len(again.reads) and all(
        after > before for before, after in zip(first.reads, again.reads, strict=True)
    )


def margin_distance_text(leg: LegRisk, mark_ticks: int) -> str | None:
    """For the report: a ratio such as 0.1234; None when nothing can be liquidated."""
    distance = distance_bps(leg, mark_ticks)
    return None if distance is None else str(Decimal(distance) / BPS)
