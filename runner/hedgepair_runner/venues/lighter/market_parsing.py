"""What the venue says of markets: details, books, statistics (protocol §3.2, §6.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from hedgepair_runner.units import BPS, Market
from hedgepair_runner.venues.lighter.fields import Fields, MalformedFrame, scaled

Levels = Sequence[tuple[int, int]]
"""Pairs of price in ticks and size in lots; 0 lots: the level is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFrame:
    """One `order_book` frame. An update is good only on top of the book with `begin_nonce`."""

    market_id: int
    bids: Levels
    asks: Levels
    begin_nonce: int
    nonce: int
    is_snapshot: bool


def markets_of(body: object) -> dict[str, Market]:
    """The perpetual markets of an `orderBookDetails` answer, by symbol."""
    answer = Fields(body, channel="orderBookDetails")
    found = [_market(row) for row in answer.rows("order_book_details")]
    return {market.symbol: market for market in found}


def _market(row: object) -> Market:
    fields = Fields(row, channel="orderBookDetails")
    size_decimals = fields.integer("size_decimals")
    price_decimals = fields.integer("price_decimals")
    quote_decimals = size_decimals + price_decimals
    return Market(
        market_id=fields.integer("market_id"),
        symbol=fields.text("symbol"),
        size_decimals=size_decimals,
        price_decimals=price_decimals,
        # Minimums up and the limit down: an order within ours is within the venue's.
        min_base_lots=_rounded(fields, "min_base_amount", size_decimals, ROUND_CEILING),
        min_quote_units=_rounded(fields, "min_quote_amount", quote_decimals, ROUND_CEILING),
        order_quote_limit_units=_rounded(fields, "order_quote_limit", quote_decimals, ROUND_FLOOR),
        is_active=fields.text("status") == "active",
        # A fraction that is not told is taken for the whole: nothing is carried on a guess.
        initial_margin_bps=fields.integer("default_initial_margin_fraction", BPS),
        maintenance_margin_bps=fields.integer("maintenance_margin_fraction", BPS),
    )


def _rounded(fields: Fields, field: str, decimals: int, rounding: str) -> int:
    text = fields.text(field)
    try:
        return int(Decimal(text).scaleb(decimals).to_integral_value(rounding))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise MalformedFrame(fields.channel, field, f"{text!r} is no decimal number") from error


def book_frame(frame: Mapping[str, Any], markets: Mapping[int, Market]) -> BookFrame:
    """An `order_book` frame of a known market; MalformedFrame for any other."""
    outer = Fields(frame, channel="order_book")
    channel = outer.text("channel")
    market = market_of_channel(channel, markets)
    book = Fields(outer.nested("order_book"), channel=channel)
    return BookFrame(
        market_id=market.market_id,
        bids=_levels(book, "bids", market),
        asks=_levels(book, "asks", market),
        begin_nonce=book.integer("begin_nonce", 0),
        nonce=book.integer("nonce"),
        is_snapshot=outer.text("type").startswith("subscribed/"),
    )


def market_of_channel(channel: str, markets: Mapping[int, Market]) -> Market:
    """The market that `order_book:0` names."""
    _, _, number = channel.partition(":")
    if not number.isdecimal() or int(number) not in markets:
        raise MalformedFrame(channel, "channel", "names no market that was asked for")
    return markets[int(number)]


def _levels(book: Fields, field: str, market: Market) -> Levels:
    price_decimals, size_decimals = market.price_decimals, market.size_decimals
    try:
        return [
            (scaled(row["price"], price_decimals), scaled(row["size"], size_decimals))
            for row in book.rows(field)
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MalformedFrame(book.channel, field, f"unreadable level: {error}") from error


def mark_price(frame: Mapping[str, Any], markets: Mapping[int, Market]) -> tuple[int, int] | None:
    """Market id and mark price in ticks of a `market_stats/{m}` frame; None without a price.

    The mark may be finer than the market's ticks; it is rounded down to one.
    """
    outer = Fields(frame, channel="market_stats")
    channel = outer.text("channel")
    market = market_of_channel(channel, markets)
    stats = Fields(outer.nested("market_stats"), channel=channel)
    if not stats.text("mark_price", ""):
        return None
    ticks = _rounded(stats, "mark_price", market.price_decimals, ROUND_FLOOR)
    return (market.market_id, ticks) if ticks > 0 else None
