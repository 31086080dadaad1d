"""Trades as the venue's JSON says them (protocol §3.6, Appendix A)."""

from __future__ import annotations

from typing import Any

from hedgepair_runner.venues.paper.amounts import fixed, quote, quote_of_pico
from hedgepair_runner.venues.paper.records import PICO_PER_MICRO, MarketRules, Party, Trade

Json = dict[str, Any]


def anonymous_trade(record: Trade, rules: MarketRules, *, complete: bool) -> Json:
    """As a public tape might say it, which does not tell whose trade it was."""
    facts = trade(record, rules, viewer=None, complete=complete)
    return {name: value for name, value in facts.items() if name not in _WHOSE}


def trade(record: Trade, rules: MarketRules, *, viewer: int | None, complete: bool) -> Json:
    """One trade, as `viewer` (an account, or nobody) may see it.

    Zero and false fields are left out as the venue does, the position before the trade included,
    unless `complete`: then every field that the published models demand is there.
    """
    ask, bid = record.ask, record.bid
    facts: Json = {
        "trade_id": record.trade_id,
        "trade_id_str": str(record.trade_id),
        "tx_hash": trade_hash(record),
        "type": record.trade_type.value,
        "market_id": record.market_id,
        "size": fixed(record.size_lots, rules.size_decimals),
        "price": fixed(record.price_ticks, rules.price_decimals),
        "usd_amount": quote(record.quote_micro),
        "ask_id": ask.order_index,
        "ask_id_str": str(ask.order_index),
        "bid_id": bid.order_index,
        "bid_id_str": str(bid.order_index),
        "ask_client_id": ask.client_order_index,
        "ask_client_id_str": str(ask.client_order_index),
        "bid_client_id": bid.client_order_index,
        "bid_client_id_str": str(bid.client_order_index),
        "ask_account_id": ask.account_index,
        "bid_account_id": bid.account_index,
        "is_maker_ask": record.is_maker_ask,
        "block_height": record.block_height,
        "timestamp": record.executed_us // 1000,
        "transaction_time": record.executed_us,
        "market_symbol": rules.symbol,
        "market_kind": "perps",
    }
    _add_side(facts, "taker", record.taker, rules=rules, complete=complete)
    _add_side(facts, "maker", record.maker, rules=rules, complete=complete)
    _add_result(facts, "ask", ask, viewer=viewer, complete=complete)
    _add_result(facts, "bid", bid, viewer=viewer, complete=complete)
    if complete:
        facts |= _NEVER_USED
    return facts


_WHOSE = frozenset(
    {"ask_account_id", "bid_account_id", "ask_client_id", "bid_client_id"}
    | {"ask_client_id_str", "bid_client_id_str"}
)
_NEVER_USED: Json = {
    "integrator_maker_fee": 0,
    "integrator_maker_fee_collector_index": 0,
    "integrator_taker_fee": 0,
    "integrator_taker_fee_collector_index": 0,
    "bid_order_version": 0,
    "ask_order_version": 0,
}


def _add_side(facts: Json, side: str, party: Party, *, rules: MarketRules, complete: bool) -> None:
    if party.fee_millionths or complete:
        facts[f"{side}_fee"] = party.fee_millionths
    if party.position_before_lots or complete:
        before = fixed(party.position_before_lots, rules.size_decimals)
        facts[f"{side}_position_size_before"] = before
    if party.entry_quote_before_micro or complete:
        facts[f"{side}_entry_quote_before"] = quote(party.entry_quote_before_micro)
    if party.initial_margin_fraction_before or complete:
        fraction = party.initial_margin_fraction_before
        facts[f"{side}_initial_margin_fraction_before"] = fraction
    if party.sign_changed or complete:
        facts[f"{side}_position_sign_changed"] = party.sign_changed
    for when, pico in (
        ("before", party.allocated_before_pico),
        ("after", party.allocated_after_pico),
    ):
        if pico or complete:
            facts[f"{side}_allocated_margin_usdc_{when}"] = pico // PICO_PER_MICRO


def _add_result(
    facts: Json, side: str, party: Party, *, viewer: int | None, complete: bool
) -> None:
    """Realised profit is the party's own business: others see none (protocol §3.6)."""
    own = party.pnl_pico if party.account_index == viewer else 0
    if own or complete:
        facts[f"{side}_account_pnl"] = quote_of_pico(own)


def trade_hash(record: Trade) -> str:
    """A synthetic id, not the hash of the taker's transaction (protocol §3.6)."""
    return f"{record.trade_id:016x}{record.executed_us // 1000:016x}" + "0" * 48
