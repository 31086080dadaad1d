"""One trade: may both sides have it, and what it does to orders, positions and collateral."""

from __future__ import annotations

from dataclasses import replace

from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.events import PositionChanged, Traded
from hedgepair_runner.venues.paper.isolating import Holding, Terms, traded
from hedgepair_runner.venues.paper.margining import (
    allowed,
    health,
    initial_fraction,
    isolated_health,
)
from hedgepair_runner.venues.paper.positions import changes_sign
from hedgepair_runner.venues.paper.records import (
    Order,
    OrderStatus,
    OrderType,
    Party,
    Trade,
    TradeType,
)

FEE_SCALE = 1_000_000
"""Fees are in millionths of the quote."""


def may_trade(
    engine: Engine,
    account: Account,
    order: Order,
    lots: int,
    price_ticks: int,
    *,
    is_maker: bool,
) -> bool:
    """Margin after the trade is met, or the account gets no nearer to liquidation (§7.13)."""
    if account.is_exempt or order.order_type is OrderType.LIQUIDATION:
        return True
    before = Holding(
        collateral_pico=account.collateral_pico, position=account.position(order.market_id)
    )
    then = traded(before, _terms(engine, account, order, lots, price_ticks, is_maker=is_maker))
    return bears(engine, account, then)


def bears(engine: Engine, account: Account, then: Holding) -> bool:
    """May the account's collateral and position in one market become these?"""
    position = then.position
    before = account.position(position.market_id)
    positions = {**account.positions, position.market_id: position}
    cross = health(then.collateral_pico, positions.values(), engine.markets, engine.mark_of)
    is_met = cross.total_value_pico >= cross.initial_pico
    if not position.is_isolated:
        return is_met or allowed(engine.health_of(account), cross)
    if position.allocated_margin_pico > before.allocated_margin_pico and not is_met:
        return False
    own = isolated_health(position, engine.markets, engine.mark_of)
    if own.total_value_pico >= own.initial_pico:
        return True
    return allowed(isolated_health(before, engine.markets, engine.mark_of), own)


def settle(engine: Engine, maker: Order, taker: Order, lots: int) -> tuple[Order, Trade, Order]:
    """Do it: the taker's order, the trade and the maker's order as they are afterwards.

    Order of events: maker, taker, trade, positions, accounts, level.
    """
    price = maker.price_ticks
    quote_micro = lots * price
    maker_account = engine.accounts.use(maker.account_index, engine.now_us)
    taker_account = engine.accounts.use(taker.account_index, engine.now_us)
    filled_maker, level = engine.fill_resting(maker, lots, quote_micro)
    filled_taker = _fill_incoming(engine, taker, lots, quote_micro)
    is_liquidation = taker.order_type is OrderType.LIQUIDATION
    trade = Trade(
        trade_id=engine.next_trade_id,
        market_id=maker.market_id,
        price_ticks=price,
        size_lots=lots,
        maker=_apply(engine, maker_account, maker, lots, price, is_maker=True),
        taker=_apply(engine, taker_account, taker, lots, price, is_maker=False),
        is_maker_ask=maker.is_ask,
        trade_type=TradeType.LIQUIDATION if is_liquidation else TradeType.TRADE,
        engine_nonce=filled_taker.engine_nonce,
        block_height=engine.height(engine.now_us),
        executed_us=engine.now_us,
    )
    engine.prices[trade.market_id].saw(trade)
    _tell(engine, trade)
    engine.emit(level)
    _drop_tied(engine, trade)
    return filled_taker, trade, filled_maker


def hand_over(engine: Engine, order: Order, to: Account) -> Trade:
    """A position changes hands at the order's price, past the book and without fees: the
    insurance fund takes it over, or it is closed against another account's (protocol §7.13)."""
    lots, price = order.remaining_lots, order.price_ticks
    counter = replace(order, account_index=to.account_index, is_ask=not order.is_ask)
    account = engine.accounts.use(order.account_index, engine.now_us)
    trade = Trade(
        trade_id=engine.next_trade_id,
        market_id=order.market_id,
        price_ticks=price,
        size_lots=lots,
        maker=_apply(engine, to, counter, lots, price, is_maker=True),
        taker=_apply(engine, account, order, lots, price, is_maker=False),
        is_maker_ask=counter.is_ask,
        trade_type=TradeType.DELEVERAGE,
        engine_nonce=engine.tick(),
        block_height=engine.height(engine.now_us),
        executed_us=engine.now_us,
    )
    _tell(engine, trade)
    _drop_tied(engine, trade)
    return trade


