"""Hands signed transactions to the venue: by socket, or by REST while it is down (design §4.3).

The bytes on the wire are the signed text, embedded as it is. Nothing is logged, awaited or looked
up before they are written. What the venue then says is Accepted, Refused or Ambiguous, never an
exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from hedgepair_runner.orders import Accepted, Ambiguous, Refused, SendResult, SignedTx
from hedgepair_runner.venues.lighter.answer_parsing import (
    RATE_LIMITED,
    SendAnswer,
    rest_send_result,
)
from hedgepair_runner.venues.lighter.correlator import Pending, PendingSends
from hedgepair_runner.venues.lighter.headstart import Rest, begin
from hedgepair_runner.venues.lighter.limiting import SEND_WEIGHT, Limiter
from hedgepair_runner.venues.lighter.transport import Connection, Transport, TransportLost
from hedgepair_runner.venues.tiers import USES_QUOTA
from hedgepair_runner.venues.venue import Lane

HELD_BACK = 0
"""Code of a Refused that never left this process: the rate budget was spent."""

_LONGEST_WAIT_S = {
    Lane.HEDGE: 2.0,
    Lane.CANCEL: 2.0,
    Lane.FLATTEN: 1.0,
    # A signed quote that waited would stand before the cancels of the same key, whose nonces
    # follow its own: it is given up at once, and its nonce is free again.
    Lane.QUOTE: 0.0,
    Lane.READ: 0.0,
}


@dataclass(slots=True)
class SendCounts:
    """Plain numbers for metrics."""

    over_socket: int = 0
    over_rest: int = 0
    held_back: int = 0
    timeouts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _HandedOver:
    """A transaction on the socket. `rest`: its write still waits for room; `lost`: it failed."""

    result: asyncio.Future[SendResult]
    rest: Rest | None = None
    lost: Ambiguous | None = None


class Sender:
    def __init__(
        self,
        transport: Transport,
        limiter: Limiter,
        *,
        on_handed: Callable[[SignedTx], None] | None = None,
        answer_timeout_s: float = 3.0,
    ) -> None:
        self.counts = SendCounts()
        self._transport = transport
        self._limiter = limiter
        self._on_handed = on_handed
        self._answer_timeout_s = answer_timeout_s
        self._connection: Connection | None = None
        self._pending = PendingSends()
        self._sequence = 0
        self._turn = asyncio.Lock()
        self._rest_turn = asyncio.Lock()
        """Requests on different connections overtake each other; nonces must not."""

    def attach(self, connection: Connection) -> None:
        self._connection = connection

    def detach(self, reason: str) -> None:
        """The socket is gone; what had no answer is ambiguous."""
        self._connection = None
        self._pending.lost(reason)

    def on_answer(self, answer: SendAnswer) -> bool:
        """Whether the answer was about a transaction of ours."""
        if not self._pending.answered(answer):
            return False
        if answer.code == RATE_LIMITED:
            self._limiter.note_rate_limited(_now_s())
        else:
            self._limiter.note_answered()
        self._note_quota(answer.quota_remaining)
        return True

    def _note_quota(self, remaining: int | None) -> None:
        if remaining is not None:
            self._limiter.quota.told(remaining, _now_s())

    def send(self, signed: SignedTx, *, lane: Lane) -> Coroutine[Any, Any, SendResult]:
        """What may go at once is on the socket before this returns; the rest is to be awaited."""
        connection = self._connection
        if connection is None or self._turn.locked():
            return self._send_in_turn(signed, lane)
        if self._admit(lane, signed) > 0.0:
            return self._send_in_turn(signed, lane)
        return self._answer(self._hand_over(connection, signed))

    async def _send_in_turn(self, signed: SignedTx, lane: Lane) -> SendResult:
        held_back_s = await self._wait_for_budget(lane, signed)
        if held_back_s > 0:
            self.counts.held_back += 1
            return Refused(
                code=HELD_BACK, message=f"held back by the rate limiter for {held_back_s:.1f} s"
            )
        if self._connection is None:
            async with self._rest_turn:
                return await self._send_by_rest(signed)
        return await self._answer(self._hand_over(self._connection, signed))

    def _admit(self, lane: Lane, signed: SignedTx) -> float:
        return self._limiter.admit(
            lane,
            SEND_WEIGHT,
            _now_s(),
            is_send=True,
            uses_quota=signed.tx_type in USES_QUOTA,
        )

    async def _wait_for_budget(self, lane: Lane, signed: SignedTx) -> float:
        """0.0 once the budget is booked, or how long it would take if that is too long.

        Waiters go in turn: transactions of one key must arrive in the order of their nonces.
        """
        if not self._turn.locked():
            delay_s = self._admit(lane, signed)
            if delay_s == 0.0 or delay_s > _LONGEST_WAIT_S[lane]:
                return delay_s
        elif _LONGEST_WAIT_S[lane] == 0.0:
            return self._limiter.closed_for_s(_now_s()) or 1.0
        deadline_s = _now_s() + _LONGEST_WAIT_S[lane]
        async with self._turn:
            while True:
                delay_s = self._admit(lane, signed)
                if delay_s == 0.0 or _now_s() + delay_s > deadline_s:
                    return delay_s
                await asyncio.sleep(delay_s)

    def _hand_over(self, connection: Connection, signed: SignedTx) -> _HandedOver:
        self._sequence += 1
        request_id = str(self._sequence)
        result: asyncio.Future[SendResult] = asyncio.get_running_loop().create_future()
        self._pending.add(
            Pending(request_id=request_id, tx_hash=signed.tx_hash, sent_s=_now_s(), result=result)
        )
        sending = connection.send(
            f'{{"type":"jsonapi/sendtx","data":{{"id":"{request_id}",'
            f'"tx_type":{signed.tx_type},"tx_info":{signed.info}}}}}'
        )
        try:
            rest = begin(sending)
        except TransportLost as lost:
            # Part of it may have left; the stream will notice the loss by itself.
            return _HandedOver(result=result, lost=Ambiguous(reason=str(lost)))
        self._handed(signed)
        self.counts.over_socket += 1
        return _HandedOver(result=result, rest=rest)

    async def _answer(self, handed: _HandedOver) -> SendResult:
        if handed.lost is not None:
            return handed.lost
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                if handed.rest is not None:
                    await handed.rest
                return await handed.result
        except TransportLost as lost:
            return Ambiguous(reason=str(lost))
        except TimeoutError:
            self.counts.timeouts += 1
            return Ambiguous(reason=f"no answer within {self._answer_timeout_s:g} s")

    async def _send_by_rest(self, signed: SignedTx) -> SendResult:
        form = {"tx_type": str(signed.tx_type), "tx_info": signed.info}
        self.counts.over_rest += 1
        self._handed(signed)
        try:
            status, body = await self._transport.post_form(
                "/api/v1/sendTx", form, timeout_s=self._answer_timeout_s
            )
        except TransportLost as lost:
            return Ambiguous(reason=str(lost))
        if status == 429:
            self._limiter.note_rate_limited(_now_s())
        elif status == 405:
            self._limiter.note_firewall(_now_s())
        else:
            self._limiter.note_answered()
        result = rest_send_result(status, body, tx_hash=signed.tx_hash)
        if isinstance(result, Accepted):
            self._note_quota(result.quota_remaining)
        return result

    def _handed(self, signed: SignedTx) -> None:
        if self._on_handed is not None:
            self._on_handed(signed)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
