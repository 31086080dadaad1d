"""Transactions as a client would send them, field by field, for the tests of what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.signing import SignedTransaction
from hedgepair_runner.venues.paper.transaction_shapes import (
    Attributes,
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    MarginDirection,
    MarginMode,
    ModifyOrder,
    Transaction,
    UpdateLeverage,
    UpdateMargin,
)
from tests.exchange.booth import KEY, Booth, batch_form

Told = tuple[int, int]
"""HTTP status and code."""
IOC, GTT = TimeInForce.IOC, TimeInForce.GTT
PRICE = 236_131
LOTS = 8_000_000  # 800 ETH on 100,000 USDC: near the edge
ME, OTHER = 5, 6
LIMITS = ExchangeSettings(
    max_orders_per_account=2,
    max_orders_per_market=1,
    max_pending_orders_per_account=2,
    max_pending_orders_per_market=1,
    max_pending_per_key=1,
)


def head(booth: Booth, account: int = ME, key: int = KEY, *, nonce: int | None = None) -> Any:
    known = booth.exchange.next_nonce(account, key)
    return {
        "account_index": account,
        "api_key_index": key,
        "nonce": known if nonce is None else nonce,
        "expired_at_ms": booth.now_ms + 599_000,
    }


def order(booth: Booth, account: int = ME, **fields: Any) -> CreateOrder:
    """A bid 1 % under the mark that rests; `fields` change it."""
    ioc = fields.get("time_in_force") is IOC
    plain: dict[str, Any] = {
        "market_id": 0,
        "client_order_index": 0,
        "base_lots": 100,
        "price_ticks": PRICE * 99 // 100,
        "is_ask": False,
        "order_type": OrderType.LIMIT,
        "time_in_force": GTT,
        "expiry_ms": 0 if ioc else booth.now_ms + 3_600_000,
    }
    return CreateOrder(**head(booth, account), **(plain | fields))


def stop(booth: Booth, **fields: Any) -> CreateOrder:
    kind = OrderType.STOP_LOSS_LIMIT
    trigger = {"trigger_price_ticks": PRICE * 101 // 100, "price_ticks": PRICE}
    return order(booth, **({"order_type": kind} | trigger | fields))


def cancel(booth: Booth, index: int, account: int = ME) -> CancelOrder:
    return CancelOrder(**head(booth, account), market_id=0, index=index)


def modify(booth: Booth, index: int, *, version: int = 0) -> ModifyOrder:
    return ModifyOrder(
        **head(booth),
        market_id=0,
        index=index,
        base_lots=100,
        price_ticks=PRICE * 99 // 100,
        attributes=Attributes(order_version=version),
    )


def cancel_all(booth: Booth, when: CancelAllTimeInForce, time_ms: int = 0) -> CancelAllOrders:
    return CancelAllOrders(**head(booth), time_in_force=when, time_ms=time_ms)


def leverage(
    booth: Booth, fraction: int = 500, mode: MarginMode = MarginMode.CROSS
) -> UpdateLeverage:
    return UpdateLeverage(
        **head(booth), market_id=0, initial_margin_fraction=fraction, margin_mode=mode
    )


def margin(booth: Booth, usdc: int, direction: MarginDirection) -> UpdateMargin:
    return UpdateMargin(**head(booth), market_id=0, usdc_micro=usdc * 10**6, direction=direction)


def post(booth: Booth, tx: Transaction, *, tx_type: int | None = None, **wire: object) -> Told:
    """Sends it by REST; `wire` replaces fields of its JSON."""
    signed = booth.sign(tx)
    info = json.dumps(json.loads(signed.tx_info) | wire)
    form = {"tx_type": str(tx_type or signed.tx_type), "tx_info": info}
    return told(booth.request("/api/v1/sendTx", method="POST", form=form))


def batch(booth: Booth, *txs: Transaction) -> Told:
    signed: list[SignedTransaction] = [booth.sign(tx) for tx in txs]
    form = batch_form(signed)
    return told(booth.request("/api/v1/sendTxBatch", method="POST", form=form))


def told(answer: tuple[int, dict[str, Any]]) -> Told:
    return answer[0], answer[1]["code"]


def get(path: str, *, auth: bool = False) -> Told:
    booth = Booth()
    return told(booth.request("/api/v1/" + path, auth=booth.token(ME) if auth else None))


def send(make: Callable[[Booth], Transaction], **wire: Any) -> Callable[[], Told]:
    """The answer to one transaction on a fresh exchange."""

    def act() -> Told:
        booth = Booth()
        return post(booth, make(booth), **wire)

    return act


def frame(message: object, **settings: Any) -> Callable[[], Told]:
    """The code that a frame is answered with; of several, the last one's."""

    def act() -> Told:
        line = Booth(**settings).line()
        texts = message if isinstance(message, list) else [message]
        for text in texts:
            line.session.begin(text if isinstance(text, str) else json.dumps(text))
        return 0, line.frames[-1]["error"]["code"]

    return act


def subscribe(*channels: str, **settings: Any) -> Callable[[], Told]:
    return frame([{"type": "subscribe", "channel": each} for each in channels], **settings)


def batch_of(*changes: dict[str, Any]) -> Callable[[], Told]:
    """One order, and copies of it with these changes."""

    def act() -> Told:
        booth = Booth()
        first = order(booth)
        return batch(booth, first, *(replace(first, **change) for change in changes))

    return act
