"""When signatures are checked, what a bad one leads to, and that a key's order survives it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hedgepair_runner.venues.paper.gateway_settings import Checking
from hedgepair_runner.venues.paper.verifier import VerifierUnavailable
from tests.exchange.booth import Booth, Line, tx_frame

TOUCH = 236_131


def code(frames: list[dict[str, Any]]) -> int:
    [frame] = frames
    number: int = frame["error"]["code"]
    return number


class SlowVerifier:
    """Answers when the test says so; a signature holds unless its first byte is zero."""

    def __init__(self) -> None:
        self.waiting: list[tuple[asyncio.Future[None], bytes]] = []
        self.broken = False

    async def verify(self, tx_hash: bytes, *, signature: bytes, public_key: bytes) -> bool:
        if self.broken:
            raise VerifierUnavailable("no workers")
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((answered, tx_hash))
        await answered
        return signature != bytes(80)

    def answer(self, place: int) -> None:
        self.waiting[place][0].set_result(None)


class QuickVerifier(SlowVerifier):
    async def verify(self, tx_hash: bytes, *, signature: bytes, public_key: bytes) -> bool:
        self.waiting.append((asyncio.get_running_loop().create_future(), tx_hash))
        return signature != bytes(80)


def test_transactions_of_a_key_keep_their_order_however_their_checks_end() -> None:
    async def story() -> None:
        verifier = SlowVerifier()
        booth = Booth(checking=Checking.STRICT, verifier=verifier)
        line = booth.line()
        first, second = (
            booth.create(1, is_ask=False, price_ticks=TOUCH - step, signed=True) for step in (0, 1)
        )
        other = booth.create(2, is_ask=False, price_ticks=TOUCH - 5, signed=True)
        async with asyncio.TaskGroup() as tasks:
            for name, tx in (("1", first), ("2", second), ("other", other)):
                tasks.create_task(line.session.receive(json.dumps(tx_frame(tx, name))))
            await asyncio.sleep(0)
            verifier.answer(2)
            verifier.answer(1)
            for _ in range(5):
                await asyncio.sleep(0)
            assert [frame["id"] for frame in line.take()] == ["other"]
            verifier.answer(0)
        assert [(frame["id"], frame["code"]) for frame in line.take()] == [("1", 200), ("2", 200)]

    asyncio.run(story())


def test_a_bad_signature_is_refused_and_leaves_the_nonce_where_it_was() -> None:
    async def story() -> None:
        booth = Booth(checking=Checking.STRICT, verifier=QuickVerifier())
        line = booth.line()
        nonce = booth.exchange.next_nonce(1, 4)
        unsigned = booth.create(1, is_ask=False, price_ticks=TOUCH)

        await line.session.receive(json.dumps(tx_frame(unsigned)))

        assert line.take() == [{"error": {"code": 21_120, "message": "invalid signature"}}]
        assert booth.exchange.next_nonce(1, 4) == nonce
        assert booth.gateway.checker.invalid_count == 1

    asyncio.run(story())


def test_without_a_verdict_the_outcome_is_an_internal_error() -> None:
    async def story() -> None:
        verifier = SlowVerifier()
        verifier.broken = True
        booth = Booth(checking=Checking.STRICT, verifier=verifier)
        line = booth.line()

        await line.session.receive(
            json.dumps(tx_frame(booth.create(1, is_ask=False, price_ticks=TOUCH, signed=True)))
        )

        assert code(line.take()) == 29_500

    asyncio.run(story())


def test_strict_checks_tokens_too_and_answers_subscriptions_in_order() -> None:
    async def story() -> None:
        verifier = SlowVerifier()
        booth = Booth(checking=Checking.STRICT, verifier=verifier)
        line = booth.line()
        token = booth.token(1)
        frames = [
            {"type": "subscribe", "channel": "account_tx/1", "auth": token},
            {"type": "subscribe", "channel": "height"},
        ]
        async with asyncio.TaskGroup() as tasks:
            for frame in frames:
                tasks.create_task(line.session.receive(json.dumps(frame)))
            for _ in range(5):
                await asyncio.sleep(0)
            assert line.take() == []
            verifier.answer(0)
        assert line.types() == ["subscribed/account_tx", "subscribed/height"]

        # A proved token is not checked again; a forged one is refused.
        line.subscribe("account_all_orders/1", token)
        forged = {"type": "subscribe", "channel": "account_all_trades/1"}
        forged["auth"] = token[:-160] + "0" * 160
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(line.session.receive(json.dumps(forged)))
            for _ in range(5):
                await asyncio.sleep(0)
            verifier.answer(1)
        assert code(line.take()) == 21_120

    asyncio.run(story())


def test_a_sample_that_fails_is_counted_and_the_key_has_to_prove_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        booth = Booth(checking=Checking.SAMPLED, sample_one_in=3, verifier=QuickVerifier())
        line = booth.line()
        checks = asyncio.create_task(booth.gateway.checker.check_samples())
        await send(booth, line, signed=False)
        assert line.take()[0]["code"] == 200
        await asyncio.sleep(0.01)
        assert booth.gateway.checker.invalid_count == 1
        assert "accepted transaction had an invalid signature" in caplog.text

        await send(booth, line, signed=False)
        assert code(line.take()) == 21_120
        booth.forget_nonces()  # the refused one did not take its own
        await send(booth, line, signed=True)
        assert line.take()[0]["code"] == 200
        checks.cancel()

    asyncio.run(story())


def test_samples_are_the_first_of_a_key_and_one_in_so_many() -> None:
    async def story() -> None:
        verifier = QuickVerifier()
        booth = Booth(checking=Checking.SAMPLED, sample_one_in=3, verifier=verifier)
        line = booth.line()
        checks = asyncio.create_task(booth.gateway.checker.check_samples())
        for _ in range(7):
            await send(booth, line, signed=True)
        await asyncio.sleep(0.01)
        checks.cancel()

        sent = [frame["tx_hash"] for frame in line.take()]
        assert [tx_hash.hex() for _, tx_hash in verifier.waiting] == [sent[0], sent[3], sent[6]]

    asyncio.run(story())


async def send(booth: Booth, line: Line, *, signed: bool) -> None:
    tx = booth.create(1, is_ask=False, price_ticks=TOUCH, signed=signed)
    await line.session.receive(json.dumps(tx_frame(tx)))


def test_checks_without_a_verifier_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="needs a verifier"):
        Booth(checking=Checking.STRICT)
