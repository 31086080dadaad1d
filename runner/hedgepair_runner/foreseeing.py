"""The hedge that a quote will need if it is filled wholly: known as soon as the quote is told.

It follows by the rules of `hedging` alone, as if the fill were in the ledger already, so that it
can be signed while the quote still rests (design §4.7).
"""

from __future__ import annotations

from hedgepair_runner.hedging import Hedge, HedgeQuestion, HedgerPolicy, decide_hedge
from hedgepair_runner.ledger import Chain
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.quotes import QuoteTold
from hedgepair_runner.units import Market


def foreseen_hedge(quote: QuoteTold, *, policy: HedgerPolicy, market: Market) -> Hedge | None:
    """From a hedged position; None where even a whole fill would want none."""
    if quote.is_gone or quote.lots == 0:
        return None
    filled = Chain(account_index=0, market_id=market.market_id)
    filled.anchor(0, 0)
    filled.add(_whole_fill(quote, market))
    question = HedgeQuestion(
        gap=filled.head_lots,
        attempt=0,
        max_slippage_bps=policy.max_slippage_bps,
        ioc_has_minimum=False,
        mark_ticks=None,
        own_quote_ticks=None,
    )
    decision = decide_hedge(question, maker=filled, market=market)
    return decision if isinstance(decision, Hedge) else None


def _whole_fill(quote: QuoteTold, market: Market) -> AccountTrade:
    return AccountTrade(
        account_index=0,
        trade_id=1,
        market_id=market.market_id,
        signed_lots=quote.side * quote.lots,
        price_ticks=quote.price_ticks,
        before_lots=0,
        is_maker=True,
        order_index=0,
        client_order_index=quote.client_order_index,
        fee_millionths=0,
        trade_type="trade",
        timestamp_ms=quote.told_ms,
    )
