"""Where the maker rests, for how long, and when it may: the maker's rules (design §5, law 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hedgepair_runner.closing import (
    ClosingOrder,
    ClosingQuestion,
    ClosingStep,
    bound_ticks,
    decide_closing,
)
from hedgepair_runner.contract.legs import LegRisk
from hedgepair_runner.margins import Leg, margin_obstacle
from hedgepair_runner.orders import Book, Level, OwnOrder, Side
from hedgepair_runner.units import BPS, Market

LEAST_REST_S = 1.0
"""A moved level is followed no sooner: following every tick would spend the venue's budget. A
small tier asks for more (`affording`)."""


REDIS_WRITABLE_S = 2.0
"""The lease is renewed every second; without a renewal for so long, Redis counts as gone."""


class Cycling(Enum):
    ROUND_TRIP = "RoundTrip"
    ACCUMULATE = "Accumulate"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotePolicy:
    """The spec, in whole numbers. `closing_bps` bounds what closes a position from the mark."""

    cycle: Cycling
    open_side: Side
    quantity_lots: int
    depth: int
    timeout_s: float
    requote_ticks: int
    max_distance_bps: int
    max_position_lots: int
    least_rest_s: float = LEAST_REST_S
    closing_bps: int
    min_distance_bps: int = 0
    """`risk.minMarginDistance`: what a new position has to keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The hedger's latest report, as far as the maker needs it.

    `is_running`: it may be quoted on. `is_hedging`: whatever A trades it still takes back, as a
    suspended hedger does; enough to close on.
    """

    maker_chain_lots: int | None
    maker_chain_trade_id: int | None
    gap_lots: int | None
    in_flight: int
    carried_lots: int
    is_running: bool
    is_hedging: bool
    position_lots: int | None = None
    leg: LegRisk | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An order to send: post-only, or a reduce-only IOC that closes."""

    side: Side
    lots: int
    price_ticks: int
    reduce_only: bool
    is_ioc: bool = False

    @property
    def signed_lots(self) -> int:
        return self.side * self.lots


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The resting order is right as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    reason: str


QuoteDecision = Place | Keep | Cancel | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteQuestion:
    """The world as the maker knows it. None means unknown, which never quotes (law 3).

    `withheld` are reasons of people and limits why nothing may rest now; `closing` shrinks the
    position all the same. `forbidden` are reasons why nothing may be sent at all. `proved_lots` is
    the position by a second source. `resting_since_s` is how long the live order rests.
    `ticks_back` is how far to stay behind the level after post-only rejections. `legs` are the
    accounts that have to carry the order, its fills and their hedge.
    """

    position_lots: int | None
    last_trade_id: int
    book: Book | None
    mark_ticks: int | None
    forbidden: tuple[str, ...]
    needs_cover: bool
    cover: Cover | None
    live: OwnOrder | None
    resting_since_s: float
    ticks_back: int = 0
    withheld: tuple[str, ...] = ()
    closing: ClosingOrder | None = None
    proved_lots: int | None = None
    legs: tuple[Leg, ...] = ()


def decide_quotes(question: QuoteQuestion, *, policy: QuotePolicy, market: Market) -> QuoteDecision:
    """At most one order: place it, keep it, or take it away."""
    obstacle = first_obstacle(question)
    if question.live is not None:
        if obstacle is not None:
            return Cancel(reason=obstacle)
        if question.live.filled_lots:
            # Law 4: what was just filled is not covered yet, so the rest may not stand.
            return Cancel(reason="filled in part: the rest waits until the fill is covered")
        return _review(question, question.live, policy=policy, market=market)
    if question.closing is not None:
        return _close(question, question.closing, policy=policy, market=market)
    if obstacle is not None:
        return Wait(reason=obstacle)
    return _place(question, policy=policy, market=market)


def first_obstacle(question: QuoteQuestion) -> str | None:
    """Why nothing may rest now (law 4), or None."""
    if question.withheld:
        return question.withheld[0]
    if question.closing is not None:
        return question.closing.reason
    obstacle = _blindness(question)
    if obstacle is None and question.book is None:
        obstacle = "order book unknown"
    if obstacle is None and question.needs_cover:
        obstacle = uncovered(question)
    return obstacle


