"""What the venue answers finds its transaction; what it does not answer is ambiguous."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from hedgepair_runner.orders import Accepted, Ambiguous, Refused, SendResult, SignedTx
from hedgepair_runner.venues.lighter.answer_parsing import SendAnswer, send_answer
from hedgepair_runner.venues.lighter.limiting import STANDARD, UNLIMITED, Limiter
from hedgepair_runner.venues.lighter.sender import HELD_BACK, Sender
from hedgepair_runner.venues.venue import Lane
from tests.venue.scripted import (
    Json,
    ScriptedConnection,
    ScriptedTransport,
    in_virtual_time,
    signed_tx,
)


class Bench:
    """A sender on a scripted connection."""

    def __init__(
        self, *, limiter: Limiter | None = None, on_handed: Callable[[SignedTx], None] | None = None
    ) -> None:
        self.transport = ScriptedTransport()
        self.connection = ScriptedConnection()
        self.limiter = limiter or Limiter(UNLIMITED)
        self.sender = Sender(self.transport, self.limiter, on_handed=on_handed)
        self.sender.attach(self.connection)

    def start(self, *nonces: int) -> list[asyncio.Task[SendResult]]:
        return [
            asyncio.create_task(self.sender.send(signed_tx(nonce), lane=Lane.HEDGE))
            for nonce in nonces
        ]

    def answer(self, frame: Json) -> bool:
        answer = send_answer(frame)
        assert answer is not None
        return self.sender.on_answer(answer)


def test_the_signed_bytes_are_on_the_wire_as_they_were_signed() -> None:
    handed: list[SignedTx] = []

    async def scenario() -> str:
        bench = Bench(on_handed=handed.append)
        (task,) = bench.start(7)
        await asyncio.sleep(0)
        task.cancel()
        return bench.connection.texts[0]

    text = in_virtual_time(scenario())

    assert text == (
        '{"type":"jsonapi/sendtx","data":{"id":"1","tx_type":14,'
        '"tx_info":{"Nonce": 7,  "Sig":"x+/="}}}'
    )
    assert handed == [signed_tx(7)]


def _success(nonce: int, **more: object) -> Json:
    return {"type": "jsonapi/sendtx", "code": 200, "tx_hash": f"{nonce:080x}", **more}


FIRST, SECOND = Accepted(tx_hash=f"{1:080x}"), Accepted(tx_hash=f"{2:080x}")
REFUSED = Refused(code=21104, message="invalid nonce")


@pytest.mark.parametrize(
    ("frames", "results"),
    [
        pytest.param(
            [_success(2, id="2"), _success(1, id="1")], [FIRST, SECOND], id="by id, out of order"
        ),
        pytest.param([_success(2), _success(1)], [FIRST, SECOND], id="by hash, out of order"),
        pytest.param(
            [
                {"error": {"code": 21104, "message": "invalid nonce", "id": "2"}},
                {"type": "jsonapi/sendtx", "data": _success(1, id="1")},
            ],
            [FIRST, REFUSED],
            id="a refusal by id, an acceptance under data",
        ),
        pytest.param(
            [
                {"error": {"code": 21104, "message": "invalid nonce"}},
                {"type": "jsonapi/sendtx", "code": 200},
            ],
            [REFUSED, SECOND],
            id="neither id nor hash: in the order of sending",
        ),
        pytest.param(
            [_success(1), {"error": {"code": 21104, "message": "invalid nonce"}}],
            [FIRST, REFUSED],
            id="the one that is left",
        ),
    ],
)
def test_answers_find_their_transactions(frames: list[Json], results: list[SendResult]) -> None:
    async def scenario() -> list[SendResult]:
        bench = Bench()
        tasks = bench.start(1, 2)
        await asyncio.sleep(0.1)
        assert all(bench.answer(frame) for frame in frames)
        return [await task for task in tasks]

    assert in_virtual_time(scenario()) == results


def test_without_an_answer_the_outcome_is_unknown_and_a_late_one_is_not_the_next_ones() -> None:
    async def scenario() -> list[SendResult]:
        bench = Bench()
        (first,) = bench.start(1)
        unknown = await first
        (second,) = bench.start(2)
        await asyncio.sleep(0.1)
        bench.answer({"error": {"code": 21104, "message": "late, of the first"}})
        bench.answer({"type": "jsonapi/sendtx", "code": 200})
        return [unknown, await second]

    assert in_virtual_time(scenario()) == [Ambiguous(reason="no answer within 3 s"), SECOND]


def test_when_the_socket_drops_everything_under_way_is_ambiguous() -> None:
    async def scenario() -> list[SendResult]:
        bench = Bench()
        tasks = bench.start(1, 2)
        await asyncio.sleep(0.1)
        bench.sender.detach("the socket was closed with 1006")
        return [await task for task in tasks]

    lost = Ambiguous(reason="the socket was closed with 1006")
    assert in_virtual_time(scenario()) == [lost, lost]


def test_an_answer_about_nobody_is_not_taken() -> None:
    async def scenario() -> bool:
        bench = Bench()
        answer = SendAnswer(request_id="77", tx_hash=None, code=200, message="")
        return bench.sender.on_answer(answer)

    assert not in_virtual_time(scenario())


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, {"code": 200, "tx_hash": f"{1:080x}"}, FIRST, id="accepted"),
        pytest.param(400, {"code": 21104, "message": "invalid nonce"}, REFUSED, id="refused"),
        pytest.param(429, {"code": 23000}, Ambiguous(reason="rate limited"), id="429"),
        pytest.param(
            502, b"<html>", Ambiguous(reason="the venue answered with HTTP 502"), id="502"
        ),
    ],
)
def test_while_the_socket_is_down_transactions_go_by_rest(
    status: int, body: object, expected: SendResult
) -> None:
    async def scenario() -> tuple[SendResult, ScriptedTransport]:
        bench = Bench()
        bench.sender.detach("down")
        bench.transport.answer("/api/v1/sendTx", body, status=status)
        return await bench.sender.send(signed_tx(1), lane=Lane.HEDGE), bench.transport

    result, transport = in_virtual_time(scenario())

    assert result == expected
    ((path, form, _),) = transport.requests
    assert path == "/api/v1/sendTx"
    assert form == {"tx_type": "14", "tx_info": signed_tx(1).info}


def test_a_firewall_answer_holds_everything_back_for_a_minute() -> None:
    async def scenario() -> list[SendResult]:
        bench = Bench()
        bench.sender.detach("down")
        bench.transport.answer("/api/v1/sendTx", b"", status=405)
        bench.transport.answer("/api/v1/sendTx", {"code": 200})
        results = [await bench.sender.send(signed_tx(1), lane=Lane.HEDGE)]
        results.append(await bench.sender.send(signed_tx(1), lane=Lane.HEDGE))
        await asyncio.sleep(60)
        results.append(await bench.sender.send(signed_tx(1), lane=Lane.HEDGE))
        return results

    refused, held_back, accepted = in_virtual_time(scenario())

    assert refused == Ambiguous(reason="the venue answered with HTTP 405")
    assert isinstance(held_back, Refused)
    assert held_back.code == HELD_BACK
    assert accepted == FIRST


def test_a_quote_without_budget_is_given_up_at_once_while_a_hedge_goes() -> None:
    async def scenario() -> tuple[float, SendResult, int]:
        bench = Bench(limiter=Limiter(STANDARD))
        bench.limiter.spend_elsewhere(45, 0.0)
        quote = await bench.sender.send(signed_tx(1), lane=Lane.QUOTE)
        waited_s = asyncio.get_running_loop().time()
        (task,) = bench.start(1)
        await asyncio.sleep(0)
        task.cancel()
        return waited_s, quote, len(bench.connection.sent)

    waited_s, quote, sent = in_virtual_time(scenario())

    assert isinstance(quote, Refused)
    assert (quote.code, waited_s, sent) == (HELD_BACK, 0.0, 1)


def test_hedges_that_wait_for_budget_go_in_the_order_of_their_nonces() -> None:
    async def scenario() -> tuple[list[int], float]:
        bench = Bench(limiter=Limiter(STANDARD))
        bench.limiter.spend_elsewhere(60, 0.0)
        await asyncio.sleep(59)
        tasks = bench.start(1, 2, 3)
        await asyncio.sleep(1.5)
        for task in tasks:
            task.cancel()
        nonces = [frame["data"]["tx_info"]["Nonce"] for frame in bench.connection.sent]
        return nonces, bench.sender.counts.held_back

    assert in_virtual_time(scenario()) == ([1, 2, 3], 0)


def test_a_429_answer_on_the_socket_pauses_the_next_send() -> None:
    async def scenario() -> tuple[SendResult, float]:
        bench = Bench()
        (task,) = bench.start(1)
        await asyncio.sleep(0)
        bench.answer({"error": {"code": 23000, "message": "Too Many Requests!", "id": "1"}})
        return await task, bench.limiter.closed_for_s(asyncio.get_running_loop().time())

    assert in_virtual_time(scenario()) == (Ambiguous(reason="rate limited"), 0.5)
