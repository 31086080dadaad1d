"""Engine events → frames on their channels, in the engine's causal order (protocol §6.5, §9).

Within one transaction an account's frames go out as orders, trades, positions, balances, and last
the verdict. Account and trade frames are immediate; book and ticker are gathered into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, assert_never

import orjson

from hedgepair_runner.venues.paper import rendering_accounts, rendering_funding, rendering_txs
from hedgepair_runner.venues.paper.channels import (
    Channel,
    Kind,
    account_channel,
    market_account_channel,
    market_channel,
)
from hedgepair_runner.venues.paper.events import (
    AccountChanged,
    Event,
    FundingPaid,
    LevelChanged,
    Notified,
    OrderChanged,
    PositionChanged,
    Traded,
    TxChanged,
)
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.faulting import FaultBook
from hedgepair_runner.venues.paper.feeds import BookFeed
from hedgepair_runner.venues.paper.gateway_settings import GatewaySettings
from hedgepair_runner.venues.paper.records import FundingPayment, Order, Position, Trade, TxRecord
from hedgepair_runner.venues.paper.snapshots import Snapshots, after
from hedgepair_runner.venues.paper.subscriptions import Listener, Subscriptions
from hedgepair_runner.venues.paper.tampering import Tampering

Json = dict[str, Any]

_PERIODIC = frozenset({Kind.MARKET_STATS, Kind.CANDLE, Kind.HEIGHT, Kind.USER_STATS})


@dataclass(slots=True)
class _News:
    """What one transaction changed for one watched account."""

    orders: dict[int, Order] = field(default_factory=dict)
    """The last state of each, by order index."""
    trades: list[Trade] = field(default_factory=list)
    positions: dict[int, Position] = field(default_factory=dict)
    """As they were after it, by market."""
    balance: bool = False
    fundings: list[FundingPayment] = field(default_factory=list)
    notices: list[Notified] = field(default_factory=list)


class Publisher:
    """Synchronous: every frame is handed to its listeners before a method returns."""

    def __init__(self, exchange: Exchange, settings: GatewaySettings) -> None:
        self._exchange = exchange
        self._settings = settings
        self._snapshots = Snapshots(exchange=exchange, settings=settings)
        self._subscriptions = Subscriptions()
        self._feeds = {
            market_id: BookFeed(market_id=market_id, nonce=exchange.touch(market_id).engine_nonce)
            for market_id in exchange.markets
        }
        self._touches: dict[int, Json] = {}
        self._periodic: dict[str, bytes] = {}
        self._statistics_due_us: int | None = None
        self._tampering: Tampering | None = None

    def tamper(self, book: FaultBook, *, now_us: Callable[[], int]) -> None:
        """From now on frames meet the faults of this book."""
        self._tampering = Tampering(
            book,
            now_us=now_us,
            send=lambda channel, frame: self._subscriptions.pass_on(channel.name, frame),
            replay=lambda channel: self._replay(channel, now_us()),
        )

    # -- subscriptions --

    def subscribe(self, channel: Channel, listener: Listener, *, now_us: int) -> None:
        """The snapshot goes to this listener; what was gathered goes to the others before it."""
        feed = self._feeds.get(channel.market_id) if channel.market_id is not None else None
        if feed is not None:
            self._flush(feed, now_us)
        offset = feed.offset if feed is not None else 0
        body = self._snapshots.body(channel, now_us=now_us, offset=offset)
        listener.send(orjson.dumps(_frame("subscribed", channel.kind, channel.name, body)))
        self._subscriptions.add(channel, listener)
        if channel.kind in _PERIODIC and self._statistics_due_us is None:
            self._statistics_due_us = now_us + self._settings.statistics_every_us

    def unsubscribe(self, channel: Channel, listener: Listener) -> None:
        self._subscriptions.remove(channel, listener)

    # -- events --

    def publish(self, events: Iterable[Event], *, now_us: int) -> None:
        """Private and trade frames at once, transaction by transaction."""
        news: dict[int, _News] = {}
        trades: list[Trade] = []
        for event in events:
            match event:
                case LevelChanged():
                    self._note_level(event)
                case OrderChanged(order=order):
                    if fresh := self._news(news, order.account_index):
                        fresh.orders[order.order_index] = order
                case Traded(trade=trade):
                    trades.append(trade)
                    for party in (trade.maker, trade.taker):
                        fresh = self._news(news, party.account_index)
                        # An account that trades with itself has one trade, not two.
                        if fresh and (not fresh.trades or fresh.trades[-1] is not trade):
                            fresh.trades.append(trade)
                case PositionChanged(account_index=account_index, position=position):
                    if fresh := self._news(news, account_index):
                        fresh.positions[position.market_id] = position
                case AccountChanged(account_index=account_index):
                    if fresh := self._news(news, account_index):
                        fresh.balance = True
                case FundingPaid(payment=payment):
                    if fresh := self._news(news, payment.account_index):
                        fresh.fundings.append(payment)
                case Notified(account_index=account_index):
                    if fresh := self._news(news, account_index):
                        fresh.notices.append(event)
                case TxChanged(record=record):
                    self._send_news(news, trades)
                    news, trades = {}, []
                    self._send_tx(record)
                case _:
                    assert_never(event)
        self._send_news(news, trades)
        if self._settings.book_batch_us == 0:
            self.flush(now_us)

    def _news(self, news: dict[int, _News], account_index: int) -> _News | None:
        """None: nobody watches the account, and nothing is rendered for it."""
        if not self._subscriptions.watches_account(account_index):
            return None
        return news.setdefault(account_index, _News())

    def _send_news(self, news: dict[int, _News], trades: list[Trade]) -> None:
        for account_index, fresh in news.items():
            self._send_orders(account_index, fresh)
        for account_index, fresh in news.items():
            self._send_trades(account_index, fresh)
            for market_id in {**_markets_of(fresh.orders.values()), **fresh.positions}:
                self._send_account_market(account_index, market_id, fresh)
        if trades:
            self._send_public_trades(trades)
        for account_index, fresh in news.items():
            self._send_positions(account_index, fresh)
            self._send_balances(account_index, fresh)
            name = account_channel(Kind.NOTIFICATION, account_index)
            if fresh.notices and self._subscriptions.has(name):
                body = self._snapshots.notifications(fresh.notices)
                self._send(Kind.NOTIFICATION, name, body)

    def _send_orders(self, account_index: int, fresh: _News) -> None:
        if not fresh.orders:
            return
        name = account_channel(Kind.ACCOUNT_ALL_ORDERS, account_index)
        if self._subscriptions.has(name):
            every = self._snapshots.orders(fresh.orders.values())
            self._send(Kind.ACCOUNT_ALL_ORDERS, name, {"orders": every})
        for market_id in _markets_of(fresh.orders.values()):
            name = market_account_channel(Kind.ACCOUNT_ORDERS, market_id, account_index)
            if self._subscriptions.has(name):
                mine = [order for order in fresh.orders.values() if order.market_id == market_id]
                body: Json = {
                    "account": account_index,
                    "nonce": max(order.engine_nonce for order in mine),
                    "orders": self._snapshots.orders(mine),
                }
                self._send(Kind.ACCOUNT_ORDERS, name, body)

    def _send_account_market(self, account_index: int, market_id: int, fresh: _News) -> None:
        """Orders, trades and position of one market in one frame."""
        name = market_account_channel(Kind.ACCOUNT_MARKET, market_id, account_index)
        if not self._subscriptions.has(name):
            return
        orders = [order for order in fresh.orders.values() if order.market_id == market_id]
        trades = [trade for trade in fresh.trades if trade.market_id == market_id]
        body = {
            "account": account_index,
            "funding_history": None,
            "orders": [self._snapshots.order(order) for order in orders],
            "position": self._snapshots.position(account_index, market_id, fresh.positions),
            "trades": [self._snapshots.trade(trade, viewer=account_index) for trade in trades],
        }
        self._send(Kind.ACCOUNT_MARKET, name, body)

    def _send_trades(self, account_index: int, fresh: _News) -> None:
        """`account_all` carries trades and the positions after them in one frame."""
        name = account_channel(Kind.ACCOUNT_ALL_TRADES, account_index)
        if fresh.trades and self._subscriptions.has(name):
            view = self._snapshots.view(account_index)
            trades = self._snapshots.trades(fresh.trades, viewer=account_index)
            volumes = rendering_accounts.trade_volumes(view)
            self._send(Kind.ACCOUNT_ALL_TRADES, name, {"trades": trades, **volumes})
        name = account_channel(Kind.ACCOUNT_ALL, account_index)
        if (fresh.trades or fresh.positions or fresh.balance) and self._subscriptions.has(name):
            self._send(Kind.ACCOUNT_ALL, name, self._changed_account(account_index, fresh))

    def _changed_account(self, account_index: int, fresh: _News) -> Json:
        view = self._snapshots.view(account_index)
        held = after(view.positions, fresh.positions)
        touched = [each for each in held if each.position.market_id in fresh.positions]
        return {
            "account": account_index,
            "positions": rendering_accounts.positions(touched, self._exchange.markets),
            # This channel is public, so nobody's profit is shown on it.
            "trades": self._snapshots.trades(fresh.trades, viewer=None),
            **self._funding_histories(fresh),
            **({"assets": rendering_accounts.assets_by_id(view)} if fresh.balance else {}),
            **(rendering_accounts.volumes(view) if fresh.trades else {}),
        }

    def _funding_histories(self, fresh: _News) -> Json:
        if not fresh.fundings:
            return {}
        histories = rendering_funding.histories(fresh.fundings, self._exchange.markets)
        return {"funding_histories": histories}

    def _send_public_trades(self, trades: list[Trade]) -> None:
        for market_id in {trade.market_id: None for trade in trades}:
            name = market_channel(Kind.TRADE, market_id)
            if not self._subscriptions.has(name):
                continue
            mine = [trade for trade in trades if trade.market_id == market_id]
            body = self._snapshots.public_trades(mine, engine_nonce=mine[-1].engine_nonce)
            self._send(Kind.TRADE, name, body)

    def _send_positions(self, account_index: int, fresh: _News) -> None:
        name = account_channel(Kind.ACCOUNT_ALL_POSITIONS, account_index)
        if fresh.positions and self._subscriptions.has(name):
            body = self._snapshots.positions(account_index, fresh.positions)
            self._send(Kind.ACCOUNT_ALL_POSITIONS, name, body)

    def _send_balances(self, account_index: int, fresh: _News) -> None:
        if not (fresh.balance or fresh.positions):
            return
        name = account_channel(Kind.ACCOUNT_ALL_ASSETS, account_index)
        if self._subscriptions.has(name):
            self._send(Kind.ACCOUNT_ALL_ASSETS, name, self._snapshots.assets(account_index))
        name = account_channel(Kind.USER_STATS, account_index)
        if self._subscriptions.has(name):
            self._send(Kind.USER_STATS, name, self._snapshots.user_stats(account_index))

    def _send_tx(self, record: TxRecord) -> None:
        name = account_channel(Kind.ACCOUNT_TX, record.account_index)
        if self._subscriptions.has(name):
            self._send(Kind.ACCOUNT_TX, name, {"txs": [rendering_txs.tx(record)]})

    # -- batches --

    def next_due_us(self) -> int | None:
        dues = [feed.due_us for feed in self._feeds.values()]
        dues.append(self._statistics_due_us)
        if self._tampering is not None:
            dues.append(self._tampering.next_due_us())
        return min((due for due in dues if due is not None), default=None)

    def advance(self, now_us: int) -> None:
        """Sends the batches and statistics that are due."""
        for feed in self._feeds.values():
            if feed.due_us is not None and feed.due_us <= now_us:
                self._flush(feed, now_us)
        if self._statistics_due_us is not None and self._statistics_due_us <= now_us:
            self._send_statistics(now_us)
        if self._tampering is not None:
            self._tampering.advance(now_us)

    def flush(self, now_us: int) -> None:
        """Sends what was gathered, due or not."""
        for feed in self._feeds.values():
            self._flush(feed, now_us)

    def _note_level(self, event: LevelChanged) -> None:
        feed = self._feeds[event.market_id]
        book = market_channel(Kind.ORDER_BOOK, event.market_id)
        ticker = market_channel(Kind.TICKER, event.market_id)
        # Gathered changes must go out first, even if the last listener left since.
        if feed.due_us is None and not (
            self._subscriptions.has(book) or self._subscriptions.has(ticker)
        ):
            feed.skip(event)
            return
        feed.note(event, batch_us=self._settings.book_batch_us)

    def _flush(self, feed: BookFeed, now_us: int) -> None:
        rules = self._exchange.markets[feed.market_id]
        feed.offset += self._offset_jump(feed)
        book = feed.take(rules)
        if book is None:
            return
        body = {
            "last_updated_at": book["last_updated_at"],
            "offset": book["offset"],
            "order_book": book,
            "timestamp": now_us // 1_000,
        }
        self._send(Kind.ORDER_BOOK, market_channel(Kind.ORDER_BOOK, feed.market_id), body)
        name = market_channel(Kind.TICKER, feed.market_id)
        if not self._subscriptions.has(name):
            return
        ticker = self._snapshots.ticker(rules, now_us)
        best = {side: ticker["ticker"][side] for side in ("a", "b")}
        if self._touches.get(feed.market_id) != best:
            self._touches[feed.market_id] = best
            self._send(Kind.TICKER, name, ticker)

    def _send_statistics(self, now_us: int) -> None:
        """Only what changed since the last time. Without listeners the timer stops."""
        channels = [each for each in self._subscriptions.channels() if each.kind in _PERIODIC]
        self._periodic = {each.name: self._periodic.get(each.name, b"") for each in channels}
        for channel in channels:
            body = self._snapshots.body(channel, now_us=now_us, offset=0)
            told = orjson.dumps({key: body[key] for key in body if key != "timestamp"})
            if self._periodic[channel.name] != told:
                self._periodic[channel.name] = told
                self._send(channel.kind, channel.name, body)
        every_us = self._settings.statistics_every_us
        self._statistics_due_us = now_us + every_us if channels else None

    def _send(self, kind: Kind, name: str, body: Json) -> None:
        frame = _frame("update", kind, name, body)
        if self._tampering is None or self._tampering.is_idle:
            self._subscriptions.send(name, frame)
            return
        channel = self._subscriptions.channel(name)
        if channel is not None:
            self._tampering.pass_on(channel, orjson.dumps(frame))

    # -- faults --

    def _offset_jump(self, feed: BookFeed) -> int:
        if self._tampering is None or feed.due_us is None:
            return 0
        name = market_channel(Kind.ORDER_BOOK, feed.market_id)
        channel = self._subscriptions.channel(name)
        return 0 if channel is None else self._tampering.offset_jump(channel)

    def _replay(self, channel: Channel, now_us: int) -> None:
        """The snapshot once more, unasked, to all who listen."""
        feed = self._feeds.get(channel.market_id) if channel.market_id is not None else None
        offset = feed.offset if feed is not None else 0
        body = self._snapshots.body(channel, now_us=now_us, offset=offset)
        frame = _frame("subscribed", channel.kind, channel.name, body)
        self._subscriptions.pass_on(channel.name, orjson.dumps(frame))


def _markets_of(orders: Iterable[Order]) -> dict[int, None]:
    return {order.market_id: None for order in orders}


def _frame(stage: str, kind: Kind, name: str, body: Json) -> Json:
    return {"channel": name, "type": f"{stage}/{kind.value}", **body}
