"""Judges a pair by the in-process exchange's own records, with the auditor that users have."""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.audit_verdicts import Audit, AuditQuestion
from hedgepair_runner.auditing import audit
from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.local.exchange_audit import facts_of
from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.records import Order, Trade
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
    pair: PairId | None = None
    """None: any HedgePair order on its own leg counts as this pair's."""

    @property
    def accounts(self) -> tuple[int, ...]:
        if self.hedger_account is None:
            return (self.maker_account,)
        return (self.maker_account, self.hedger_account)


def faults_of(exchange: Exchange, pair: Pair, *, may_rest: bool = False) -> list[str]:
    """Every broken law as a sentence; empty when the records are clean."""
    found = audit_of(exchange, pair, has_ended=not may_rest)
    return [violation.sentence for violation in found.violations]


def audit_of(exchange: Exchange, pair: Pair, *, has_ended: bool = True) -> Audit:
    facts = facts_of(
        exchange,
        market_id=pair.market_id,
        maker=pair.maker_account,
        hedger=pair.hedger_account,
        keys=dict.fromkeys(pair.accounts, pair.key),
    )
    question = AuditQuestion(
        pair=pair.pair,
        accepted_net_lots=pair.accepted_net_lots,
        carried_lots=pair.carried_lots,
        has_ended=has_ended,
    )
    return audit(facts, question)


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
