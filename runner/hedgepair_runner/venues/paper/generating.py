"""The paper market's own quotes: a book around a seeded price, in the ways that profiles name.

All here is decided from what is handed in; `generator` carries it out. Quotes live in buckets of
`gap_ticks`, so a moving price replaces only the buckets at the edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hedgepair_runner.venues.paper.halting import NEVER, Halts
from hedgepair_runner.venues.paper.price_paths import Chance, Motion, PriceModel
from hedgepair_runner.venues.paper.records import MarketRules, Order
from hedgepair_runner.venues.paper.views import BookView

_DEEPEST_GROWTH = 20
"""Levels grow with the square of their depth, up to here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a market behaves and how lively it is. Rates are per market."""

    name: str
    summary: str = ""
    """A line for a list of profiles."""
    quotes_per_s: int
    """Steps of the quoting account; each one moves the price and mends the book."""
    takes_per_s: int
    motion: Motion = field(default_factory=Motion)
    halts: Halts = NEVER
    rival_one_in: int = 0
    """In one quoting step of so many a rival quotes inside the spread; 0: there is no rival."""
    levels: int = 44
    gap_ticks: int = 5
    half_spread_ticks: int = 2
    deeper_percent: int = 60
    """How likely a take eats one more whole level, and one more, and so on."""
    sweep_one_in: int = 10
    """One take in so many reaches for a depth between `sweep_from` and `sweep_to`."""
    sweep_from: int = 6
    sweep_to: int = 20
    aimed_one_in: int = 6
    """One take in so many looks for a client's order, the nearer the likelier it is taken."""
    least_levels: int = 24
    """A side with fewer is mended at once, not at the next quoting step."""
    widest_gaps: int = 4
    """So is a side whose best price is so many buckets from the fair one."""
    level_quote_micro: int = 150_000_000
    """Typical value of the level at the touch; deeper levels are larger."""
    take_quote_limit_micro: int = 200_000_000_000
    renewed_levels: int = 1
    """Levels per step that are cancelled and placed anew although they are where they should be."""


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="calm",
            summary="4 quoting steps and 2 takes a second around a wandering price",
            quotes_per_s=4,
            takes_per_s=2,
        ),
        Profile(
            name="demo",
            summary="10 steps and 10 takes a second around a wandering price",
            quotes_per_s=10,
            takes_per_s=10,
        ),
        Profile(
            name="busy",
            summary="40 steps and 40 takes a second, and the price moves twice as far",
            quotes_per_s=40,
            takes_per_s=40,
            motion=Motion(step_milliticks=2_000),
        ),
        Profile(
            name="walk",
            summary="a random walk: nothing draws the price back",
            quotes_per_s=10,
            takes_per_s=10,
            motion=Motion(model=PriceModel.RANDOM_WALK, step_milliticks=4_000),
        ),
        Profile(
            name="reverting",
            summary="mean reverting: large steps, and a strong pull to where it started",
            quotes_per_s=10,
            takes_per_s=10,
            motion=Motion(model=PriceModel.MEAN_REVERTING, step_milliticks=10_000, pull_ppm=80_000),
        ),
        Profile(
            name="jumpy",
            summary="every 8 s or so the price jumps by 0.15 to 0.6 %, through resting orders",
            quotes_per_s=10,
            takes_per_s=10,
            motion=Motion(model=PriceModel.JUMPING),
        ),
        Profile(
            name="halting",
            summary="halted for 10 s of every 60 s; the price goes on, and the market opens at it",
            quotes_per_s=10,
            takes_per_s=10,
            halts=Halts(open_us=50_000_000, halted_us=10_000_000),
        ),
        Profile(
            name="thin",
            summary="3 small levels a side, far apart: a take of any size walks through them",
            quotes_per_s=4,
            takes_per_s=2,
            levels=3,
            gap_ticks=40,
            half_spread_ticks=20,
            sweep_from=2,
            sweep_to=3,
            least_levels=1,
            level_quote_micro=40_000_000,
        ),
        Profile(
            name="crossed",
            summary="a rival quotes inside a wide spread, a tick off the other side",
            quotes_per_s=20,
            takes_per_s=5,
            half_spread_ticks=10,
            rival_one_in=2,
        ),
    )
}
"""The named market models.

calm       4 steps, 2 takes a second. The price is drawn to an anchor that wanders within 3 % of the
           start. Orders at the touch fill within seconds.
demo       The same with 10 and 10: what `hedgepair demo` trades on.
busy       The same with 40 and 40, and steps twice as far.
walk       A seeded random walk of up to 4 ticks a step, without a band; it turns back only at a
           tenth of the start.
reverting  Up to 10 ticks a step, and 8 % of the way back to the start in each.
jumpy      Like demo, but one step in 80 is a jump of 15 to 60 bps. The new quotes trade through
           what rests in between, at its price: the fills that hurt a maker.
halting    Like demo, but `inactive` for the last 10 s of every minute: orders are refused with
           21605, cancels pass, the book stands still, and the first quotes after it may be far off.
thin       3 levels a side of some 40 USDC, 40 ticks apart: little depth, wide gaps.
crossed    A spread of some 20 ticks in which a rival quotes one tick off the other side, for half
           of the time and on a side that changes: post-only orders that aim inside are cancelled.
A recording (`tape`, `book_tape`) takes the place of the price and of the takes or the quotes.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    is_ask: bool
    price_ticks: int
    size_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Requote:
    """What the quoting account does in one step: first the cancels, then the quotes."""

    cancels: tuple[int, ...]
    """Order indexes."""
    quotes: tuple[Quote, ...]


def requote(
    own: Sequence[Order],
    *,
    fair_ticks: int,
    rules: MarketRules,
    profile: Profile,
    chance: Chance,
) -> Requote:
    """One order in each of the `levels` buckets beyond the spread on both sides, nothing else."""
    cancels: list[int] = []
    quotes: list[Quote] = []
    for is_ask in (False, True):
        wanted = _wanted_buckets(fair_ticks, is_ask=is_ask, profile=profile)
        held: dict[int, Order] = {}
        for order in own:
            if order.is_ask is not is_ask:
                continue
            bucket = order.price_ticks // profile.gap_ticks
            if bucket in wanted and bucket not in held:
                held[bucket] = order
            else:
                cancels.append(order.order_index)
        for _ in range(profile.renewed_levels):
            renewed = held.pop(wanted[chance.randrange(len(wanted))], None)
            if renewed is not None:
                cancels.append(renewed.order_index)
        for depth, bucket in enumerate(wanted):
            if bucket not in held:
                price = bucket * profile.gap_ticks + chance.randrange(profile.gap_ticks)
                lots = _quote_lots(depth, price, rules=rules, profile=profile, chance=chance)
                quotes.append(Quote(is_ask=is_ask, price_ticks=price, size_lots=lots))
    return Requote(cancels=tuple(cancels), quotes=tuple(quotes))


def is_hollow(book: BookView, *, fair_ticks: int, profile: Profile) -> bool:
    """Whether a take left a side so short or so far away that it has to be mended at once."""
    if min(len(book.asks), len(book.bids)) < profile.least_levels:
        return True
    widest_ticks = profile.widest_gaps * profile.gap_ticks
    return (
        book.asks[0].price_ticks - fair_ticks > widest_ticks
        or fair_ticks - book.bids[0].price_ticks > widest_ticks
    )


def _wanted_buckets(fair_ticks: int, *, is_ask: bool, profile: Profile) -> list[int]:
    """Nearest first. The whole bucket lies beyond the spread, so quotes never cross each other."""
    if is_ask:
        first = -(-(fair_ticks + profile.half_spread_ticks) // profile.gap_ticks)
        return list(range(first, first + profile.levels))
    last = (fair_ticks - profile.half_spread_ticks) // profile.gap_ticks - 1
    # Bucket 0 would hold the price of zero.
    return list(range(last, max(0, last - profile.levels), -1))


def _quote_lots(
    depth: int, price_ticks: int, *, rules: MarketRules, profile: Profile, chance: Chance
) -> int:
    value_micro = profile.level_quote_micro * chance.randint(20, 250) // 100
    grown = min(depth, _DEEPEST_GROWTH) ** 2
    value_micro = value_micro * (50 + grown) // 50
    # Up, and half as much again: a quote may not be below the minimum of a resting order.
    minimum_micro = rules.min_quote_micro * 3 // 2
    lots = -(-max(value_micro, minimum_micro) // price_ticks)
    return max(lots, rules.min_base_lots)


def requote_as_recorded(own: Sequence[Order], wanted: Sequence[Quote]) -> Requote:
    """Exactly the wanted quotes; what rests so already keeps its place in the queue."""
    missing = {(quote.is_ask, quote.price_ticks): quote for quote in wanted}
    cancels: list[int] = []
    for order in own:
        place = (order.is_ask, order.price_ticks)
        quote = missing.get(place)
        if quote is not None and quote.size_lots == order.remaining_lots:
            del missing[place]
        else:
            cancels.append(order.order_index)
    return Requote(cancels=tuple(cancels), quotes=tuple(missing.values()))


def choose_rival_quote(
    book: BookView, *, rules: MarketRules, profile: Profile, chance: Chance
) -> Quote | None:
    """A small quote one tick off the other side's best. None: this time there is none."""
    if not book.asks or not book.bids or chance.randrange(profile.rival_one_in):
        return None
    is_ask = chance.randrange(2) == 0
    price = book.bids[0].price_ticks + 1 if is_ask else book.asks[0].price_ticks - 1
    if not book.bids[0].price_ticks < price < book.asks[0].price_ticks:
        return None
    lots = max(-(-2 * rules.min_quote_micro // price), rules.min_base_lots)
    return Quote(is_ask=is_ask, price_ticks=price, size_lots=lots)


def pause_us(per_s: int, chance: Chance) -> int:
    """Time to the next step: `per_s` on average, from almost none to twice the mean."""
    mean_us = 1_000_000 // per_s
    return chance.randint(1, 2 * mean_us - 1)
