"""The venue's JSON as our facts (protocol §3.2 to §3.6). Zero and false fields may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from hedgepair_runner.local.observations import BookRow, LegOrder, LegTrade
from hedgepair_runner.units import Market

Json = Mapping[str, Any]

_FEE_UNIT: Final = Decimal("0.000001")


def market_of(details: Json) -> Market:
    """An entry of `order_book_details`."""
    size, price = int(details["size_decimals"]), int(details["price_decimals"])
    unit = size + price
    return Market(
        market_id=int(details["market_id"]),
        symbol=str(details["symbol"]),
        size_decimals=size,
        price_decimals=price,
        min_base_lots=int(Decimal(details["min_base_amount"]).scaleb(size)),
        min_quote_units=int(Decimal(details["min_quote_amount"]).scaleb(unit)),
        order_quote_limit_units=int(Decimal(details["order_quote_limit"]).scaleb(unit)),
        is_active=details["status"] == "active",
    )


def trade_of(trade: Json, *, account_index: int, market: Market) -> LegTrade:
    """The account's side of a trade. Of a trade with itself, the ask."""
    is_ask = int(trade["ask_account_id"]) == account_index
    side = "ask" if is_ask else "bid"
    is_maker = bool(trade.get("is_maker_ask", False)) is is_ask
    lots = market.lots(Decimal(trade["size"]))
    fee = Decimal(int(trade.get("maker_fee" if is_maker else "taker_fee", 0))) * _FEE_UNIT
    at_us = int(trade.get("transaction_time", 0)) or int(trade["timestamp"]) * 1000
    return LegTrade(
        trade_id=int(trade["trade_id"]),
        at_us=at_us,
        signed_lots=-lots if is_ask else lots,
        price_ticks=market.ticks(Decimal(trade["price"])),
        order_index=int(trade[f"{side}_id"]),
        is_maker=is_maker,
        pnl_quote=Decimal(trade.get(f"{side}_account_pnl", "0")),
        fee_quote=Decimal(trade["usd_amount"]) * fee,
    )


def order_of(order: Json, market: Market) -> LegOrder:
    return LegOrder(
        order_index=int(order["order_index"]),
        is_ask=bool(order["is_ask"]),
        price_ticks=market.ticks(Decimal(order["price"])),
        initial_lots=market.lots(Decimal(order["initial_base_amount"])),
        remaining_lots=market.lots(Decimal(order["remaining_base_amount"])),
        placed_ms=int(order["created_at"]),
    )


def position_of(account: Json, market: Market) -> int:
    """Signed lots; a market that is not listed is flat (protocol §3.4)."""
    for position in account["positions"]:
        if int(position["market_id"]) == market.market_id:
            return int(position["sign"]) * market.lots(Decimal(position["position"]))
    return 0


def book_rows(
    orders: Iterable[Json], *, own_accounts: frozenset[int], market: Market
) -> tuple[BookRow, ...]:
    """Single orders, best first, as levels."""
    sizes: dict[int, int] = {}
    own: dict[int, int] = {}
    for order in orders:
        ticks = market.ticks(Decimal(order["price"]))
        lots = market.lots(Decimal(order["remaining_base_amount"]))
        sizes[ticks] = sizes.get(ticks, 0) + lots
        if int(order["owner_account_index"]) in own_accounts:
            own[ticks] = own.get(ticks, 0) + lots
    return tuple(
        BookRow(price_ticks=ticks, size_lots=lots, own_lots=own.get(ticks, 0))
        for ticks, lots in sizes.items()
    )
