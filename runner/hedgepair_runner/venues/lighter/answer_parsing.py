"""What the venue answers to transactions: verdicts, errors, receipts (protocol §3.10, §6.6–6.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hedgepair_runner.orders import Accepted, Ambiguous, Refused, SendResult, Verdict, VerdictState
from hedgepair_runner.venues.lighter.fields import Fields, MalformedFrame

OK = 200
RATE_LIMITED = 23000
TX_NOT_FOUND = 21500
_OUTCOME_UNKNOWN = frozenset({RATE_LIMITED, 29500, 29501, 30009, 30010})
"""The venue was too busy or failed inside: a copy may still be queued (design §4.3)."""
NO_RETRY_MENDS = frozenset({20001, 21100, 21108, 21109, 21120, 21136, 30005, 30006, 30008})
"""Wrong key, wrong account, wrong request: asking again gives the same answer (protocol §4)."""
_SOCKET_CODES = range(30000, 30013)
_ENGINE_TX_TYPES = range(21, 28)
"""Made by the engine itself, never sent by anyone (protocol §5.3)."""

_STATES = {
    0: VerdictState.FAILED,
    1: VerdictState.PENDING,
    2: VerdictState.EXECUTED,
    3: VerdictState.EXECUTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueError:
    """An error body or frame; `code` is 0 where the venue gave none (an HTML page, say)."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAnswer:
    """An answer to a transaction, with whatever tells which one: the id, the hash, or neither."""

    request_id: str | None
    tx_hash: str | None
    code: int
    message: str
    predicted_execution_ms: int | None = None
    quota_remaining: int | None = None


def verdicts_of(rows: Iterable[object], *, channel: str) -> tuple[Verdict, ...]:
    """The verdicts of `account_tx` rows, without what the engine did by itself."""
    found = (Fields(row, channel=channel) for row in rows)
    return tuple(
        _verdict(fields) for fields in found if fields.integer("type") not in _ENGINE_TX_TYPES
    )


def verdict_of(body: object) -> Verdict:
    """The verdict of a `GET tx` answer."""
    return _verdict(Fields(body, channel="tx"))


def _verdict(fields: Fields) -> Verdict:
    # Zero is "failed": a status that is missing must not be read as one.
    status = fields.integer("status")
    if status not in _STATES:
        raise MalformedFrame(fields.channel, "status", f"{status} is no known status")
    return Verdict(
        tx_hash=fields.text("hash").lower().removeprefix("0x"),
        nonce=fields.integer("nonce", 0),
        state=_STATES[status],
        error=_engine_error(fields.row.get("event_info")),
    )


def _engine_error(event_info: object) -> str:
    """`ae` of the event info, the one place where the engine says why (protocol §3.10)."""
    if not isinstance(event_info, str) or not event_info:
        return ""
    try:
        event = orjson.loads(event_info)
    except orjson.JSONDecodeError:
        return ""
    reason = event.get("ae", "") if isinstance(event, dict) else ""
    return reason if isinstance(reason, str) else str(reason)


def error_of(body: bytes) -> VenueError:
    """The error of a REST answer, whatever it looks like (protocol §2.1)."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return VenueError(code=0, message="an answer that is no JSON")
    if not isinstance(answer, dict):
        return VenueError(code=0, message="an answer that is no JSON object")
    return _error(answer)


def error_frame(frame: Mapping[str, Any]) -> VenueError | None:
    """The error that a socket frame tells, in either shape (protocol §6.6); None if it is none."""
    inner = frame.get("error")
    if isinstance(inner, dict):
        return _error(inner)
    if frame.get("type") == "error":
        return _error(frame)
    return None


def _error(row: Mapping[str, Any]) -> VenueError:
    code, message = row.get("code"), row.get("message")
    return VenueError(
        code=code if type(code) is int else 0, message=message if type(message) is str else ""
    )


def send_answer(frame: Mapping[str, Any]) -> SendAnswer | None:
    """The answer to a transaction in any of the shapes of protocol §6.7; None for other frames.

    An error without an id is one of a transaction unless its code or its channel says that it
    is about the socket or a subscription.
    """
    if str(frame.get("type", "")).startswith("jsonapi/sendtx"):
        inner = frame.get("data")
        return _answer({**frame, **inner} if isinstance(inner, dict) else frame)
    error = error_frame(frame)
    if error is None:
        return None
    row = frame["error"] if isinstance(frame.get("error"), dict) else frame
    answer = _answer(row)
    if answer.request_id is None and (
        "channel" in row or error.code in _SOCKET_CODES or error.code in _SUBSCRIPTION_CODES
    ):
        return None
    return answer


_SUBSCRIPTION_CODES = frozenset({20001, 23001, 23002, 23003})


def _answer(row: Mapping[str, Any]) -> SendAnswer:
    error = _error(row)
    return SendAnswer(
        request_id=_text(row.get("id")),
        tx_hash=_text(row.get("tx_hash")),
        code=error.code,
        message=error.message,
        predicted_execution_ms=_whole(row.get("predicted_execution_time_ms")),
        quota_remaining=_whole(row.get("volume_quota_remaining")),
    )


def send_result(answer: SendAnswer, *, tx_hash: str) -> SendResult:
    """What the answer means for the transaction with this hash (design §4.3)."""
    if answer.code == RATE_LIMITED:
        return Ambiguous(reason="rate limited")
    if answer.code in _OUTCOME_UNKNOWN or answer.code == 0:
        return Ambiguous(reason=f"the venue answered {answer.code}: {answer.message}")
    if answer.code != OK:
        return Refused(code=answer.code, message=answer.message)
    if answer.tx_hash is not None and answer.tx_hash.lower().removeprefix("0x") != tx_hash:
        return Ambiguous(reason="the venue accepted under another hash")
    return Accepted(
        tx_hash=tx_hash,
        predicted_execution_ms=answer.predicted_execution_ms,
        quota_remaining=answer.quota_remaining,
    )


def rest_send_result(status: int, body: bytes, *, tx_hash: str) -> SendResult:
    """What a REST answer to sendTx means. Only 200 and 400 say anything sure."""
    if status == 429:
        return Ambiguous(reason="rate limited")
    if status not in (OK, 400):
        return Ambiguous(reason=f"the venue answered with HTTP {status}")
    try:
        row = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Ambiguous(reason="an answer that is no JSON")
    if not isinstance(row, dict):
        return Ambiguous(reason="an answer that is no JSON object")
    answer = _answer(row)
    if status != OK and answer.code == OK:
        return Ambiguous(reason=f"HTTP {status} with a body that says 200")
    return send_result(answer, tx_hash=tx_hash)


def _text(value: object) -> str | None:
    return value if type(value) is str and value else None


def _whole(value: object) -> int | None:
    return value if type(value) is int else None
