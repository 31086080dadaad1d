"""One account as its own client keeps it from the channels alone, and what REST says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from hedgepair_runner.venues.paper.rest import RestAnswer, RestRequest
from tests.exchange.booth import Booth, Json, Line

API = "/api/v1/"
KINDS = (
    "account_all_orders",
    "account_all_trades",
    "account_all_positions",
    "account_all_assets",
    "account_all",
    "user_stats",
    "account_tx",
)
POSITION_FACTS = (
    "sign",
    "position",
    "avg_entry_price",
    "realized_pnl",
    "initial_margin_fraction",
    "margin_mode",
    "total_funding_paid_out",
)
"""What does not follow from the mark price or from orders, which have frames of their own."""


def read(booth: Booth, path: str, token: str = "") -> Json:
    """A REST read that never waits, as there are no signatures to check."""
    bare, _, query = path.partition("?")
    request = RestRequest(
        method="GET", path=bare, query=dict(parse_qsl(query)), authorization=token or None
    )
    coroutine = booth.gateway.rest(request)
    with pytest.raises(StopIteration) as answered:
        coroutine.send(None)
    answer: RestAnswer = answered.value.value
    assert answer.status == 200, answer.body
    body: Json = orjson.loads(answer.body)
    return body


def pages(booth: Booth, path: str, name: str, token: str) -> list[Json]:
    """All pages of a listing."""
    found: list[Json] = []
    cursor = ""
    while True:
        body = read(booth, path + (f"&cursor={cursor}" if cursor else ""), token)
        found += body[name]
        cursor = body.get("next_cursor") or ""
        if not cursor:
            return found


@dataclass
class Watcher:
    """Replays every account channel. It subscribes before anything happened."""

    booth: Booth
    account: int
    orders: dict[int, Json] = field(default_factory=dict)
    trades: dict[int, Json] = field(default_factory=dict)
    positions: dict[str, Json] = field(default_factory=dict)
    whole: dict[str, Json] = field(default_factory=dict)
    """Positions as `account_all` tells them: only those that changed."""
    collateral: str = ""
    stats: Json = field(default_factory=dict)
    txs: dict[str, Json] = field(default_factory=dict)
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        self.line = self.booth.line()
        for kind in KINDS:
            self.hear(self.line.subscribe(f"{kind}/{self.account}", self.token()))

    def token(self) -> str:
        """Nobody checks its signature."""
        return f"{self.booth.clock.us // 1_000_000 + 600}:{self.account}:4:{'0' * 160}"

    def catch_up(self) -> None:
        for frame in self.line.take():
            self.hear(frame)

    def hear(self, frame: Json) -> None:
        stage, _, kind = frame["type"].partition("/")
        if stage not in ("subscribed", "update"):
            assert frame["type"] in ("ping", "pong"), frame
            return
        match kind:
            case "account_all_orders":
                for order in _listed(frame["orders"]):
                    self._hear_order(order)
            case "account_all_trades":
                for trade in _listed(frame["trades"]):
                    assert trade["trade_id"] not in self.trades, "a fill is told once"
                    self.trades[trade["trade_id"]] = trade
            case "account_all_positions":
                self.positions = frame["positions"]
            case "account_all":
                self.whole |= frame["positions"]
            case "account_all_assets":
                self.collateral = frame["assets"]["3"]["margin_balance"]
            case "user_stats":
                self.stats = frame["stats"]
            case "account_tx":
                for tx in frame["txs"]:
                    self._hear_tx(tx)
            case _:
                pass

    def _hear_order(self, order: Json) -> None:
        known = self.orders.get(order["order_index"])
        assert known is None or not _is_closed(known), "an order ends once"
        self.orders[order["order_index"]] = order

    def _hear_tx(self, tx: Json) -> None:
        known = self.txs.get(tx["hash"])
        assert known is None or known["status"] == 1, "a transaction has one verdict"
        self.txs[tx["hash"]] = tx

    # -- against REST --

    def compare(self) -> None:
        token = self.token()
        self._compare_orders(token)
        self._compare_trades(token)
        self._compare_account()
        txs = read(self.booth, f"{API}accountTxs?by=account_index&value={self.account}&limit=100")
        for tx in txs["txs"]:
            assert self.txs.get(tx["hash"], tx) == tx
            assert tx["status"] != 1 or self.txs[tx["hash"]]["status"] == 1

    def _compare_orders(self, token: str) -> None:
        mine = f"account_index={self.account}"
        active = read(self.booth, f"{API}accountActiveOrders?{mine}", token)["orders"]
        inactive = pages(
            self.booth, f"{API}accountInactiveOrders?{mine}&limit=100", "orders", token
        )
        listed = [order["order_index"] for order in (*active, *inactive)]
        assert len(listed) == len(set(listed)), "every order is in one state"
        live = {index: each for index, each in self.orders.items() if not _is_closed(each)}
        assert {order["order_index"]: order for order in active} == live
        closed = {index: each for index, each in self.orders.items() if _is_closed(each)}
        assert {order["order_index"]: order for order in inactive} == closed

    def _compare_trades(self, token: str) -> None:
        path = f"{API}trades?account_index={self.account}&sort_by=trade_id&limit=100"
        listed = pages(self.booth, path, "trades", token)
        ids = [trade["trade_id"] for trade in listed]
        assert ids == sorted(ids, reverse=True)
        assert {trade["trade_id"]: trade for trade in listed} == self.trades

    def _compare_account(self) -> None:
        body = read(self.booth, f"{API}account?by=index&value={self.account}")["accounts"][0]
        told = {str(held["market_id"]): _facts(held) for held in body["positions"]}
        held = {market: facts for market, facts in told.items() if float(facts["position"])}
        assert {market: _facts(each) for market, each in self.positions.items()} == held
        assert {market: _facts(each) for market, each in self.whole.items()} == told
        assert self.collateral == body["collateral"]
        assert self.stats["collateral"] == body["collateral"]


def _facts(position: Json) -> dict[str, Any]:
    return {name: position[name] for name in POSITION_FACTS}


def _listed(by_market: dict[str, list[Json]]) -> list[Json]:
    return [each for listed in by_market.values() for each in listed]


def _is_closed(order: Json) -> bool:
    status: str = order["status"]
    return status == "filled" or status.startswith("canceled")
