"""Receipts against the exchange's own records: one for each executed order, and they add up
(design §14.10)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hedgepair_runner.contract.identity import Role, read_client_order_index
from hedgepair_runner.contract.receipts import Receipt
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.records import Trade
from tests.flow import auditing

PICO = Decimal("1e-12")


def receipt_faults(
    exchange: Exchange, pair: auditing.Pair, receipts: list[Receipt], *, roles: tuple[Role, ...]
) -> list[str]:
    """Every order that took has one receipt with all its trades, and no other order has one."""
    accounts = {Role.MAKER: pair.maker_account, Role.HEDGER: pair.hedger_account}
    found = []
    for role in roles:
        account = accounts[role]
        if account is None:
            continue
        took = _taken_lots(auditing.trades_of(exchange, pair), account, role)
        told = Counter[int]()
        for receipt in receipts:
            if receipt.role != role.label:
                continue
            if receipt.client_order_index in told:
                found.append(f"order {receipt.client_order_index} has two receipts")
            told[receipt.client_order_index] += receipt.signed_lots
        found += [
            f"{role.label}'s order {index:x} traded {took[index]}, its receipt says {told[index]}"
            for index in took.keys() | told.keys()
            if took[index] != told[index]
        ]
    return found


def result_of_legs(exchange: Exchange, pair: auditing.Pair) -> Decimal:
    """What the exchange made of both legs: realised, less fees, plus funding."""
    total = 0
    for trade in auditing.trades_of(exchange, pair):
        for party in (trade.maker, trade.taker):
            if party.account_index in pair.accounts:
                total += party.pnl_pico - trade.quote_micro * party.fee_millionths
    fundings = [
        payment.change_pico // 1_000_000 * 1_000_000
        for account in pair.accounts
        for payment in exchange.funding.payments(account)
    ]
    return (total + sum(fundings)) * PICO


def _taken_lots(trades: list[Trade], account: int, role: Role) -> Counter[int]:
    """By client order index, what the account's orders of this role took."""
    took = Counter[int]()
    for trade in trades:
        parts = read_client_order_index(trade.taker.client_order_index)
        is_own = trade.taker.account_index == account and trade.trade_type.value == "trade"
        if is_own and parts is not None and parts.role is role:
            took[trade.taker.client_order_index] += auditing.lots_for(trade, account)
    return took