def _blindness(question: QuoteQuestion) -> str | None:
    """Why nothing at all may be sent, resting or not."""
    if question.forbidden:
        return question.forbidden[0]
    if question.position_lots is None:
        return "own position unknown"
    return "mark price unknown" if question.mark_ticks is None else None


def standing_obstacles(
    *, order: str, redis_age_s: float, streams_down: tuple[str, ...], band_is_spent: bool
) -> tuple[str, ...]:
    """Why nothing may rest for longer than a moment, most telling first (law 4).

    `order` is what a person or a stop asked for; `redis_age_s` how long ago Redis took a write.
    """
    reasons: tuple[str, ...] = (order,) if order else ()
    if redis_age_s > REDIS_WRITABLE_S:
        reasons += ("Redis takes no writes",)
    reasons += tuple(f"the {name} stream is down" for name in streams_down)
    return (*reasons, "the nonce band is nearly spent") if band_is_spent else reasons


def uncovered(question: QuoteQuestion, *, to_close: bool = False) -> str | None:
    """Whether everything filled so far is covered, by the hedger's own word (design §5 †).

    `to_close`: a hedger that is suspended, and hedges all the same, will do.
    """
    cover = question.cover
    if cover is None:
        return "no fresh report of the hedger"
    if not (cover.is_hedging if to_close else cover.is_running):
        return "the hedger is not running"
    if cover.maker_chain_trade_id is None or cover.gap_lots is None:
        return "the hedger does not know its gap"
    if cover.maker_chain_trade_id < question.last_trade_id:
        return "the hedger has not seen the last fill"
    if cover.maker_chain_lots != question.position_lots:
        return "the hedger counts another position of the maker"
    if cover.in_flight:
        return "a hedge is in flight"
    if cover.gap_lots not in (0, cover.carried_lots):
        return "a fill is not hedged yet"
    return None


