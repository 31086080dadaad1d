"""One transaction → the engine → events and a verdict (protocol §7.1, step 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from hedgepair_runner.venues.paper import drafting, margin_modes, order_rules, verdicts
from hedgepair_runner.venues.paper.accounts import Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.events import TxChanged
from hedgepair_runner.venues.paper.intake import standing_for
from hedgepair_runner.venues.paper.matching import Match
from hedgepair_runner.venues.paper.positions import reducible_lots
from hedgepair_runner.venues.paper.queueing import DelayQueue, Queued
from hedgepair_runner.venues.paper.records import (
    NIL_MARKET,
    MarketRules,
    OrderStatus,
    OrderType,
    TimeInForce,
    TxStatus,
)
from hedgepair_runner.venues.paper.refusals import Code
from hedgepair_runner.venues.paper.settings import DeadCancel
from hedgepair_runner.venues.paper.sweeping import Switches, cancel_all
from hedgepair_runner.venues.paper.transaction_shapes import (
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    ModifyOrder,
    Transaction,
    UpdateLeverage,
    UpdateMargin,
)
from hedgepair_runner.venues.paper.treatments import UNTREATED, Treatment
from hedgepair_runner.venues.paper.verdicts import Failed, Verdict, failed


class Executor:
    """What was true at intake may have changed in the queue, so the rules that can are asked again.

    A failure consumes the nonce, but for an expired transaction, a nonce that is not next, and a
    resting order without margin (protocol §7.1).
    """

    def __init__(self, engine: Engine, queue: DelayQueue, switches: Switches) -> None:
        self._engine = engine
        self._queue = queue
        self._switches = switches
        self._doomed: dict[str, Failed] = {}

    def doom(self, tx_hash: str, verdict: Failed) -> None:
        """Let this transaction fail: a fault switch."""
        self._doomed[tx_hash] = verdict

    def execute(self, queued: Queued) -> None:
        engine = self._engine
        verdict = self._verdict(queued)
        if self._uses_nonce(verdict):
            self._queue.include(queued.tx)
        record = replace(
            queued.record,
            status=TxStatus.FAILED if isinstance(verdict, Failed) else TxStatus.EXECUTED,
            event_info=verdict.event_info,
            executed_us=engine.now_us,
            block_height=engine.height(engine.now_us),
        )
        engine.history.put_tx(record)
        engine.emit(TxChanged(record=record))

    def _uses_nonce(self, verdict: Verdict) -> bool:
        if not isinstance(verdict, Failed):
            return True
        return verdict.consumes_nonce and not self._engine.settings.failure_keeps_nonce

    def _nonce_holds(self, tx: Transaction) -> bool:
        if self._engine.settings.skipped_nonces_live and self._queue.was_skipped(tx):
            return True
        return self._queue.nonce_holds(tx)

    def _verdict(self, queued: Queued) -> Verdict:
        tx = queued.tx
        treatment = self._engine.treatments.pop(queued.record.tx_hash, UNTREATED)
        if tx.expired_at_ms * 1_000 <= self._engine.now_us:
            return failed(Code.INVALID_TX_INFO, consumes_nonce=False)
        if not self._nonce_holds(tx):
            return failed(Code.INVALID_NONCE, consumes_nonce=False)
        doomed = self._doomed.pop(queued.record.tx_hash, None) or treatment.failure
        account = self._engine.accounts.use(tx.account_index, self._engine.now_us)
        if doomed is None and standing_for(self._engine, account, tx).is_liquidation:
            return failed(Code.IN_LIQUIDATION)
        return doomed or self._dispatch(tx, treatment)

    def _dispatch(self, tx: Transaction, treatment: Treatment) -> Verdict:
        match tx:
            case CreateOrder():
                return self._create(tx, treatment)
            case CancelOrder():
                return self._cancel(tx)
            case ModifyOrder():
                return self._modify(tx)
            case CancelAllOrders():
                return self._cancel_all(tx)
            case UpdateLeverage() | UpdateMargin():
                return self._settle(tx)
            case _:
                assert_never(tx)

    # -- orders --

    def _create(self, tx: CreateOrder, treatment: Treatment) -> Verdict:
        engine = self._engine
        rules = engine.markets[tx.market_id]
        conflict = _market_conflict(
            engine, rules, tx.order_type, is_ask=tx.is_ask, price_ticks=tx.price_ticks
        )
        if conflict is not None:
            return failed(conflict)
        if tx.client_order_index and engine.live.has_client_index(
            tx.account_index, tx.client_order_index
        ):
            return failed(Code.CLIENT_ORDER_INDEX_EXISTS)
        draft = drafting.created(engine, tx)
        account = engine.accounts.use(tx.account_index, engine.now_us)
        if treatment.hides_reduce_only and _cannot_reduce(tx, account):
            return verdicts.account_wide(tx.account_index)
        if tx.order_type.is_trigger:
            order_index = engine.books[tx.market_id].new_order_index(tx.is_ask)
            waiting = engine.await_trigger(replace(draft, order_index=order_index))
            return verdicts.placed(waiting, None)
        if tx.time_in_force is not TimeInForce.IOC:
            shortfall = order_rules.margin(engine, account, draft)
            if shortfall is not None:
                return failed(shortfall, consumes_nonce=False)
        order_index = engine.books[tx.market_id].new_order_index(tx.is_ask)
        draft = replace(draft, order_index=order_index)
        match = Match(engine, draft, most_lots=treatment.most_lots(draft))
        order = match.run()
        return verdicts.placed(order, match.last_trade)

    def _cancel(self, tx: CancelOrder) -> Verdict:
        order = drafting.target(self._engine, tx)
        if order is None:
            return self._without_effect() or verdicts.canceled(tx.account_index, None)
        closed = self._engine.close_resting(order, OrderStatus.CANCELED)
        return verdicts.canceled(tx.account_index, closed)

    def _modify(self, tx: ModifyOrder) -> Verdict:
        engine = self._engine
        order = drafting.target(engine, tx)
        if order is None:
            return self._without_effect() or verdicts.modified(None, None, tx.market_id)
        rules = engine.markets[order.market_id]
        conflict = _market_conflict(
            engine, rules, order.order_type, is_ask=order.is_ask, price_ticks=tx.price_ticks
        )
        conflict = conflict or drafting.version_conflict(order, tx)
        if conflict is not None:
            return failed(conflict)
        new = drafting.modified(order, tx)
        if order.status is OrderStatus.PENDING:
            return verdicts.modified(order, engine.await_trigger(new), order.market_id)
        account = engine.accounts.use(tx.account_index, engine.now_us)
        shortfall = order_rules.margin(engine, account, new)
        if shortfall is not None:
            return failed(shortfall, consumes_nonce=False)
        engine.pull(order)
        if new.remaining_lots == 0:
            done = engine.close_incoming(new, OrderStatus.FILLED)
        else:
            done = Match(engine, new).run()
        return verdicts.modified(order, done, order.market_id)

    def _without_effect(self) -> Failed | None:
        """The order is not live: an error, or nothing at all (protocol §7.7, §12)."""
        if self._engine.settings.dead_cancel is DeadCancel.NO_EFFECT:
            return None
        return failed(Code.ORDER_NOT_ACTIVE)

    # -- account-wide --

    def _cancel_all(self, tx: CancelAllOrders) -> Verdict:
        engine = self._engine
        account = engine.accounts.use(tx.account_index, engine.now_us)
        match tx.time_in_force:
            case CancelAllTimeInForce.IMMEDIATE:
                market_id = tx.attributes.cancel_all_market
                if engine.settings.cancel_all_everywhere:
                    market_id = NIL_MARKET
                cancel_all(engine, tx.account_index, None if market_id == NIL_MARKET else market_id)
            case CancelAllTimeInForce.SCHEDULED:
                conflict = order_rules.schedule_conflict(engine, account)
                if conflict is not None:
                    return failed(conflict)
                if not engine.settings.schedule_ignored:
                    self._switches.arm(account, tx.time_ms)
            case CancelAllTimeInForce.ABORT:
                self._switches.disarm(account)
            case _:
                assert_never(tx.time_in_force)
        return verdicts.account_wide(tx.account_index)

    def _settle(self, tx: UpdateLeverage | UpdateMargin) -> Verdict:
        account = self._engine.accounts.use(tx.account_index, self._engine.now_us)
        if isinstance(tx, UpdateLeverage):
            conflict = margin_modes.set_leverage(self._engine, account, tx)
        else:
            conflict = margin_modes.set_margin(self._engine, account, tx)
        if conflict is not None:
            return failed(conflict)
        return verdicts.account_wide(tx.account_index)


def _cannot_reduce(tx: CreateOrder, account: Account) -> bool:
    """A reduce-only order without a position on the other side."""
    size_lots = account.size_lots(tx.market_id)
    return tx.reduce_only and reducible_lots(size_lots, is_ask=tx.is_ask) == 0


def _market_conflict(
    engine: Engine, rules: MarketRules, order_type: OrderType, *, is_ask: bool, price_ticks: int
) -> Code | None:
    if rules.status != "active":
        return Code.INVALID_MARKET_STATUS
    if order_type is not OrderType.LIMIT:
        return None
    return order_rules.price_band(
        engine, market_id=rules.market_id, is_ask=is_ask, price_ticks=price_ticks
    )
