"""Judges a pair by the exchange's own records alone (design §14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from hedgepair_runner.contract.identity import Role, read_client_order_index
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.records import Order, Trade, TxStatus
from hedgepair_runner.venues.paper.views import TradeQuery

EVERYTHING = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Which accounts and keys are judged. `hedger_account` None: nobody hedges.

    `carried_lots`: what the network may have made the hedger carry, as too small.
    """

    maker_account: int
    hedger_account: int | None
    market_id: int = 0
    accepted_net_lots: int = 0
    carried_lots: int = 0
    key: int = 4

    @property
    def accounts(self) -> tuple[int, ...]:
        if self.hedger_account is None:
            return (self.maker_account,)
        return (self.maker_account, self.hedger_account)


def faults_of(exchange: Exchange, pair: Pair, *, may_rest: bool = False) -> list[str]:
    """Every broken law as a sentence; empty when the records are clean."""
    found = list(_nonce_faults(exchange, pair))
    if not may_rest:
        found += [
            f"order {order.order_index} of account {account} still rests"
            for account in pair.accounts
            for order in exchange.active_orders(account, pair.market_id)
        ]
    if pair.hedger_account is not None:
        found += _cover_faults(exchange, pair)
        found += _quoting_faults(exchange, pair)
    return found


def net_lots(exchange: Exchange, pair: Pair) -> int:
    """Of the positions, as the exchange holds them."""
    return sum(position_lots(exchange, account, pair.market_id) for account in pair.accounts)


def position_lots(exchange: Exchange, account: int, market_id: int = 0) -> int:
    view = exchange.account(account)
    if view is None:
        return 0
    held = [each.position.size_lots for each in view.positions]
    markets = [each.position.market_id for each in view.positions]
    return dict(zip(markets, held, strict=True)).get(market_id, 0)


def trades_of(exchange: Exchange, pair: Pair) -> list[Trade]:
    """Of either leg, each once, oldest first."""
    found = {
        trade.trade_id: trade
        for account in pair.accounts
        for trade in exchange.trades(
            TradeQuery(
                account_index=account,
                market_id=pair.market_id,
                descending=False,
                limit=EVERYTHING,
            )
        ).trades
    }
    return [found[trade_id] for trade_id in sorted(found)]


def orders_of(exchange: Exchange, account: int, market_id: int) -> list[Order]:
    closed = exchange.inactive_orders(account, market_id=market_id, limit=EVERYTHING).orders
    return [*closed, *exchange.active_orders(account, market_id)]


def lots_for(trade: Trade, account: int) -> int:
    """Signed, what the trade gave this account; a trade with itself gives nothing."""
    bought = trade.size_lots if trade.bid.account_index == account else 0
    sold = trade.size_lots if trade.ask.account_index == account else 0
    return bought - sold


def _nonce_faults(exchange: Exchange, pair: Pair) -> Iterator[str]:
    """Slots and fencing: what a key executed, in the order of execution, climbs (§14.4, §14.5)."""
    for account in pair.accounts:
        executed = [
            record
            for record in reversed(exchange.account_txs(account, limit=EVERYTHING))
            if record.status is TxStatus.EXECUTED and record.api_key_index == pair.key
        ]
        executed.sort(key=lambda record: record.executed_us)
        for earlier, later in pairwise(executed):
            if later.nonce <= earlier.nonce:
                yield f"account {account} executed nonce {later.nonce} after {earlier.nonce}"


def _cover_faults(exchange: Exchange, pair: Pair) -> Iterator[str]:
    """No overshoot, no trade between the legs, and in the end everything is covered."""
    net = -pair.accepted_net_lots
    for trade in trades_of(exchange, pair):
        before = net
        net += sum(lots_for(trade, account) for account in pair.accounts)
        parties = {trade.maker.account_index, trade.taker.account_index}
        if parties == set(pair.accounts):
            yield f"trade {trade.trade_id} is between the pair's own legs"
        elif pair.maker_account not in parties and (abs(net) > abs(before) or net * before < 0):
            yield f"hedge {trade.trade_id} took the net from {before} to {net} lots"
    if abs(net) > pair.carried_lots:
        yield f"the trades leave {net} lots uncovered"
    held = net_lots(exchange, pair) - pair.accepted_net_lots
    if abs(held) > pair.carried_lots:
        yield f"the positions leave {held} lots uncovered"


def _quoting_faults(exchange: Exchange, pair: Pair) -> Iterator[str]:
    """When a quote came to be, everything filled before was covered (law 4, §14.8)."""
    trades = trades_of(exchange, pair)
    for order in orders_of(exchange, pair.maker_account, pair.market_id):
        parts = read_client_order_index(order.client_order_index)
        if parts is None or parts.role is not Role.MAKER or parts.unwinds:
            continue
        earlier = [trade for trade in trades if _is_before(trade, order, pair, trades)]
        net = sum(lots_for(trade, account) for trade in earlier for account in pair.accounts)
        net -= pair.accepted_net_lots
        if abs(net) > pair.carried_lots:
            yield f"order {order.order_index} was quoted while {net} lots were uncovered"


def _is_before(trade: Trade, order: Order, pair: Pair, trades: list[Trade]) -> bool:
    if trade.executed_us != order.created_us:
        return trade.executed_us < order.created_us
    own = [
        each.trade_id
        for each in trades
        if order.order_index in (each.maker.order_index, each.taker.order_index)
    ]
    return trade.trade_id < min(own, default=trade.trade_id + 1)
