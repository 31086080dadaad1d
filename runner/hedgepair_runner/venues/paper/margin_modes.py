"""Leverage, margin mode, and the margin of isolated positions (protocol §5.4, §7.13)."""

from __future__ import annotations

from dataclasses import replace

from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.events import PositionChanged
from hedgepair_runner.venues.paper.isolating import Holding
from hedgepair_runner.venues.paper.margining import Health, health, isolated_health
from hedgepair_runner.venues.paper.records import PICO_PER_MICRO, Position
from hedgepair_runner.venues.paper.refusals import Code
from hedgepair_runner.venues.paper.transaction_shapes import (
    MarginDirection,
    UpdateLeverage,
    UpdateMargin,
)


def mode_conflict(engine: Engine, account: Account, tx: UpdateLeverage) -> Code | None:
    """The mode changes only without a position or orders in the market."""
    rules = engine.markets[tx.market_id]
    if tx.initial_margin_fraction < rules.min_initial_margin_fraction:
        return Code.INVALID_INITIAL_MARGIN_FRACTION
    position, index = account.position(tx.market_id), account.account_index
    if tx.margin_mode == position.margin_mode:
        return None
    orders = engine.live.count(index, tx.market_id) + engine.live.pending_count(index, tx.market_id)
    return Code.MARGIN_MODE_LOCKED if position.size_lots or orders else None


def set_leverage(engine: Engine, account: Account, tx: UpdateLeverage) -> Code | None:
    """A lower leverage must leave initial margin."""
    conflict = mode_conflict(engine, account, tx)
    if conflict is not None:
        return conflict
    before = account.position(tx.market_id)
    after = replace(
        before,
        initial_margin_fraction=tx.initial_margin_fraction,
        margin_mode=int(tx.margin_mode),
    )
    then = Holding(collateral_pico=account.collateral_pico, position=after)
    conflict = _shortfall(engine, account, then)
    if conflict is None:
        _store(engine, account, then)
    return conflict


def margin_conflict(engine: Engine, account: Account, tx: UpdateMargin) -> Code | None:
    """Margin is added from what is available, and taken as far as initial margin allows."""
    position = account.position(tx.market_id)
    if not position.is_isolated:
        return Code.INVALID_MARGIN_MODE
    if position.size_lots == 0:
        return Code.NO_POSITION
    if tx.direction is MarginDirection.ADD:
        available_pico = engine.health_of(account).available_pico
        is_there = tx.usdc_micro * PICO_PER_MICRO <= available_pico
        return None if is_there else Code.NOT_ENOUGH_COLLATERAL
    return _shortfall(engine, account, _moved(account, tx))


def set_margin(engine: Engine, account: Account, tx: UpdateMargin) -> Code | None:
    conflict = margin_conflict(engine, account, tx)
    if conflict is None:
        _store(engine, account, _moved(account, tx))
    return conflict


def _moved(account: Account, tx: UpdateMargin) -> Holding:
    """Collateral and position after the transfer between them."""
    position = account.position(tx.market_id)
    added_pico = tx.usdc_micro * PICO_PER_MICRO
    if tx.direction is MarginDirection.REMOVE:
        added_pico = -added_pico
    margin_pico = position.allocated_margin_pico + added_pico
    return Holding(
        collateral_pico=account.collateral_pico - added_pico,
        position=replace(position, allocated_margin_pico=margin_pico),
    )


def _shortfall(engine: Engine, account: Account, then: Holding) -> Code | None:
    """A purse that needs more or holds less than before must have its initial margin."""
    positions = {**account.positions, then.position.market_id: then.position}
    cross = health(then.collateral_pico, positions.values(), engine.markets, engine.mark_of)
    conflict = _worse(engine.health_of(account), cross)
    if conflict is not None or not then.position.is_isolated:
        return conflict
    before = account.position(then.position.market_id)
    return _worse(_own(engine, before), _own(engine, then.position))


def _own(engine: Engine, position: Position) -> Health:
    return isolated_health(position, engine.markets, engine.mark_of)


def _worse(before: Health, after: Health) -> Code | None:
    spare_pico = after.total_value_pico - after.initial_pico
    if spare_pico >= min(0, before.total_value_pico - before.initial_pico):
        return None
    if after.total_value_pico < after.maintenance_pico:
        return Code.BELOW_MAINTENANCE_MARGIN
    return Code.BELOW_INITIAL_MARGIN


def _store(engine: Engine, account: Account, then: Holding) -> None:
    account.collateral_pico = then.collateral_pico
    account.positions[then.position.market_id] = then.position
    engine.emit(PositionChanged(account_index=account.account_index, position=then.position))
    engine.account_changed(account)
