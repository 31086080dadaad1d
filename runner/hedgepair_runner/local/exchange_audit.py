"""The records of an exchange in this process as the facts of an audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from hedgepair_runner.audit_facts import (
    AuditFacts,
    FundingFact,
    LegFacts,
    OrderFact,
    Party,
    TapeTrade,
    TxFact,
)
from hedgepair_runner.local.exchange_records import market_of, position_lots
from hedgepair_runner.venues.paper import records
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.views import TradeQuery

_ALL: Final = 1_000_000
_PICO: Final = Decimal("1e-12")


def facts_of(
    exchange: Exchange,
    *,
    market_id: int,
    maker: int | None,
    hedger: int | None,
    keys: Mapping[int, int],
    now_us: int | None = None,
) -> AuditFacts:
    """Everything that it remembers of the pair. `keys`: the API key index by account.

    Without a clock the look was at the last thing that happened.
    """

    def leg(account_index: int | None) -> LegFacts | None:
        if account_index is None:
            return None
        return _leg(exchange, account_index, market_id, keys[account_index])

    accounts = [index for index in (maker, hedger) if index is not None]
    trades = _trades(exchange, accounts, market_id)
    legs = (leg(maker), leg(hedger))
    if now_us is None:
        now_us = _latest_us(trades, legs)
    return AuditFacts(
        market=market_of(exchange.markets[market_id]),
        from_us=0,
        to_us=now_us,
        read_us=now_us,
        maker=legs[0],
        hedger=legs[1],
        trades=trades,
    )


def _latest_us(trades: Sequence[TapeTrade], legs: Iterable[LegFacts | None]) -> int:
    times = [trade.at_us for trade in trades]
    for leg in legs:
        if leg is not None:
            times += [tx.executed_us for tx in leg.txs]
            times += [order.created_us for order in leg.orders]
    return max(times, default=0)


def _leg(exchange: Exchange, account_index: int, market_id: int, key: int) -> LegFacts:
    ended = exchange.inactive_orders(account_index, market_id=market_id, limit=_ALL).orders
    resting = exchange.active_orders(account_index, market_id)
    return LegFacts(
        account_index=account_index,
        api_key_index=key,
        position_lots=position_lots(exchange, account_index, market_id),
        orders=(
            *(_order(order, is_resting=False) for order in ended),
            *(_order(order, is_resting=True) for order in resting),
        ),
        txs=tuple(
            _tx(record)
            for record in exchange.account_txs(account_index, limit=_ALL)
            if record.status is not records.TxStatus.PENDING
        ),
        fundings=tuple(
            _funding(payment)
            for payment in exchange.funding.payments(account_index)
            if payment.round.market_id == market_id
        ),
    )


def _trades(exchange: Exchange, accounts: list[int], market_id: int) -> tuple[TapeTrade, ...]:
    found: dict[int, records.Trade] = {}
    for account_index in accounts:
        query = TradeQuery(
            account_index=account_index, market_id=market_id, descending=False, limit=_ALL
        )
        found.update((trade.trade_id, trade) for trade in exchange.trades(query).trades)
    return tuple(_trade(found[trade_id]) for trade_id in sorted(found))


def _trade(trade: records.Trade) -> TapeTrade:
    return TapeTrade(
        trade_id=trade.trade_id,
        at_us=trade.executed_us,
        lots=trade.size_lots,
        price_ticks=trade.price_ticks,
        bid=_party(trade.bid),
        ask=_party(trade.ask),
        is_maker_ask=trade.is_maker_ask,
        kind=trade.trade_type.value,
    )


def _party(party: records.Party) -> Party:
    return Party(
        account_index=party.account_index,
        order_index=party.order_index,
        client_order_index=party.client_order_index,
        before_lots=party.position_before_lots,
    )


def _order(order: records.Order, *, is_resting: bool) -> OrderFact:
    return OrderFact(
        order_index=order.order_index,
        client_order_index=order.client_order_index,
        signed_lots=-order.initial_lots if order.is_ask else order.initial_lots,
        filled_lots=order.filled_lots,
        price_ticks=order.price_ticks,
        created_us=order.created_us,
        is_ioc=order.time_in_force is records.TimeInForce.IOC,
        is_resting=is_resting,
    )


def _tx(record: records.TxRecord) -> TxFact:
    return TxFact(
        api_key_index=record.api_key_index,
        nonce=record.nonce,
        tx_hash=record.tx_hash,
        is_executed=record.status is records.TxStatus.EXECUTED,
        executed_us=record.executed_us,
        sequence=record.sequence_index,
        expires_us=record.expired_at_ms * 1_000,
    )


def _funding(payment: records.FundingPayment) -> FundingFact:
    return FundingFact(
        funding_id=payment.round.funding_id,
        at_us=payment.round.at_us,
        change_quote=payment.change_pico * _PICO,
    )
