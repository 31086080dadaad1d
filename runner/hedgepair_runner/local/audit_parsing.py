"""The venue's JSON as the facts of an audit (protocol §3.5, §3.6, §3.10)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from hedgepair_runner.audit_facts import FundingFact, OrderFact, Party, TapeTrade, TxFact
from hedgepair_runner.units import Market

Json = Mapping[str, Any]

_MS_US: Final = 1_000
_EXECUTED: Final = frozenset({2, 3})
_PENDING: Final = 1


def tape_trade_of(trade: Json, market: Market) -> TapeTrade:
    """Zero and false fields are left out by the venue: an absent position before is zero."""
    is_maker_ask = bool(trade.get("is_maker_ask", False))
    return TapeTrade(
        trade_id=int(trade["trade_id"]),
        at_us=_at_us(trade, "timestamp"),
        lots=market.lots(Decimal(trade["size"])),
        price_ticks=market.ticks(Decimal(trade["price"])),
        bid=_party(trade, "bid", is_maker=not is_maker_ask, market=market),
        ask=_party(trade, "ask", is_maker=is_maker_ask, market=market),
        is_maker_ask=is_maker_ask,
        kind=str(trade["type"]),
    )


def _party(trade: Json, side: str, *, is_maker: bool, market: Market) -> Party:
    before = trade.get(f"{'maker' if is_maker else 'taker'}_position_size_before", "0")
    return Party(
        account_index=int(trade[f"{side}_account_id"]),
        order_index=int(trade[f"{side}_id"]),
        client_order_index=int(trade.get(f"{side}_client_id", 0)),
        before_lots=market.lots(Decimal(before)),
    )


def order_fact_of(order: Json, market: Market) -> OrderFact:
    lots = market.lots(Decimal(order["initial_base_amount"]))
    return OrderFact(
        order_index=int(order["order_index"]),
        client_order_index=int(order["client_order_index"]),
        signed_lots=-lots if order["is_ask"] else lots,
        filled_lots=market.lots(Decimal(order["filled_base_amount"])),
        price_ticks=market.ticks(Decimal(order["price"])),
        created_us=int(order["created_at"]) * _MS_US,
        blur_us=_MS_US - 1,
        is_ioc=order["time_in_force"] == "immediate-or-cancel",
        is_resting=order["status"] == "open",
    )


def ended_ms(order: Json) -> int:
    return int(order["updated_at"])


def tx_fact_of(tx: Json) -> TxFact | None:
    """None while it is pending: no verdict yet."""
    status = int(tx["status"])
    if status == _PENDING:
        return None
    return TxFact(
        api_key_index=int(tx["api_key_index"]),
        nonce=int(tx["nonce"]),
        tx_hash=str(tx["hash"]),
        is_executed=status in _EXECUTED,
        executed_us=_at_us(tx, "executed_at"),
        sequence=int(tx["sequence_index"]),
        expires_us=int(tx["expire_at"]) * _MS_US,
    )


def funding_fact_of(row: Json) -> FundingFact:
    return FundingFact(
        funding_id=int(row["funding_id"]),
        at_us=int(row["timestamp"]) * 1_000_000,
        change_quote=Decimal(row["change"]),
    )


def _at_us(fact: Json, in_ms: str) -> int:
    """To the microsecond where it is told."""
    return int(fact.get("transaction_time", 0)) or int(fact[in_ms]) * _MS_US
