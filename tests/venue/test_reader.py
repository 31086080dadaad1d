"""A read answers or raises: there is no third way (law 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hedgepair_runner.orders import VerdictState
from hedgepair_runner.venues.lighter.limiting import STANDARD, UNLIMITED, Limiter
from hedgepair_runner.venues.lighter.reader import Reader
from hedgepair_runner.venues.lighter.tokens import Tokens
from hedgepair_runner.venues.venue import VenueRefused, VenueUnavailable
from tests.venue.payloads import ACCOUNT_BODY, MARKETS, ORDER_ROW, OTHER, OWN, TRADE_ROW, TX_ROW
from tests.venue.scripted import FakeSigner, LoopTimeClock, ScriptedTransport, in_virtual_time

API = "/api/v1/"


def _read(
    transport: ScriptedTransport,
    ask: Callable[[Reader], Awaitable[Any]],
    *,
    limiter: Limiter | None = None,
) -> Any:
    async def scenario() -> Any:
        signer = FakeSigner(OWN)
        tokens = Tokens(signer, clock=LoopTimeClock())
        reader = Reader(transport, limiter or Limiter(UNLIMITED), signer=signer, tokens=tokens)
        reader.markets_by_id.update(MARKETS)
        return await ask(reader)

    return in_virtual_time(scenario())


def _trade(trade_id: int) -> dict[str, Any]:
    return {**TRADE_ROW, "trade_id": trade_id}


def test_own_trades_are_read_page_by_page_back_to_the_id_oldest_first() -> None:
    transport = ScriptedTransport()
    for ids, cursor in (((9, 8, 7), "c1"), ((7, 6), "c2"), ((5, 4, 3), "c3")):
        page = {"code": 200, "trades": [_trade(number) for number in ids], "next_cursor": cursor}
        transport.answer(API + "trades", page)

    trades = _read(transport, lambda reader: reader.own_trades(0, after_trade_id=4))

    assert [trade.trade_id for trade in trades] == [5, 6, 7, 8, 9]
    assert [params.get("cursor") for _, params, _ in transport.requests] == [None, "c1", "c2"]
    assert transport.requests[0][1]["account_index"] == str(OWN)
    assert {auth for _, _, auth in transport.requests} == {"token-1"}


def test_own_trades_end_where_the_venue_has_no_more() -> None:
    transport = ScriptedTransport()
    transport.answer(API + "trades", {"code": 200, "trades": [_trade(9)]})

    trades = _read(transport, lambda reader: reader.own_trades(0, after_trade_id=0))

    assert [trade.trade_id for trade in trades] == [9]


def test_public_trades_are_those_of_the_account_oldest_first() -> None:
    transport = ScriptedTransport()
    strangers = {**_trade(8), "ask_account_id": 1, "bid_account_id": 2}
    rows = [_trade(9), strangers, _trade(7)]
    transport.answer(API + "recentTrades", {"code": 200, "trades": rows})

    trades = _read(transport, lambda reader: reader.public_trades(0, OTHER))

    assert [(trade.trade_id, trade.account_index) for trade in trades] == [(7, OTHER), (9, OTHER)]
    assert transport.requests[0][2] is None


def test_orders_are_looked_up_twenty_at_a_time() -> None:
    transport = ScriptedTransport()
    transport.answer(API + "accountOrders", {"code": 200, "orders": [ORDER_ROW]})

    orders = _read(transport, lambda reader: reader.orders(range(1, 42)))

    asked = [params["client_order_indexes"].count(",") + 1 for _, params, _ in transport.requests]
    assert asked == [20, 20, 1]
    assert len(orders) == 3


def test_an_account_a_nonce_and_a_clock_are_read() -> None:
    transport = ScriptedTransport()
    transport.answer(API + "account", ACCOUNT_BODY)
    transport.answer(API + "nextNonce", {"code": 200, "nonce": 18})
    transport.answer("/", {"status": 200, "network_id": 304, "timestamp": 1795344000})

    account = _read(transport, lambda reader: reader.account(OWN))
    nonce = _read(transport, lambda reader: reader.next_nonce(101, 4))
    clock_ms = _read(transport, lambda reader: reader.wall_clock_ms())

    assert (account.positions_lots[0], nonce, clock_ms) == (-5000, 18, 1795344000000)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, {"code": 200, **TX_ROW}, VerdictState.EXECUTED, id="known"),
        pytest.param(400, {"code": 21500, "message": "transaction not found"}, None, id="unknown"),
    ],
)
def test_a_verdict_is_known_or_not(
    status: int, body: object, expected: VerdictState | None
) -> None:
    transport = ScriptedTransport()
    transport.answer(API + "tx", body, status=status)

    verdict = _read(transport, lambda reader: reader.verdict(TX_ROW["hash"]))

    assert (verdict.state if verdict else None) == expected


def test_the_verdict_of_another_transaction_is_not_believed() -> None:
    transport = ScriptedTransport()
    transport.answer(API + "tx", {"code": 200, **TX_ROW})

    with pytest.raises(VenueUnavailable, match="another transaction"):
        _read(transport, lambda reader: reader.verdict("cc" * 40))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(400, {"code": 21100, "message": "x"}, VenueRefused, id="no account"),
        pytest.param(400, {"code": 21109, "message": "x"}, VenueRefused, id="no key"),
        pytest.param(400, {"code": 20001, "message": "x"}, VenueRefused, id="bad parameter"),
        pytest.param(200, {"code": 21100, "message": "x"}, VenueRefused, id="200 with a refusal"),
        pytest.param(400, {"code": 29500, "message": "x"}, VenueUnavailable, id="inside"),
        pytest.param(429, {"code": 23000, "message": "x"}, VenueUnavailable, id="429"),
        pytest.param(405, b"", VenueUnavailable, id="firewall"),
        pytest.param(502, b"<html>", VenueUnavailable, id="HTML 502"),
        pytest.param(200, b"<html>", VenueUnavailable, id="HTML with 200"),
        pytest.param(200, {"code": 200}, VenueUnavailable, id="an answer without accounts"),
        pytest.param(
            200, {"code": 200, "accounts": [{"index": OWN}]}, VenueUnavailable, id="half an account"
        ),
        pytest.param(200, [], VenueUnavailable, id="a list"),
    ],
)
def test_whatever_is_no_answer_raises(status: int, body: object, error: type[Exception]) -> None:
    transport = ScriptedTransport()
    transport.answer(API + "account", body, status=status)

    with pytest.raises(error):
        _read(transport, lambda reader: reader.account(OWN))


def test_without_a_network_a_read_is_unavailable() -> None:
    with pytest.raises(VenueUnavailable, match="nextNonce"):
        _read(ScriptedTransport(), lambda reader: reader.next_nonce(101, 4))


def test_reads_wait_for_their_budget_and_say_so_when_it_is_too_long() -> None:
    transport = ScriptedTransport()
    transport.answer(API + "account", ACCOUNT_BODY)
    limiter = Limiter(STANDARD)
    limiter.spend_elsewhere(60, 0.0)

    async def ask(reader: Reader) -> float:
        with pytest.raises(VenueUnavailable, match="rate budget is spent for 60 s"):
            await reader.account(OWN)
        await asyncio.sleep(50)
        await reader.account(OWN)
        return asyncio.get_running_loop().time()

    assert _read(transport, ask, limiter=limiter) == pytest.approx(60.0)


def test_a_token_is_kept_for_half_its_life() -> None:
    transport = ScriptedTransport()
    transport.answer(API + "accountActiveOrders", {"code": 200, "orders": []})

    async def ask(reader: Reader) -> None:
        for _ in range(3):
            await reader.active_orders(0)
            await asyncio.sleep(2.5 * 3600)

    _read(transport, ask)

    assert [auth for _, _, auth in transport.requests] == ["token-1", "token-1", "token-2"]
