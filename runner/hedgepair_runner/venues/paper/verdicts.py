"""The engine's verdict on a transaction, as `event_info` tells it (protocol §3.10).

JSON with the venue's short keys: order `{i,u,a,is,p,rs,ia,ot,f,ro,tp,e,st,ts,t0,t1,c0}`, execution
`{m,t:{p,s,tf,mf},mo,to,ae}`, cancel `{a,i,u,ae}`, modify `{m,oo,no,ae}`. `ae` is the error's text.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from hedgepair_runner.venues.paper.records import Order, Trade
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.views import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    event_info: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """`consumes_nonce` is false where the transaction counts as never included (§7.1)."""

    refusal: Refusal
    consumes_nonce: bool = True

    @property
    def event_info(self) -> str:
        return _text({"ae": f"{self.refusal.code}: {self.refusal.message}"})


Verdict = Executed | Failed


def failed(code: Code, *, consumes_nonce: bool = True) -> Failed:
    return Failed(refusal=refuse(code), consumes_nonce=consumes_nonce)


def placed(order: Order, last_trade: Trade | None) -> Executed:
    return Executed(
        event_info=_text(
            {
                "m": order.market_id,
                "t": _trade(last_trade),
                "mo": last_trade.maker.order_index if last_trade is not None else 0,
                "to": _order(order),
                "ae": "",
            }
        )
    )


def canceled(account_index: int, order: Order | None) -> Executed:
    """Without an order: executed without effect."""
    return Executed(
        event_info=_text(
            {
                "a": account_index,
                "i": order.order_index if order is not None else 0,
                "u": order.client_order_index if order is not None else 0,
                "ae": "",
            }
        )
    )


def modified(old: Order | None, new: Order | None, market_id: int) -> Executed:
    return Executed(
        event_info=_text(
            {
                "m": market_id,
                "oo": _order(old) if old is not None else None,
                "no": _order(new) if new is not None else None,
                "ae": "",
            }
        )
    )


def account_wide(account_index: int) -> Executed:
    return Executed(event_info=_text({"a": account_index, "ae": ""}))


def _trade(trade: Trade | None) -> dict[str, int] | None:
    if trade is None:
        return None
    return {
        "p": trade.price_ticks,
        "s": trade.size_lots,
        "tf": trade.taker.fee_millionths,
        "mf": trade.maker.fee_millionths,
    }


def _order(order: Order) -> dict[str, int | str]:
    return {
        "i": order.order_index,
        "u": order.client_order_index,
        "a": order.account_index,
        "is": order.initial_lots,
        "p": order.price_ticks,
        "rs": order.remaining_lots,
        "ia": int(order.is_ask),
        "ot": int(order.order_type),
        "f": int(order.time_in_force),
        "ro": int(order.reduce_only),
        "tp": order.trigger_price_ticks,
        "e": order.expiry_ms,
        "st": order.status.value,
        "ts": _trigger_status(order),
        "t0": 0,
        "t1": 0,
        "c0": 0,
    }


def _trigger_status(order: Order) -> int:
    """0 not applicable, 1 ready, 2 waits for the mark price."""
    if not order.order_type.is_trigger:
        return 0
    return 1 if order.triggered_us else 2


def _text(info: dict[str, object]) -> str:
    return orjson.dumps(info).decode()
