"""Accounts, positions and balances as the venue's JSON says them (protocol §3.4, §3.10, §6.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hedgepair_runner.venues.paper.amounts import fixed, quote, quote_of_pico
from hedgepair_runner.venues.paper.records import (
    MASTER_MAX_ACCOUNT_INDEX,
    PICO_PER_MICRO,
    MarketRules,
)
from hedgepair_runner.venues.paper.views import AccountView, PositionView

Json = dict[str, Any]
Markets = Mapping[int, MarketRules]

_USDC = 3
_PERCENT_DECIMALS = 2
_FRACTION_WHOLE = 10_000


def position(view: PositionView, rules: MarketRules) -> Json:
    """`position` is unsigned beside `sign`, which is 1 for a flat one (protocol §3.4)."""
    held = view.position
    size_lots = abs(held.size_lots)
    entry_ticks = held.entry_quote_micro // size_lots if size_lots else 0
    liquidation = view.liquidation_price_ticks
    return {
        "market_id": held.market_id,
        "symbol": rules.symbol,
        "initial_margin_fraction": fixed(view.initial_margin_fraction, _PERCENT_DECIMALS),
        "open_order_count": view.open_order_count,
        "pending_order_count": view.pending_order_count,
        "position_tied_order_count": view.position_tied_order_count,
        "sign": -1 if held.size_lots < 0 else 1,
        "position": fixed(size_lots, rules.size_decimals),
        "avg_entry_price": fixed(entry_ticks, rules.price_decimals),
        "position_value": quote(view.value_micro),
        "unrealized_pnl": quote(view.unrealized_pnl_micro),
        "realized_pnl": quote_of_pico(held.realized_pnl_pico),
        "liquidation_price": fixed(liquidation, rules.price_decimals) if liquidation else "0",
        "total_funding_paid_out": quote_of_pico(held.funding_paid_pico),
        "margin_mode": held.margin_mode,
        "allocated_margin": quote_of_pico(held.allocated_margin_pico),
        "total_discount": quote(0),
        "margin_set_flag": 1 if held.initial_margin_fraction else 0,
    }


def positions(views: Iterable[PositionView], markets: Markets) -> dict[str, Json]:
    """By market id, as the account channels want them."""
    return {
        str(view.position.market_id): position(view, markets[view.position.market_id])
        for view in views
    }


def assets(view: AccountView) -> list[Json]:
    """The collateral of perpetuals is a margin balance; there are no spot balances on paper."""
    return [
        {
            "symbol": "USDC",
            "asset_id": _USDC,
            "balance": quote(0),
            "locked_balance": quote(0),
            "margin_mode": "disabled",
            "margin_balance": quote_of_pico(view.collateral_pico),
            "multiplier": "1",
        }
    ]


def assets_by_id(view: AccountView) -> dict[str, Json]:
    return {str(asset["asset_id"]): asset for asset in assets(view)}


def account(view: AccountView) -> Json:
    """The short `Account` of accountsByL1Address."""
    sub = view.account_index > MASTER_MAX_ACCOUNT_INDEX
    return {
        "code": 0,
        "account_type": 1 if sub else 0,
        "account_trading_mode": 0,
        "index": view.account_index,
        "l1_address": view.l1_address,
        "cancel_all_time": view.cancel_all_time_ms,
        "total_order_count": view.total_order_count,
        "total_isolated_order_count": view.total_isolated_order_count,
        "pending_order_count": view.pending_order_count,
        "available_balance": quote_of_pico(view.available_balance_pico),
        "status": 1,
        "collateral": quote_of_pico(view.collateral_pico),
        "transaction_time": view.changed_us,
    }


def detailed_account(view: AccountView, markets: Markets, *, active_only: bool) -> Json:
    """The `DetailedAccount` of `account`: public. `active_only` leaves flat positions out."""
    shown = [held for held in view.positions if held.position.size_lots or not active_only]
    return account(view) | {
        "account_index": view.account_index,
        "name": "",
        "description": "",
        "can_invite": False,
        "referral_points_percentage": "",
        "positions": [position(held, markets[held.position.market_id]) for held in shown],
        "assets": assets(view),
        "total_asset_value": quote_of_pico(view.total_asset_value_pico),
        "cross_asset_value": quote_of_pico(view.cross_asset_value_pico),
        "cross_initial_margin_requirement": quote_of_pico(view.cross_initial_margin_pico),
        "cross_maintenance_margin_requirement": quote_of_pico(view.cross_maintenance_margin_pico),
        "pool_info": _NO_POOL,
        "shares": [],
        "pending_unlocks": [],
        "approved_integrators": [],
        "created_at": view.created_us // 1_000_000,
        "can_rfq": False,
        "can_rfq_market_ids": [],
        "metadata": {"color": ""},
        "agent_enabled": False,
    }


_NO_POOL: Json = {
    "status": 0,
    "operator_fee": "0",
    "min_operator_share_rate": "0",
    "total_shares": 0,
    "operator_shares": 0,
    "annual_percentage_yield": 0,
    "daily_returns": [],
    "share_prices": [],
    "sharpe_ratio": 0,
    "strategies": [],
}


def limits(view: AccountView) -> Json:
    """`accountLimits`: the account's real fee rates, in millionths (protocol §3.2)."""
    return {
        "code": 200,
        "max_llp_percentage": 25,
        "user_tier": "std" if view.tier_name == "standard" else view.tier_name,
        "can_create_public_pool": True,
        "max_llp_amount": "1000000",
        "current_maker_fee_tick": view.maker_fee_millionths,
        "current_taker_fee_tick": view.taker_fee_millionths,
        "effective_lit_stakes": "0",
        "leased_lit": "0",
        "user_tier_name": view.tier_name,
        "user_tier_last_update": (view.tier_changed_us or 0) // 1_000_000,
        "bo_user_tier_name": view.tier_name,
        "bo_fee_rate": 0,
    }


