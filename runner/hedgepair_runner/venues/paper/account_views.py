"""An account as the API tells it: positions at the mark, margin, counts (protocol §3.4, §7.13)."""

from __future__ import annotations

from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.admitting import quota_of
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.margining import (
    Health,
    initial_fraction,
    isolated_health,
    liquidation_price_ticks,
)
from hedgepair_runner.venues.paper.positions import unrealized_pnl_micro
from hedgepair_runner.venues.paper.records import Position
from hedgepair_runner.venues.paper.views import AccountView, PositionView


def account_view(engine: Engine, account: Account) -> AccountView:
    state = engine.health_of(account)
    positions = tuple(
        _position_view(engine, account, position, state)
        for _, position in sorted(account.positions.items())
    )
    isolated_pico = sum(held.own.total_value_pico for held in positions if held.own is not None)
    resting = engine.live.count(account.account_index)
    pending = engine.live.pending_count(account.account_index)
    return AccountView(
        account_index=account.account_index,
        l1_address=engine.accounts.l1_address(account.account_index),
        tier_name=account.tier.name,
        maker_fee_millionths=account.tier.maker_fee_millionths,
        taker_fee_millionths=account.tier.taker_fee_millionths,
        tier_changed_us=engine.accounts.tier_changed_us(account.owner_index),
        collateral_pico=account.collateral_pico,
        total_asset_value_pico=state.total_value_pico + isolated_pico,
        cross_asset_value_pico=state.total_value_pico,
        available_balance_pico=state.available_pico,
        cross_initial_margin_pico=state.initial_pico,
        cross_maintenance_margin_pico=state.maintenance_pico,
        cross_closeout_margin_pico=state.closeout_pico,
        cancel_all_time_ms=account.cancel_all_time_ms,
        total_order_count=resting + pending,
        total_isolated_order_count=sum(
            held.open_order_count for held in positions if held.position.is_isolated
        ),
        pending_order_count=pending,
        positions=positions,
        volume_quota_remaining=quota_of(account),
        total_trades_count=account.total_trades_count,
        total_volume_micro=account.total_volume_micro,
        volumes=account.ledger.volumes(engine.now_us),
        created_us=account.created_us,
        changed_us=account.changed_us,
    )


def _position_view(
    engine: Engine, account: Account, position: Position, state: Health
) -> PositionView:
    market_id = position.market_id
    rules, mark = engine.markets[market_id], engine.mark_of(market_id)
    own = None
    if position.is_isolated:
        own = isolated_health(position, engine.markets, engine.mark_of)
    return PositionView(
        position=position,
        initial_margin_fraction=initial_fraction(position, rules),
        mark_price_ticks=mark,
        value_micro=abs(position.size_lots) * mark,
        unrealized_pnl_micro=unrealized_pnl_micro(position, mark),
        liquidation_price_ticks=liquidation_price_ticks(position, rules, mark, own or state),
        open_order_count=engine.live.count(account.account_index, market_id),
        pending_order_count=engine.live.pending_count(account.account_index, market_id),
        position_tied_order_count=_tied_count(engine, account, market_id),
        own=own,
    )


def _tied_count(engine: Engine, account: Account, market_id: int) -> int:
    """Trigger orders that go when the position goes."""
    if not engine.live.pending_count(account.account_index, market_id):
        return 0
    waiting = engine.live.pending_of(market_id)
    return sum(
        order.reduce_only and order.account_index == account.account_index for order in waiting
    )
