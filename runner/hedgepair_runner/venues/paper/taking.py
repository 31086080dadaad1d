"""Which orders the paper market's own taker takes: at the touch, in the depths, or a client's."""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.venues.paper.generating import Profile
from hedgepair_runner.venues.paper.price_paths import Chance
from hedgepair_runner.venues.paper.views import BookView


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """An IOC limit order that reaches as deep as its price."""

    is_ask: bool
    price_ticks: int
    size_lots: int


def choose_take(
    book: BookView, *, inventory_lots: int, profile: Profile, chance: Chance
) -> Take | None:
    """The next take: a side, how many whole levels it eats, and a part of the one behind them.

    The number of whole levels falls off geometrically, so orders at the touch fill wholly and in
    part; sweeps reach for the depths. `inventory_lots` is what the takers hold so far: the larger
    it is, the likelier the side that reduces it. None: there is nothing to take.
    """
    is_ask = _chosen_side(book, inventory_lots=inventory_lots, chance=chance)
    levels = book.bids if is_ask else book.asks
    if not levels:
        return None
    whole = _chosen_depth(profile, chance)
    reached = levels[min(whole, len(levels) - 1)]
    part_lots = reached.size_lots * chance.randint(1, 1_000) // 1_000
    size_lots = sum(level.size_lots for level in levels[:whole]) + max(1, part_lots)
    return _bounded(is_ask, reached.price_ticks, size_lots, profile=profile)


def choose_aimed_take(
    book: BookView, *, generated: frozenset[int], profile: Profile, chance: Chance
) -> Take | None:
    """A take that reaches a client's order, chosen at random: half of them fill it wholly.

    `book` holds single orders; `generated` are the generator's own accounts. None: no order of a
    client is within reach, or it was let go, which happens the more the deeper it lies.
    """
    reached = [
        (orders[: place + 1], levels)
        for orders, levels in ((book.ask_orders, book.asks), (book.bid_orders, book.bids))
        for place, order in enumerate(orders)
        if order.account_index not in generated
    ]
    if not reached:
        return None
    orders, levels = reached[chance.randrange(len(reached))]
    aim = orders[-1]
    depth = [level.price_ticks for level in levels].index(aim.price_ticks)
    if chance.randrange(depth + 1):
        return None
    part = 1_000 if chance.randrange(2) else chance.randint(1, 999)
    ahead_lots = sum(order.remaining_lots for order in orders[:-1])
    part_lots = max(1, aim.remaining_lots * part // 1_000)
    return _bounded(not aim.is_ask, aim.price_ticks, ahead_lots + part_lots, profile=profile)


def _bounded(is_ask: bool, price_ticks: int, size_lots: int, *, profile: Profile) -> Take:
    limit_lots = profile.take_quote_limit_micro // max(1, price_ticks)
    return Take(
        is_ask=is_ask, price_ticks=price_ticks, size_lots=max(1, min(size_lots, limit_lots))
    )


def _chosen_depth(profile: Profile, chance: Chance) -> int:
    if chance.randrange(profile.sweep_one_in) == 0:
        return chance.randint(profile.sweep_from, profile.sweep_to)
    depth = 0
    while depth < profile.sweep_from and chance.randrange(100) < profile.deeper_percent:
        depth += 1
    return depth


def _chosen_side(book: BookView, *, inventory_lots: int, chance: Chance) -> bool:
    """Selling with even chances, up to 3 in 5 against an inventory as large as the book."""
    depth_lots = sum(level.size_lots for level in book.asks + book.bids) or 1
    lean = max(-100, min(100, 100 * inventory_lots // depth_lots))
    return chance.randrange(1_000) < 500 + lean
