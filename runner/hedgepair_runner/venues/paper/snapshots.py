"""The first frame of every channel: the whole of it (protocol §6.3, §6.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from hedgepair_runner.venues.paper import (
    candles,
    rendering_accounts,
    rendering_funding,
    rendering_liquidations,
    rendering_markets,
    rendering_orders,
    rendering_trades,
    rendering_txs,
)
from hedgepair_runner.venues.paper.channels import ALL_MARKETS, Channel, Kind
from hedgepair_runner.venues.paper.events import Notified
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.gateway_settings import GatewaySettings
from hedgepair_runner.venues.paper.records import (
    MarketRules,
    Order,
    Position,
    Trade,
    TradeType,
)
from hedgepair_runner.venues.paper.views import AccountView, PositionView, TradeQuery

Json = dict[str, Any]

_NONE_CHANGED: Mapping[int, Position] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Reads the exchange and says what a channel holds, without the envelope."""

    exchange: Exchange
    settings: GatewaySettings

    def body(self, channel: Channel, *, now_us: int, offset: int) -> Json:
        """`offset` is that of the market's book feed; other channels have none."""
        if channel.account_index is not None:
            return self._of_account(channel, channel.account_index)
        if channel.kind is Kind.HEIGHT:
            return self.height(now_us)
        if channel.market_id == ALL_MARKETS:
            return {"market_stats": self.all_market_stats(now_us), "timestamp": now_us // 1_000}
        rules = self.exchange.markets[_known(channel.market_id)]
        match channel.kind:
            case Kind.ORDER_BOOK:
                return self._book(rules, now_us, offset)
            case Kind.TICKER:
                return self.ticker(rules, now_us)
            case Kind.TRADE:
                return self._public_trades(rules)
            case Kind.MARKET_STATS:
                return {
                    "market_stats": self.market_stats(rules, now_us),
                    "timestamp": now_us // 1_000,
                }
            case _:
                return self.candle(rules, channel, now_us)

    # -- markets --

    def _book(self, rules: MarketRules, now_us: int, offset: int) -> Json:
        book = self.exchange.book(rules.market_id)
        return {
            "last_updated_at": book.changed_us,
            "offset": offset,
            "order_book": rendering_markets.book_snapshot(book, rules, offset=offset),
            "timestamp": now_us // 1_000,
        }

    def ticker(self, rules: MarketRules, now_us: int) -> Json:
        touch = self.exchange.touch(rules.market_id)
        return {
            "last_updated_at": touch.changed_us,
            "nonce": touch.engine_nonce,
            "ticker": rendering_markets.ticker(touch, rules),
            "timestamp": now_us // 1_000,
        }

    def _public_trades(self, rules: MarketRules) -> Json:
        limit = self.settings.trades_in_snapshot
        page = self.exchange.trades(TradeQuery(market_id=rules.market_id, limit=limit))
        nonce = self.exchange.touch(rules.market_id).engine_nonce
        return self.public_trades(page.trades, engine_nonce=nonce)

    def market_stats(self, rules: MarketRules, now_us: int) -> Json:
        statistics = self.exchange.statistics(rules.market_id, now_us=now_us)
        touch = self.exchange.touch(rules.market_id)
        return rendering_markets.market_stats(rules, statistics, touch, now_ms=now_us // 1_000)

    def all_market_stats(self, now_us: int) -> Json:
        rules = self.exchange.markets.values()
        return {str(each.market_id): self.market_stats(each, now_us) for each in rules}

    def candle(self, rules: MarketRules, channel: Channel, now_us: int) -> Json:
        """The candle under way, if there was a trade."""
        bars = self.exchange.minute_bars(rules.market_id)
        folded = candles.fold(bars, rules, resolution=channel.resolution or "1m")
        return {"candles": folded[-1:], "timestamp": now_us // 1_000}

    def height(self, now_us: int) -> Json:
        return {"height": self.exchange.height(now_us), "timestamp": now_us // 1_000}

    # -- accounts --

    def _of_account(self, channel: Channel, account_index: int) -> Json:
        match channel.kind:
            case Kind.ACCOUNT_ALL:
                return self._whole_account(account_index)
            case Kind.USER_STATS:
                return self.user_stats(account_index)
            case Kind.ACCOUNT_MARKET:
                return self._account_market(account_index, _known(channel.market_id))
            case Kind.ACCOUNT_ORDERS:
                market_id = _known(channel.market_id)
                found = self.exchange.active_orders(account_index, market_id)
                return {
                    "account": account_index,
                    "nonce": self.exchange.touch(market_id).engine_nonce,
                    "orders": self.orders(found),
                }
            case Kind.ACCOUNT_ALL_ORDERS:
                return {"orders": self.orders(self.exchange.active_orders(account_index))}
            case Kind.ACCOUNT_ALL_TRADES:
                view = self.view(account_index)
                trades = self.trades(self._history(account_index), viewer=account_index)
                return {"trades": trades, **rendering_accounts.trade_volumes(view)}
            case Kind.ACCOUNT_ALL_POSITIONS:
                return self.positions(account_index)
            case Kind.ACCOUNT_ALL_ASSETS:
                return self.assets(account_index)
            case Kind.ACCOUNT_TX:
                limit = self.settings.trades_in_snapshot
                records = self.exchange.account_txs(account_index, limit=limit)
                return {"txs": [rendering_txs.tx(record) for record in records]}
            case Kind.NOTIFICATION:
                return self.notifications(())
            case _:
                raise AssertionError(f"{channel.kind} has no account: channel names are parsed")

    def view(self, account_index: int) -> AccountView:
        view = self.exchange.account(account_index)
        if view is None:
            raise AssertionError("an account is known before anybody may subscribe to it")
        return view

    def _whole_account(self, account_index: int) -> Json:
        view = self.view(account_index)
        return {
            "account": account_index,
            "assets": rendering_accounts.assets_by_id(view),
            **rendering_accounts.volumes(view),
            "funding_histories": rendering_funding.histories(
                islice(
                    self.exchange.funding.payments(account_index), self.settings.trades_in_snapshot
                ),
                self.exchange.markets,
            ),
            "positions": rendering_accounts.positions(view.positions, self.exchange.markets),
            "shares": [],
            "trades": {},
        }

    def _account_market(self, account_index: int, market_id: int) -> Json:
        found = self.exchange.active_orders(account_index, market_id)
        return {
            "account": account_index,
            "funding_history": None,
            "orders": [self.order(order) for order in found],
            "position": self.position(account_index, market_id),
            "trades": [],
        }

    def position(
        self, account_index: int, market_id: int, changed: Mapping[int, Position] = _NONE_CHANGED
    ) -> Json | None:
        for held in after(self.view(account_index).positions, changed):
            if held.position.market_id == market_id:
                return rendering_accounts.position(held, self.exchange.markets[market_id])
        return None

    def positions(
        self, account_index: int, changed: Mapping[int, Position] = _NONE_CHANGED
    ) -> Json:
        """Whole in every frame: a market that is missing is flat (protocol §6.5)."""
        views = after(self.view(account_index).positions, changed)
        held = [view for view in views if view.position.size_lots]
        return {
            "positions": rendering_accounts.positions(held, self.exchange.markets),
            "shares": [],
            "last_funding_round": None,
            "last_funding_discount": None,
        }

    def assets(self, account_index: int) -> Json:
        view = self.view(account_index)
        return {
            "assets": rendering_accounts.assets_by_id(view),
            "timestamp": view.changed_us // 1_000,
        }

    def user_stats(self, account_index: int) -> Json:
        view = self.view(account_index)
        return {"stats": rendering_accounts.user_stats(view), "timestamp": view.changed_us // 1_000}

    def notifications(self, notices: Iterable[Notified]) -> Json:
        """A fresh subscriber is told of nothing that was before."""
        markets = self.exchange.markets
        return {
            "notifs": [
                rendering_liquidations.notification(each, markets[each.trade.market_id])
                for each in notices
            ]
        }

    def public_trades(self, trades: Iterable[Trade], *, engine_nonce: int) -> Json:
        """Those of liquidations apart."""
        plain: list[Json] = []
        forced: list[Json] = []
        for trade in trades:
            side = plain if trade.trade_type is TradeType.TRADE else forced
            side.append(self.trade(trade, viewer=None))
        return {"liquidation_trades": forced, "nonce": engine_nonce, "trades": plain}

    def _history(self, account_index: int) -> tuple[Trade, ...]:
        limit = self.settings.trades_in_snapshot
        query = TradeQuery(account_index=account_index, limit=limit)
        return self.exchange.trades(query).trades

    # -- records --

    def order(self, order: Order) -> Json:
        return rendering_orders.order(order, self.exchange.markets[order.market_id])

    def orders(self, orders: Iterable[Order]) -> dict[str, list[Json]]:
        """By market id."""
        by_market: dict[str, list[Json]] = {}
        for order in orders:
            by_market.setdefault(str(order.market_id), []).append(self.order(order))
        return by_market

    def trade(self, trade: Trade, *, viewer: int | None) -> Json:
        return rendering_trades.trade(
            trade,
            self.exchange.markets[trade.market_id],
            viewer=viewer,
            complete=self.settings.complete_fields,
        )

    def trades(self, trades: Iterable[Trade], *, viewer: int | None) -> dict[str, list[Json]]:
        """By market id."""
        by_market: dict[str, list[Json]] = {}
        for trade in trades:
            by_market.setdefault(str(trade.market_id), []).append(self.trade(trade, viewer=viewer))
        return by_market


def after(views: Iterable[PositionView], changed: Mapping[int, Position]) -> list[PositionView]:
    """The positions as an event left them, though the engine may be past it by now."""
    return [_as_of(view, changed.get(view.position.market_id, view.position)) for view in views]


def _as_of(view: PositionView, position: Position) -> PositionView:
    if position == view.position:
        return view
    size_lots = position.size_lots
    signed_entry_micro = position.entry_quote_micro * (-1 if size_lots < 0 else 1)
    return replace(
        view,
        position=position,
        value_micro=abs(size_lots) * view.mark_price_ticks,
        unrealized_pnl_micro=size_lots * view.mark_price_ticks - signed_entry_micro,
    )


def _known(market_id: int | None) -> int:
    if market_id is None:
        raise AssertionError("a market channel names its market: channel names are parsed")
    return market_id
