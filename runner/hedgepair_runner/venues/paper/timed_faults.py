"""Faults by time: what changes in the exchange when one begins, and back when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from hedgepair_runner.venues.paper.fault_rules import FaultKind, FaultRule
from hedgepair_runner.venues.paper.faulting import Armed
from hedgepair_runner.venues.paper.lagging import EVERY, Lag
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.signing import sign_transaction
from hedgepair_runner.venues.paper.transaction_shapes import MarginMode, UpdateLeverage
from hedgepair_runner.venues.paper.views import Refusal

if TYPE_CHECKING:
    from hedgepair_runner.venues.paper.gateway import Gateway

ABNORMAL_CLOSURE = 1_006
_OTHERS_TX_MS = 60_000
_QUOTE_DECIMALS = 6

_Undo = Callable[[], None]


class TimedFaults:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._undo: dict[int, _Undo] = {}

    def begin(self, armed: Armed) -> None:
        undo = self._do(armed.rule)
        if undo is not None:
            self._undo[armed.fault_id] = undo

    def end(self, armed: Armed) -> None:
        undo = self._undo.pop(armed.fault_id, None)
        if undo is not None:
            undo()

    def _do(self, rule: FaultRule) -> _Undo | None:
        match rule.kind:
            case FaultKind.MARKET_STATUS:
                return self._change_markets(rule, _with_status)
            case FaultKind.MINIMUM_RAISED:
                return self._change_markets(rule, _with_minimum)
            case FaultKind.REPLICA_LAG:
                return self._lag(rule)
            case FaultKind.SWITCH:
                return self._switch(rule)
            case FaultKind.CLOSE_SOCKETS:
                code = rule.details.code or ABNORMAL_CLOSURE
                self._gateway.hang_up(code, "fault", account=rule.when.account, ip=rule.when.ip)
            case FaultKind.OTHER_CLIENT:
                self._send_as_somebody_else(rule)
            case _:
                raise AssertionError(f"{rule.kind} does not happen by time alone")
        return None

    # -- markets --

    def _change_markets(
        self, rule: FaultRule, change: Callable[[MarketRules, FaultRule], MarketRules]
    ) -> _Undo:
        exchange = self._gateway.exchange
        before = [
            rules
            for rules in tuple(exchange.markets.values())
            if rule.when.market in (None, rules.market_id)
        ]
        for rules in before:
            exchange.replace_market(change(rules, rule))
        return lambda: self._restore(before, rule.kind)

    def _restore(self, before: Iterable[MarketRules], kind: FaultKind) -> None:
        """Only what this fault changed: another may hold for the same market."""
        exchange = self._gateway.exchange
        for then in before:
            now = exchange.markets[then.market_id]
            if kind is FaultKind.MARKET_STATUS:
                back = replace(now, status=then.status)
            else:
                back = replace(
                    now, min_base_lots=then.min_base_lots, min_quote_micro=then.min_quote_micro
                )
            exchange.replace_market(back)

    # -- lag and switches --

    def _lag(self, rule: FaultRule) -> _Undo:
        endpoint = rule.when.endpoint or EVERY
        lag = Lag(low_ms=rule.details.low_ms, high_ms=rule.details.high_ms)
        before = self._gateway.set_lag(endpoint, lag)

        def undo() -> None:
            self._gateway.set_lag(endpoint, before)

        return undo

    def _switch(self, rule: FaultRule) -> _Undo:
        name, value = rule.details.name, rule.details.value
        before = self._gateway.switch(name, value)

        def undo() -> None:
            self._gateway.switch(name, before)

        return undo

    # -- somebody else --

    def _send_as_somebody_else(self, rule: FaultRule) -> None:
        """A transaction that changes nothing but the nonce: the leverage that is set already."""
        gateway, account_index, key = self._gateway, rule.when.account, rule.when.key
        if account_index is None or key is None:
            raise AssertionError("the fault's reader asks for account and key")
        now_us = gateway.now_us()
        view = gateway.exchange.account(account_index)
        nonce = gateway.exchange.next_nonce(account_index, key)
        if view is None or nonce is None:
            return
        rules = next(iter(gateway.exchange.markets.values()))
        fraction = rules.default_initial_margin_fraction
        for each in view.positions:
            if each.position.market_id == rules.market_id:
                fraction = each.initial_margin_fraction
        tx = UpdateLeverage(
            account_index=account_index,
            api_key_index=key,
            nonce=nonce,
            expired_at_ms=now_us // 1_000 + _OTHERS_TX_MS,
            market_id=rules.market_id,
            initial_margin_fraction=fraction,
            margin_mode=MarginMode.CROSS,
        )
        signed = sign_transaction(tx, chain_id=gateway.chain_id, private_key=None)
        examined = gateway.exchange.examine(signed.tx_type, signed.tx_info, now_us=now_us)
        if not isinstance(examined, Refusal):
            gateway.exchange.admit(examined, now_us=now_us)
            gateway.execute(now_us)


def _with_status(rules: MarketRules, rule: FaultRule) -> MarketRules:
    return replace(rules, status=rule.details.status)


def _with_minimum(rules: MarketRules, rule: FaultRule) -> MarketRules:
    details = rule.details
    lots = _whole(details.min_base, rules.size_decimals, rules.min_base_lots)
    micro = _whole(details.min_quote, _QUOTE_DECIMALS, rules.min_quote_micro)
    return replace(rules, min_base_lots=lots, min_quote_micro=micro)


def _whole(amount: Decimal | None, decimals: int, otherwise: int) -> int:
    if amount is None:
        return otherwise
    return int(amount.scaleb(decimals).to_integral_value(ROUND_CEILING))