def user_stats(view: AccountView) -> Json:
    """The `stats` of `user_stats`: leverage and margin usage follow from the mark price."""
    isolated = [held for held in view.positions if held.own is not None]
    cross = [held for held in view.positions if held.own is None]
    allocated_pico = sum(held.position.allocated_margin_pico for held in isolated)
    isolated_margin_pico = sum(held.own.initial_pico for held in isolated if held.own)
    total = _stats(
        view,
        worth_pico=view.total_asset_value_pico,
        value_micro=sum(held.value_micro for held in view.positions),
        collateral_pico=view.collateral_pico + allocated_pico,
        margin_pico=view.cross_initial_margin_pico + isolated_margin_pico,
    )
    cross_only = _stats(
        view,
        worth_pico=view.cross_asset_value_pico,
        value_micro=sum(held.value_micro for held in cross),
        collateral_pico=view.collateral_pico,
        margin_pico=view.cross_initial_margin_pico,
    )
    return {
        "account_trading_mode": 0,
        **total,
        "cross_stats": cross_only,
        "total_stats": total,
    }


def _stats(
    view: AccountView, *, worth_pico: int, value_micro: int, collateral_pico: int, margin_pico: int
) -> Json:
    return {
        "available_balance": quote_of_pico(view.available_balance_pico),
        "buying_power": "0",
        "collateral": quote_of_pico(collateral_pico),
        "leverage": _ratio(100 * value_micro * PICO_PER_MICRO, worth_pico),
        "margin_usage": _ratio(_FRACTION_WHOLE * margin_pico, worth_pico),
        "portfolio_value": quote_of_pico(worth_pico),
    }


def _ratio(hundredfold: int, by: int) -> str:
    """Two decimals; an account worth nothing has no leverage to speak of."""
    return fixed(hundredfold // by if by > 0 else 0, _PERCENT_DECIMALS)


def volumes(view: AccountView) -> Json:
    """The counters of `account_all`: a period is the hour under way and the full ones before."""
    figures: Json = {}
    for name, volume in (
        ("daily", view.volumes.daily),
        ("weekly", view.volumes.weekly),
        ("monthly", view.volumes.monthly),
    ):
        figures[f"{name}_trades_count"] = volume.trades_count
        figures[f"{name}_volume"] = volume.volume_micro / 1_000_000
    figures["total_trades_count"] = view.total_trades_count
    figures["total_volume"] = view.total_volume_micro / 1_000_000
    return figures


def trade_volumes(view: AccountView) -> Json:
    """The counters of `account_all_trades`."""
    figures = volumes(view)
    return {name: figures[name] for name in figures if name.endswith("_volume")}
