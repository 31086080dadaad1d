"""Which transaction an answer on the socket is about (protocol §6.7): by id, by hash, by order.

An answer that names nothing belongs to the oldest transaction without one. Transactions whose
sender gave up waiting keep their place in that order for a while, or a late answer to one of them
would be taken for the next one's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hedgepair_runner.orders import Ambiguous, SendResult
from hedgepair_runner.venues.lighter.answer_parsing import SendAnswer, send_result

_KEEP_PLACE_S = 30.0


@dataclass(slots=True, kw_only=True)
class Pending:
    """A transaction on its way, in the order of sending."""

    request_id: str
    tx_hash: str
    sent_s: float
    result: asyncio.Future[SendResult]


class PendingSends:
    """The transactions of one connection that have no answer yet."""

    def __init__(self) -> None:
        self._by_id: dict[str, Pending] = {}

    def __len__(self) -> int:
        return sum(not pending.result.done() for pending in self._by_id.values())

    def add(self, pending: Pending) -> None:
        self._forget_abandoned(pending.sent_s)
        self._by_id[pending.request_id] = pending

    def answered(self, answer: SendAnswer) -> bool:
        """Settles the transaction that the answer is about; False if there is none such."""
        pending = self._find(answer)
        if pending is None:
            return False
        del self._by_id[pending.request_id]
        if not pending.result.done():
            pending.result.set_result(send_result(answer, tx_hash=pending.tx_hash))
        return True

    def lost(self, reason: str) -> None:
        """The connection is gone: whatever has no answer will get none."""
        for pending in self._by_id.values():
            if not pending.result.done():
                pending.result.set_result(Ambiguous(reason=reason))
        self._by_id.clear()

    def _find(self, answer: SendAnswer) -> Pending | None:
        if answer.request_id is not None:
            return self._by_id.get(answer.request_id)
        if answer.tx_hash is not None:
            tx_hash = answer.tx_hash.lower().removeprefix("0x")
            return next((each for each in self._by_id.values() if each.tx_hash == tx_hash), None)
        return next(iter(self._by_id.values()), None)

    def _forget_abandoned(self, now_s: float) -> None:
        stale = [
            request_id
            for request_id, pending in self._by_id.items()
            if pending.result.done() and now_s - pending.sent_s > _KEEP_PLACE_S
        ]
        for request_id in stale:
            del self._by_id[request_id]
