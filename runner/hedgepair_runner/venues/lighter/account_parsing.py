"""What the venue says of accounts: orders, trades, positions (protocol §3.4–3.6, §6.5).

Rows of markets that are not in the table are left out: nobody here trades what was not there
when the markets were read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from hedgepair_runner.orders import AccountRead, AccountTrade, Funding, OwnOrder, Side
from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.fields import Fields, MalformedFrame, json_list, json_object
from hedgepair_runner.venues.lighter.risk_parsing import position_margin

Markets = Mapping[int, Market]


def orders_of(rows: Iterable[object], markets: Markets, *, channel: str) -> tuple[OwnOrder, ...]:
    """Orders as lists and channels give them (protocol §3.5)."""
    return tuple(
        _order(fields, market)
        for fields, market in _known(rows, markets, market_field="market_index", channel=channel)
    )


def _order(fields: Fields, market: Market) -> OwnOrder:
    size_decimals, price_decimals = market.size_decimals, market.price_decimals
    updated_us = fields.integer("transaction_time", 0)
    return OwnOrder(
        account_index=fields.integer("owner_account_index"),
        market_id=market.market_id,
        order_index=fields.integer("order_index"),
        client_order_index=fields.integer("client_order_index", 0),
        side=Side.SELL if fields.flag("is_ask") else Side.BUY,
        price_ticks=fields.scaled("price", price_decimals),
        initial_lots=fields.scaled("initial_base_amount", size_decimals),
        filled_lots=fields.scaled("filled_base_amount", size_decimals),
        filled_quote_units=fields.scaled("filled_quote_amount", size_decimals + price_decimals),
        status=fields.text("status"),
        reduce_only=fields.flag("reduce_only", False),
        engine_nonce=fields.integer("nonce", 0),
        updated_us=updated_us or fields.integer("updated_at") * 1_000,
    )


def trades_of(
    rows: Iterable[object], markets: Markets, *, accounts: Collection[int], channel: str
) -> tuple[AccountTrade, ...]:
    """The sides of these accounts, of whatever trades they are part of.

    A trade between two of them gives two facts with one id; one between strangers gives none.
    """
    found: list[AccountTrade] = []
    for fields, market in _known(rows, markets, market_field="market_id", channel=channel):
        found += _sides(fields, market, accounts)
    return tuple(found)


def own_trades_of(
    rows: Iterable[object], markets: Markets, *, account_index: int, channel: str
) -> tuple[AccountTrade, ...]:
    """The trades of an account's own channel or list: one without it is malformed, not skipped."""
    found: list[AccountTrade] = []
    for fields, market in _known(rows, markets, market_field="market_id", channel=channel):
        sides = _sides(fields, market, (account_index,))
        if not sides:
            raise MalformedFrame(channel, "ask_account_id", "a trade of somebody else")
        found += sides
    return tuple(found)


def _sides(fields: Fields, market: Market, accounts: Collection[int]) -> list[AccountTrade]:
    # Zero and false fields are left out by the venue (protocol §3.6); no account of ours is 0.
    seller, buyer = fields.integer("ask_account_id", 0), fields.integer("bid_account_id", 0)
    if seller == buyer and seller in accounts:
        raise MalformedFrame(fields.channel, "bid_account_id", "the account trades with itself")
    sides = []
    if seller in accounts:
        sides.append(_side(fields, market, account_index=seller, side=Side.SELL))
    if buyer in accounts:
        sides.append(_side(fields, market, account_index=buyer, side=Side.BUY))
    return sides


def _side(fields: Fields, market: Market, *, account_index: int, side: Side) -> AccountTrade:
    is_maker = fields.flag("is_maker_ask", False) is side.is_ask
    role, party = ("maker" if is_maker else "taker"), ("ask" if side.is_ask else "bid")
    size_decimals = market.size_decimals
    size_lots = fields.scaled("size", size_decimals)
    price_ticks = fields.scaled("price", market.price_decimals)
    if size_lots <= 0 or price_ticks <= 0:
        raise MalformedFrame(fields.channel, "size", "a trade has a size and a price above zero")
    return AccountTrade(
        account_index=account_index,
        trade_id=fields.integer("trade_id"),
        market_id=market.market_id,
        signed_lots=side * size_lots,
        price_ticks=price_ticks,
        before_lots=fields.scaled(f"{role}_position_size_before", size_decimals, "0"),
        is_maker=is_maker,
        order_index=fields.integer(f"{party}_id", 0),
        client_order_index=fields.integer(f"{party}_client_id", 0),
        fee_millionths=fields.integer(f"{role}_fee", 0),
        trade_type=fields.text("type"),
        timestamp_ms=fields.integer("timestamp"),
        entry_before_units=_entry_units(fields, f"{role}_entry_quote_before", market),
    )


