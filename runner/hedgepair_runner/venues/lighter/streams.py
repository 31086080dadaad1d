"""The two streams of a process: their channels, and what frames tell (protocol §6.4, §6.5).

"account": the own private channels, what transactions are answered with, and the public channel of
every watched account. "market": books and statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hedgepair_runner.units import Market
from hedgepair_runner.venues.lighter.account_parsing import (
    listed_by_market,
    orders_of,
    own_trades_of,
    positions_of,
    values_by_market,
)
from hedgepair_runner.venues.lighter.answer_parsing import verdicts_of
from hedgepair_runner.venues.lighter.fields import Fields, MalformedFrame
from hedgepair_runner.venues.venue import (
    OrdersSeen,
    PositionsSeen,
    TradesSeen,
    VenueEvent,
    VerdictsSeen,
)

ACCOUNT_STREAM = "account"
MARKET_STREAM = "market"

Frame = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A channel as it is asked for (`order_book/0`); it answers as `order_book:0`."""

    channel: str
    needs_token: bool = False

    @property
    def inbound(self) -> str:
        return self.channel.replace("/", ":")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStats:
    """Margin figures of the account, texts as they came (channel `user_stats`)."""

    available_balance: str
    collateral: str
    portfolio_value: str


def account_subscriptions(own_account: int, watched: Iterable[int]) -> tuple[Subscription, ...]:
    private = ("account_all_orders", "account_all_trades", "account_all_positions", "account_tx")
    return (
        *(Subscription(channel=f"{kind}/{own_account}", needs_token=True) for kind in private),
        Subscription(channel=f"user_stats/{own_account}", needs_token=True),
        # Without a token: ours names our account, and the channel is documented as public.
        *(Subscription(channel=f"account_all/{account}") for account in watched),
    )


def market_subscriptions(market_ids: Iterable[int]) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(channel=f"{kind}/{market_id}")
        for market_id in market_ids
        for kind in ("order_book", "market_stats")
    )


def account_events(frame: Frame, markets: Mapping[int, Market]) -> list[VenueEvent]:
    """What a frame of an account channel tells; nothing for channels of another kind."""
    phase, _, kind = str(frame.get("type", "")).partition("/")
    reader = _READERS.get(kind)
    if reader is None:
        return []
    channel = Fields(frame, channel=kind).text("channel")
    return reader(frame, markets, _Place(channel=channel, is_snapshot=phase == "subscribed"))


def user_stats(frame: Frame) -> UserStats | None:
    """The figures of a `user_stats` frame; None for any other frame."""
    if not str(frame.get("type", "")).endswith("/user_stats"):
        return None
    stats = Fields(frame.get("stats"), channel="user_stats")
    return UserStats(
        available_balance=stats.text("available_balance"),
        collateral=stats.text("collateral"),
        portfolio_value=stats.text("portfolio_value"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    channel: str
    is_snapshot: bool

    @property
    def account_index(self) -> int:
        number = self.channel.rpartition(":")[2]
        if not number.isdecimal():
            raise MalformedFrame(self.channel, "channel", "names no account")
        return int(number)


def _orders(frame: Frame, markets: Mapping[int, Market], place: _Place) -> list[VenueEvent]:
    rows = listed_by_market(frame, "orders", channel=place.channel)
    orders = orders_of(rows, markets, channel=place.channel)
    if not orders and not place.is_snapshot:
        return []
    return [
        OrdersSeen(account_index=place.account_index, orders=orders, is_snapshot=place.is_snapshot)
    ]


def _trades(frame: Frame, markets: Mapping[int, Market], place: _Place) -> list[VenueEvent]:
    account_index = place.account_index
    rows = listed_by_market(frame, "trades", channel=place.channel)
    trades = own_trades_of(rows, markets, account_index=account_index, channel=place.channel)
    if not trades and not place.is_snapshot:
        return []
    # Oldest first, whatever the venue's order: the chain of positions reads that way.
    return [
        TradesSeen(
            account_index=account_index,
            trades=tuple(sorted(trades, key=lambda trade: trade.trade_id)),
            is_snapshot=place.is_snapshot,
        )
    ]


def _positions(frame: Frame, markets: Mapping[int, Market], place: _Place) -> list[VenueEvent]:
    rows = values_by_market(frame, "positions", channel=place.channel)
    return [
        PositionsSeen(
            account_index=place.account_index,
            positions_lots=positions_of(rows, markets, channel=place.channel),
            is_snapshot=True,  # every frame of this channel is one (protocol §6.5)
        )
    ]


def _whole_account(frame: Frame, markets: Mapping[int, Market], place: _Place) -> list[VenueEvent]:
    """`account_all`: whole at first, then only what changed. Trades before positions."""
    events: list[VenueEvent] = []
    if frame.get("trades"):
        events += _trades(frame, markets, place)
    if place.is_snapshot or frame.get("positions"):
        rows = values_by_market(frame, "positions", channel=place.channel)
        events.append(
            PositionsSeen(
                account_index=place.account_index,
                positions_lots=positions_of(rows, markets, channel=place.channel),
                is_snapshot=place.is_snapshot,
            )
        )
    return events


def _verdicts(frame: Frame, markets: Mapping[int, Market], place: _Place) -> list[VenueEvent]:
    rows = Fields(frame, channel=place.channel).rows("txs")
    verdicts = verdicts_of(rows, channel=place.channel)
    return [VerdictsSeen(verdicts=verdicts)] if verdicts else []


_Reader = Callable[[Frame, Mapping[int, Market], _Place], list[VenueEvent]]
_READERS: Mapping[str, _Reader] = {
    "account_all_orders": _orders,
    "account_all_trades": _trades,
    "account_all_positions": _positions,
    "account_all": _whole_account,
    "account_tx": _verdicts,
}
