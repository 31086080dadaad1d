"""REST reads of funding, profit and forced trades (protocol §3.10, §7.13, §7.14)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TypeVar

from hedgepair_runner.venues.paper import rendering_funding, rendering_liquidations
from hedgepair_runner.venues.paper.amounts import PICO_DECIMALS, QUOTE_DECIMALS, number
from hedgepair_runner.venues.paper.candles import RESOLUTIONS
from hedgepair_runner.venues.paper.ledgers import HOUR_US, Hour
from hedgepair_runner.venues.paper.reading import Answer, Json, Read, foreign_token
from hedgepair_runner.venues.paper.reading_markets import span_ms
from hedgepair_runner.venues.paper.views import Refusal

_WIDTHS_S: Mapping[str, int] = {"1h": 1, "1d": 86_400}
"""An hourly row is one round, however long the interval of this exchange."""
_SIDES = frozenset({"all", "long", "short"})
_BAD_RESOLUTION = Refusal(code=22_402, message="invalid resolution: resolution unsupported")

Row = TypeVar("Row")


def fundings(read: Read) -> Answer:
    rules = read.market()
    resolution = read.parameters.text("resolution")
    if resolution not in _WIDTHS_S:
        return _BAD_RESOLUTION
    span = span_ms(read)
    if isinstance(span, Refusal):
        return span
    start_ms, end_ms = span
    rounds = [
        each
        for each in read.exchange.funding.rounds(rules.market_id)
        if start_ms <= each.at_us // 1_000 <= end_ms
    ]
    rows = rendering_funding.fundings(rounds, rules, width_s=_WIDTHS_S[resolution])
    most = read.parameters.whole("count_back", default=0) or len(rows)
    return {"code": 200, "resolution": resolution, "fundings": rows[-most:] if rows else []}


def funding_rates(read: Read) -> Answer:
    """The estimate of the payment to come, of this exchange only."""
    exchange = read.exchange
    rates = [
        rendering_funding.funding_rate(rules, exchange.funding.estimate_millionths(rules.market_id))
        for rules in exchange.markets.values()
    ]
    return {"code": 200, "funding_rates": rates}


def position_funding(read: Read) -> Answer:
    """Newest first; the cursor is the position in that order. A foreign token is refused."""
    limit = read.parameters.whole("limit", low=1, high=100)
    view = read.account()
    if isinstance(view, Refusal):
        return view
    if read.claim is not None and read.claim.account_index != view.account_index:
        return foreign_token()
    values = read.parameters
    side = values.choice("side", _SIDES, default="all")
    markets = frozenset(
        values.wholes("market_ids", most=255) if values.values.get("market_ids") else ()
    )
    start_ms, end_ms = (
        values.optional_whole("start_timestamp"),
        values.optional_whole("end_timestamp"),
    )
    wanted = [
        each
        for each in read.exchange.funding.payments(view.account_index)
        if (not markets or each.round.market_id in markets)
        and (side == "all" or (each.size_lots > 0) == (side == "long"))
        and (start_ms is None or each.round.at_us // 1_000 >= start_ms)
        and (end_ms is None or each.round.at_us // 1_000 <= end_ms)
    ]
    seen = _seen(read)
    page, cursor = wanted[seen : seen + limit], _next_cursor(seen, limit, len(wanted))
    rows = [
        rendering_funding.payment(each, read.exchange.markets[each.round.market_id])
        for each in page
    ]
    return {"code": 200, "position_fundings": rows, "next_cursor": cursor}


def liquidations(read: Read) -> Answer:
    """Newest first."""
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    limit = read.parameters.whole("limit", low=1, high=100)
    rules = read.market_or_all()
    wanted = [
        each
        for each in read.exchange.liquidator.liquidations(own)
        if rules is None or each.trade.market_id == rules.market_id
    ]
    seen = _seen(read)
    page = islice(wanted, seen, seen + limit)
    return {
        "code": 200,
        "liquidations": [
            rendering_liquidations.liquidation(each, read.exchange.markets) for each in page
        ],
        "next_cursor": _next_cursor(seen, limit, len(wanted)),
    }


def pnl(read: Read) -> Answer:
    """Realised profit after fees and funding, added up; kept by the hour, for 30 days."""
    read.parameters.choice("by", frozenset({"index"}))
    resolution = read.parameters.text("resolution")
    if resolution not in RESOLUTIONS:
        return _BAD_RESOLUTION
    view = read.account("value")
    if isinstance(view, Refusal):
        return view
    if read.claim is not None and read.claim.account_index != view.account_index:
        return foreign_token()
    span = span_ms(read)
    if isinstance(span, Refusal):
        return span
    most = read.parameters.whole("count_back", default=0)
    hours = read.exchange.doors.hours(view.account_index)
    entries = _entries(hours, width_us=max(HOUR_US, RESOLUTIONS[resolution] * 1_000))
    start_s, end_s = span[0] // 1_000, span[1] // 1_000
    within = [entry for entry in entries if start_s <= entry["timestamp"] <= end_s]
    return {"code": 200, "resolution": resolution, "pnl": within[-most:]}


def _entries(hours: tuple[Hour, ...], *, width_us: int) -> list[Json]:
    """One entry per width with anything in it. `trade_pnl` is the sum up to its end."""
    by_start: dict[int, list[Hour]] = {}
    for hour in hours:
        by_start.setdefault(hour.start_us - hour.start_us % width_us, []).append(hour)
    entries, gained_pico = [], 0
    for start_us, within in by_start.items():
        gained_pico += sum(hour.gain_pico for hour in within)
        entries.append(
            _NOTHING
            | {
                "timestamp": start_us // 1_000_000,
                "trade_pnl": number(gained_pico, PICO_DECIMALS),
                "inflow": number(sum(hour.inflow_pico for hour in within), PICO_DECIMALS),
                "outflow": number(sum(hour.outflow_pico for hour in within), PICO_DECIMALS),
                "volume": number(sum(hour.volume_micro for hour in within), QUOTE_DECIMALS),
            }
        )
    return entries


_NOTHING: Json = {
    "pool_pnl": 0,
    "pool_inflow": 0,
    "pool_outflow": 0,
    "pool_total_shares": 0,
    "spot_inflow": 0,
    "spot_outflow": 0,
    "staked_lit": 0,
    "staking_inflow": 0,
    "staking_outflow": 0,
    "staking_pnl": 0,
    "trade_spot_pnl": 0,
}
"""Paper has no pools, no spot markets and no staking."""


def _seen(read: Read) -> int:
    """How many rows the pages before have shown."""
    return read.parameters.optional_whole("cursor") or 0


def _next_cursor(seen: int, limit: int, count: int) -> str:
    return str(seen + limit) if seen + limit < count else ""