def _entry_units(fields: Fields, field: str, market: Market) -> int | None:
    """For the books alone: what cannot be read here must not keep a trade from being hedged."""
    try:
        return abs(fields.scaled(field, market.size_decimals + market.price_decimals))
    except MalformedFrame:
        return None


def positions_of(rows: Iterable[object], markets: Markets, *, channel: str) -> dict[int, int]:
    """Signed lots by market: sign times an unsigned size; the sign of a flat one is 1 (§3.4)."""
    positions = {}
    for fields, market in _known(rows, markets, market_field="market_id", channel=channel):
        sign = fields.integer("sign")
        if sign not in (1, -1):
            raise MalformedFrame(channel, "sign", f"expected 1 or -1, found {sign}")
        size_lots = fields.scaled("position", market.size_decimals)
        if size_lots < 0:
            raise MalformedFrame(channel, "position", "a size without a sign was expected")
        positions[market.market_id] = sign * size_lots
    return positions


def account_of(body: object, markets: Markets, *, account_index: int) -> AccountRead:
    """The one account of a `GET account` answer; MalformedFrame if it is another's."""
    channel = f"account {account_index}"
    rows = Fields(body, channel=channel).rows("accounts")
    if len(rows) != 1:
        raise MalformedFrame(channel, "accounts", f"expected one account, found {len(rows)}")
    fields = Fields(rows[0], channel=channel)
    if fields.integer("index") != account_index:
        raise MalformedFrame(channel, "index", "another account than the one asked for")
    positions = fields.rows("positions")
    return AccountRead(
        account_index=account_index,
        l1_address=fields.text("l1_address"),
        positions_lots=positions_of(positions, markets, channel=channel),
        entry_prices={
            market.market_id: row.text("avg_entry_price", "0")
            for row, market in _known(positions, markets, market_field="market_id", channel=channel)
        },
        available_balance=fields.text("available_balance"),
        collateral=fields.text("collateral"),
        total_asset_value=fields.text("total_asset_value"),
        cancel_all_time_ms=fields.integer("cancel_all_time", 0),
        maintenance_quote=fields.text("cross_maintenance_margin_requirement", "0"),
        margins={
            market.market_id: position_margin(row, market)
            for row, market in _known(positions, markets, market_field="market_id", channel=channel)
        },
    )


def funding_page_of(body: object, account_index: int) -> tuple[dict[int, Funding], str]:
    """A page of `positionFunding` by funding id, and the cursor of the next (protocol §3.10)."""
    fields = Fields(body, channel="positionFunding")
    found: dict[int, Funding] = {}
    for row in fields.rows("position_fundings"):
        payment = Fields(row, channel="positionFunding")
        found[payment.integer("funding_id")] = Funding(
            account_index=account_index,
            at_ms=payment.integer("timestamp") * 1_000,
            change_quote=payment.decimal("change"),
        )
    return found, fields.text("next_cursor", "")


def listed_by_market(frame: Mapping[str, Any], field: str, *, channel: str) -> list[object]:
    """The rows of `{"0": [row, …], "1": …}` in the order they came; `null` is empty."""
    return [
        row
        for rows in values_by_market(frame, field, channel=channel)
        for row in json_list(rows, channel=channel, field=field)
    ]


def values_by_market(frame: Mapping[str, Any], field: str, *, channel: str) -> list[object]:
    """The values of `{"0": row, "1": row}`; `null` is empty, a missing field says nothing."""
    if field not in frame:
        raise MalformedFrame(channel, field, "expected an object, found nothing")
    by_market = frame[field]
    if by_market is None:
        return []
    return list(json_object(by_market, channel=channel, field=field).values())


def _known(
    rows: Iterable[object], markets: Markets, *, market_field: str, channel: str
) -> Iterable[tuple[Fields, Market]]:
    for row in rows:
        fields = Fields(row, channel=channel)
        market = markets.get(fields.integer(market_field))
        if market is not None:
            yield fields, market