def _tell(engine: Engine, trade: Trade) -> None:
    engine.next_trade_id += 1
    engine.history.add_trade(trade)
    engine.emit(Traded(trade=trade))
    parties = [
        (engine.accounts.use(party.account_index, engine.now_us), party)
        for party in (trade.maker, trade.taker)
    ]
    for account, _ in parties:
        position = account.positions[trade.market_id]
        engine.emit(PositionChanged(account_index=account.account_index, position=position))
    for account, party in parties:
        if party.pnl_pico or party.fee_millionths:
            engine.account_changed(account)


def _drop_tied(engine: Engine, trade: Trade) -> None:
    """Reduce-only orders that wait for a trigger go with the position they were to reduce."""
    for party in (trade.maker, trade.taker):
        account = engine.accounts.use(party.account_index, engine.now_us)
        if not party.sign_changed and account.size_lots(trade.market_id):
            continue
        for order in list(engine.live.pending_of(trade.market_id)):
            if order.reduce_only and order.account_index == party.account_index:
                engine.close_resting(order, OrderStatus.CANCELED_REDUCE_ONLY)


def _fill_incoming(engine: Engine, taker: Order, lots: int, quote_micro: int) -> Order:
    filled = replace(
        taker,
        filled_lots=taker.filled_lots + lots,
        filled_quote_micro=taker.filled_quote_micro + quote_micro,
    )
    if filled.remaining_lots == 0:
        return engine.close_incoming(filled, OrderStatus.FILLED)
    return engine.report(filled, OrderStatus.IN_PROGRESS)


def _apply(
    engine: Engine, account: Account, order: Order, lots: int, price_ticks: int, *, is_maker: bool
) -> Party:
    """Position, collateral, fee and totals of one side; the answer tells what was before."""
    before = account.position(order.market_id)
    terms = _terms(engine, account, order, lots, price_ticks, is_maker=is_maker)
    then = traded(Holding(collateral_pico=account.collateral_pico, position=before), terms)
    after = then.position
    quote_micro = lots * price_ticks
    pnl_pico = after.realized_pnl_pico - before.realized_pnl_pico
    account.collateral_pico = then.collateral_pico
    account.positions[order.market_id] = after
    account.changed_us = engine.now_us
    _collect(engine, order, terms.fee_pico)
    account.count_trade(quote_micro, pnl_pico - terms.fee_pico, now_us=engine.now_us)
    engine.note_position(account, before.size_lots, after)
    return Party(
        account_index=account.account_index,
        order_index=order.order_index,
        client_order_index=order.client_order_index,
        position_before_lots=0 if engine.settings.position_before_absent else before.size_lots,
        entry_quote_before_micro=before.entry_quote_micro,
        initial_margin_fraction_before=terms.initial_fraction,
        sign_changed=changes_sign(before, terms.delta_lots),
        fee_millionths=_fee_millionths(engine, account, order, price_ticks, is_maker=is_maker),
        pnl_pico=pnl_pico,
        allocated_before_pico=before.allocated_margin_pico,
        allocated_after_pico=after.allocated_margin_pico,
    )


def _terms(
    engine: Engine, account: Account, order: Order, lots: int, price_ticks: int, *, is_maker: bool
) -> Terms:
    market_id = order.market_id
    fee_millionths = _fee_millionths(engine, account, order, price_ticks, is_maker=is_maker)
    return Terms(
        delta_lots=-lots if order.is_ask else lots,
        price_ticks=price_ticks,
        mark_ticks=engine.mark_of(market_id),
        initial_fraction=initial_fraction(account.position(market_id), engine.markets[market_id]),
        # A fee of so many millionths of so many 10^−6 USDC is a whole number of 10^−12 USDC.
        fee_pico=lots * price_ticks * fee_millionths,
    )


def _fee_millionths(
    engine: Engine, account: Account, order: Order, price_ticks: int, *, is_maker: bool
) -> int:
    """A liquidation pays what its price is better than the zero price, up to the market's fee."""
    tier = account.tier
    if order.order_type is not OrderType.LIQUIDATION:
        return tier.maker_fee_millionths if is_maker else tier.taker_fee_millionths
    if is_maker:
        return 0
    most = engine.markets[order.market_id].liquidation_fee_millionths
    better_ticks = price_ticks - order.price_ticks
    if not order.is_ask:
        better_ticks = -better_ticks
    return min(most, better_ticks * FEE_SCALE // price_ticks)


def _collect(engine: Engine, order: Order, fee_pico: int) -> None:
    """Fees are the exchange's, a liquidation's is the insurance fund's."""
    if not fee_pico or order.order_type is not OrderType.LIQUIDATION:
        engine.accounts.fees_pico += fee_pico
        return
    fund = engine.accounts.insurance_fund(engine.now_us)
    fund.collateral_pico += fee_pico
    engine.account_changed(fund)
