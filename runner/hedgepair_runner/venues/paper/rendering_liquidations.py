"""Forced trades as the venue's JSON says them (protocol §6.5 notification, Appendix A)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hedgepair_runner.venues.paper import rendering_accounts
from hedgepair_runner.venues.paper.amounts import fixed, number, quote, quote_of_pico
from hedgepair_runner.venues.paper.events import Notified
from hedgepair_runner.venues.paper.liquidation import Liquidation
from hedgepair_runner.venues.paper.margining import Health
from hedgepair_runner.venues.paper.records import NIL_MARKET, MarketRules, TradeType
from hedgepair_runner.venues.paper.views import AccountView

Json = dict[str, Any]
Markets = Mapping[int, MarketRules]

_PERCENT_OF_MILLIONTHS = 4


def liquidation(record: Liquidation, markets: Markets) -> Json:
    """The `Liquidation` of `liquidations`: the trade, and the account before and after it.

    `partial` went through the book; `deleverage` to the insurance fund or to another account.
    """
    trade = record.trade
    rules = markets[trade.market_id]
    is_partial = trade.trade_type is TradeType.LIQUIDATION
    return {
        "id": trade.trade_id,
        "market_id": trade.market_id,
        "type": "partial" if is_partial else "deleverage",
        "trade": {
            "price": fixed(trade.price_ticks, rules.price_decimals),
            "size": fixed(trade.size_lots, rules.size_decimals),
            "taker_fee": fixed(trade.taker.fee_millionths, _PERCENT_OF_MILLIONTHS),
            "maker_fee": fixed(trade.maker.fee_millionths, _PERCENT_OF_MILLIONTHS),
            "transaction_time": trade.executed_us,
            "bid_account_id": trade.bid.account_index,
            "ask_account_id": trade.ask.account_index,
        },
        "info": _info(record, markets),
        "executed_at": trade.executed_us // 1_000,
    }


def _info(record: Liquidation, markets: Markets) -> Json:
    held = [view for view in record.before.positions if view.position.size_lots]
    return {
        "positions": [
            rendering_accounts.position(view, markets[view.position.market_id]) for view in held
        ],
        "risk_info_before": _risk(record.before),
        "risk_info_after": _risk(record.after),
        "mark_prices": {
            str(view.position.market_id): number(
                view.mark_price_ticks, markets[view.position.market_id].price_decimals
            )
            for view in held
        },
        "assets": rendering_accounts.assets(record.before),
        "asset_index_prices": {},
    }


def _risk(view: AccountView) -> Json:
    cross = Health(
        total_value_pico=view.cross_asset_value_pico,
        initial_pico=view.cross_initial_margin_pico,
        maintenance_pico=view.cross_maintenance_margin_pico,
        closeout_pico=view.cross_closeout_margin_pico,
    )
    return {
        "cross_risk_parameters": _parameters(NIL_MARKET, view.collateral_pico, cross),
        "isolated_risk_parameters": [
            _parameters(held.position.market_id, held.position.allocated_margin_pico, held.own)
            for held in view.positions
            if held.own is not None and held.position.size_lots
        ],
    }


def _parameters(market_id: int, collateral_pico: int, state: Health) -> Json:
    value = quote_of_pico(state.total_value_pico)
    return {
        "market_id": market_id,
        "collateral": quote_of_pico(collateral_pico),
        "total_account_value": value,
        "initial_margin_req": quote_of_pico(state.initial_pico),
        "maintenance_margin_req": quote_of_pico(state.maintenance_pico),
        "close_out_margin_req": quote_of_pico(state.closeout_pico),
        "total_account_liquidation_threshold": quote_of_pico(state.maintenance_pico),
        "usdc_collateral_with_funding": quote_of_pico(collateral_pico),
        "usdc_portfolio_value": value,
        "total_portfolio_value": value,
    }


def notification(notice: Notified, rules: MarketRules) -> Json:
    """`liquidation` for whoever was liquidated, `deleverage` for the other side (§6.5)."""
    trade = notice.trade
    kind = "deleverage" if notice.is_deleverage else "liquidation"
    at = datetime.fromtimestamp(trade.executed_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    notice_id = f"{kind}-{trade.trade_id}-{notice.account_index}"
    price = fixed(trade.price_ticks, rules.price_decimals)
    return {
        "id": notice_id,
        "created_at": at,
        "updated_at": at,
        "kind": kind,
        "account_index": notice.account_index,
        "content": {
            "id": notice_id,
            "is_ask": trade.ask.account_index == notice.account_index,
            "usdc_amount": quote(trade.quote_micro),
            "size": fixed(trade.size_lots, rules.size_decimals),
            "market_index": trade.market_id,
            "price": price,
            "timestamp": trade.executed_us // 1_000_000,
            "avg_price": price,
        },
        "ack": False,
        "acked_at": None,
    }