def _place(question: QuoteQuestion, *, policy: QuotePolicy, market: Market) -> Place | Wait:
    side, lots, closing = _wanted(_known(question.position_lots), policy)
    if lots <= 0:
        return Wait(reason="at maxPosition")
    price = level_ticks(question, side, depth=policy.depth, own=None)
    if price is None:
        return Wait(reason="no level to join")
    price = _within(price, side, question, policy)
    if price is None:
        return Wait(reason="no price within maxDistanceBps of the mark that would rest")
    lots = min(lots, market.order_quote_limit_units // price)
    short = _margin_obstacle(question, side * lots, policy=policy, market=market)
    if short is not None:
        return Wait(reason=short)
    if lots >= market.smallest_resting_lots(price):
        return Place(side=side, lots=lots, price_ticks=price, reduce_only=closing)
    if closing:
        return _close_dust(side, lots, question, policy)
    return Wait(reason="too small to rest in this market")


def _close(
    question: QuoteQuestion, order: ClosingOrder, *, policy: QuotePolicy, market: Market
) -> Place | Wait:
    """One step of a closing; its fill is hedged like any other before the next one."""
    obstacle = _blindness(question)
    if obstacle is None and question.needs_cover:
        obstacle = uncovered(question, to_close=True)
    if obstacle is not None:
        return Wait(reason=f"{order.reason}: {obstacle}")
    asked = ClosingQuestion(
        order=order,
        position_lots=_known(question.position_lots),
        proved_lots=question.proved_lots,
        mark_ticks=_known(question.mark_ticks),
        most_lots=policy.quantity_lots,
        bound_bps=policy.closing_bps,
    )
    step = decide_closing(asked, market=market)
    if isinstance(step, ClosingStep):
        return Place(
            side=step.side,
            lots=step.lots,
            price_ticks=step.price_ticks,
            reduce_only=True,
            is_ioc=True,
        )
    return Wait(reason=step)


def _margin_obstacle(
    question: QuoteQuestion, signed_lots: int, *, policy: QuotePolicy, market: Market
) -> str | None:
    return margin_obstacle(
        question.legs,
        signed_lots=signed_lots,
        mark_ticks=_known(question.mark_ticks),
        least_distance_bps=policy.min_distance_bps,
        market=market,
    )


def _known(number: int | None) -> int:
    if number is None:
        raise AssertionError("an unknown position or mark is an obstacle")
    return number


def _wanted(position: int, policy: QuotePolicy) -> tuple[Side, int, bool]:
    """(side, lots, closing) of the next order of the cycle."""
    if policy.cycle is Cycling.ROUND_TRIP and position != 0:
        return Side.of(-position), abs(position), True
    room = policy.max_position_lots - position * policy.open_side
    return policy.open_side, min(policy.quantity_lots, room), False


def _close_dust(
    side: Side, lots: int, question: QuoteQuestion, policy: QuotePolicy
) -> Place | Wait:
    """Too small to rest: a reduce-only IOC, hedged like any fill (design §5)."""
    price = bound_ticks(_known(question.mark_ticks), side, bound_bps=policy.closing_bps)
    return Place(side=side, lots=lots, price_ticks=price, reduce_only=True, is_ioc=True)


def level_ticks(
    question: QuoteQuestion, side: Side, *, depth: int, own: OwnOrder | None
) -> int | None:
    """Price of the depth-th level of the book on this side, the own order not counted.

    A book with fewer levels gives its last one. `ticks_back` moves away from the market.
    """
    if question.book is None:
        return None
    shown = own if own is not None and own.engine_nonce <= question.book.nonce else None
    levels = _without(question.book.side(side), shown)
    if not levels:
        return None
    level = levels[min(depth, len(levels)) - 1]
    return max(1, level.price_ticks - side * question.ticks_back)


def _without(levels: tuple[Level, ...], own: OwnOrder | None) -> tuple[Level, ...]:
    if own is None:
        return levels
    return tuple(
        level
        for level in levels
        if level.price_ticks != own.price_ticks or level.size_lots > own.remaining_lots
    )


def _within(price: int, side: Side, question: QuoteQuestion, policy: QuotePolicy) -> int | None:
    """The price, moved toward the mark if it is too far; None if it would then cross the book."""
    if question.mark_ticks is None or question.book is None:
        return None
    # Both ways: a level beyond the mark is as far from it as one behind it, and dearer.
    lowest = _distance_bound(question.mark_ticks, Side.BUY, policy.max_distance_bps)
    highest = _distance_bound(question.mark_ticks, Side.SELL, policy.max_distance_bps)
    price = min(max(price, lowest), highest)
    opposite = question.book.side(side.opposite)
    if opposite and (opposite[0].price_ticks - price) * side <= 0:
        return None
    return price


def _distance_bound(mark_ticks: int, side: Side, distance_bps: int) -> int:
    """The farthest price a resting order of this side may have, rounded toward the mark."""
    if side is Side.BUY:
        return max(1, -(-mark_ticks * (BPS - distance_bps) // BPS))
    return max(1, mark_ticks * (BPS + distance_bps) // BPS)


def _review(
    question: QuoteQuestion, live: OwnOrder, *, policy: QuotePolicy, market: Market
) -> Keep | Cancel:
    side, lots, _ = _wanted(_known(question.position_lots), policy)
    if live.side is not side or live.remaining_lots > lots:
        # A hand or a liquidation moved the position: the rest would go past what was meant.
        return Cancel(reason="the position is not the one it was placed for")
    left_lots = live.side * live.remaining_lots
    short = _margin_obstacle(question, left_lots, policy=policy, market=market)
    if short is not None:
        return Cancel(reason=short)
    if question.resting_since_s >= policy.timeout_s:
        return Cancel(reason="timed out")
    if policy.requote_ticks == 0 or question.resting_since_s < policy.least_rest_s:
        return Keep()
    wanted = level_ticks(question, live.side, depth=policy.depth, own=live)
    wanted = None if wanted is None else _within(wanted, live.side, question, policy)
    if wanted is not None and abs(wanted - live.price_ticks) >= policy.requote_ticks:
        return Cancel(reason="the level moved")
    return Keep()
