"""A WebSocket session without the socket: frames in → what they ask for (protocol §6).

It keeps what belongs to one connection: its subscriptions, its limits, and when it was heard.
Refusals are in the first of the two shapes of protocol §6.6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hedgepair_runner.venues.paper.channels import Channel, parse_channel
from hedgepair_runner.venues.paper.gateway_settings import GatewaySettings
from hedgepair_runner.venues.paper.rest import Entry, Sending, read_batch
from hedgepair_runner.venues.paper.switches import AnswerShape
from hedgepair_runner.venues.paper.views import Accepted, AcceptedBatch, Refusal

Json = dict[str, Any]

_MINUTE_US = 60_000_000

PING = orjson.dumps({"type": "ping"})
PONG = orjson.dumps({"type": "pong"})

SEND_TX = "jsonapi/sendtx"
SEND_TX_BATCH = "jsonapi/sendtxbatch"

INVALID_JSON = Refusal(code=30_000, message="Invalid Json")
INVALID_TYPE = Refusal(code=30_001, message="Invalid Type")
INVALID_CHANNEL = Refusal(code=30_005, message="Invalid Channel")
INVALID_DATA = Refusal(code=30_007, message="Invalid Data")
TOO_MANY_MESSAGES = Refusal(code=30_009, message="Too Many Websocket Messages!")
TOO_MANY_IN_FLIGHT = Refusal(code=30_010, message="Too Many Inflight Messages!")
TOO_MANY_SUBSCRIPTIONS = Refusal(code=23_001, message="Too Many Subscriptions!")
TOO_MANY_ACCOUNTS = Refusal(code=23_002, message="Too Many Different Accounts!")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Wants a pong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """Wants nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    channel: Channel
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """`kind` names the answer; `request_id` is the client's own, echoed."""

    kind: str
    request_id: object
    sending: Sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    refusal: Refusal
    request_id: object = None


Command = Ping | Pong | Subscribe | Unsubscribe | Submit | Refused


class SessionState:
    """One connection's part: `read` turns a frame into a command and counts it."""

    def __init__(self, session_id: str, settings: GatewaySettings, *, now_us: int) -> None:
        self.session_id = session_id
        self.heard_us = now_us
        self.pinged_us = now_us
        self.in_flight = 0
        """Frames other than transactions that wait for their answer."""
        self.channels: dict[str, Channel] = {}
        self._settings = settings
        self._messages_us: deque[int] = deque()

    def connected(self) -> bytes:
        """What the server says first."""
        return orjson.dumps({"session_id": self.session_id, "type": "connected"})

    def read(self, frame: str | bytes, *, now_us: int) -> Command:
        self.heard_us = now_us
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return self._counted(Refused(refusal=INVALID_JSON), now_us)
        if not isinstance(message, dict):
            return self._counted(Refused(refusal=INVALID_JSON), now_us)
        kind = message.get("type")
        # Transactions draw on another bucket than messages (protocol §6.8).
        if kind in (SEND_TX, SEND_TX_BATCH):
            return self._submit(kind, message.get("data"))
        return self._counted(_command(kind, message), now_us)

    def _counted(self, command: Command, now_us: int) -> Command:
        while self._messages_us and self._messages_us[0] <= now_us - _MINUTE_US:
            self._messages_us.popleft()
        if len(self._messages_us) >= self._settings.messages_per_minute:
            return Refused(refusal=TOO_MANY_MESSAGES)
        self._messages_us.append(now_us)
        if self.in_flight >= self._settings.messages_in_flight:
            return Refused(refusal=TOO_MANY_IN_FLIGHT)
        return command

    def _submit(self, kind: str, data: object) -> Command:
        if not isinstance(data, dict):
            return Refused(refusal=INVALID_DATA)
        request_id = data.get("id")
        sending = _single(data) if kind == SEND_TX else _batch(data)
        if isinstance(sending, Refusal):
            return Refused(refusal=sending, request_id=request_id)
        if len(sending.entries) > self._settings.txs_per_socket_batch:
            message = (
                f"maximum {self._settings.txs_per_socket_batch} transactions allowed per batch"
            )
            return Refused(refusal=Refusal(code=21_514, message=message), request_id=request_id)
        return Submit(kind=kind, request_id=request_id, sending=sending)

    def objection(self, channel: Channel) -> Refusal | None:
        """Why this connection may not subscribe to the channel, if it has a token where needed."""
        if channel.name in self.channels:
            return Refusal(code=30_003, message=f"Already Subscribed to : {channel.name}")
        if len(self.channels) >= self._settings.subscriptions_per_connection:
            return TOO_MANY_SUBSCRIPTIONS
        accounts = {held.account_index for held in self.channels.values()} - {None}
        is_new = channel.account_index is not None and channel.account_index not in accounts
        if is_new and len(accounts) >= self._settings.accounts_per_connection:
            return TOO_MANY_ACCOUNTS
        return None

    def is_idle(self, now_us: int) -> bool:
        return now_us >= self.heard_us + self._settings.idle_close_us

    def next_due_us(self) -> int:
        idle_us = self.heard_us + self._settings.idle_close_us
        every_us = self._settings.ping_every_us
        return idle_us if every_us is None else min(idle_us, self.pinged_us + every_us)

    def wants_ping(self, now_us: int) -> bool:
        every_us = self._settings.ping_every_us
        return every_us is not None and now_us >= self.pinged_us + every_us


def _command(kind: object, message: Mapping[str, object]) -> Command:
    if kind == "ping":
        return Ping()
    if kind == "pong":
        return Pong()
    if kind not in ("subscribe", "unsubscribe"):
        return Refused(refusal=INVALID_TYPE)
    name = message.get("channel")
    channel = parse_channel(name) if isinstance(name, str) else None
    if channel is None:
        return Refused(refusal=INVALID_CHANNEL)
    if kind == "unsubscribe":
        return Unsubscribe(channel=channel)
    token = message.get("auth")
    return Subscribe(channel=channel, token=token if isinstance(token, str) and token else None)


def _single(data: Mapping[str, Any]) -> Sending | Refusal:
    """`tx_info` is an object; its text is taken as well (protocol §6.7)."""
    tx_type, tx_info = data.get("tx_type"), data.get("tx_info")
    if type(tx_type) is not int or not isinstance(tx_info, dict | str):
        return INVALID_DATA
    return Sending(entries=(Entry(tx_type=tx_type, tx_info=tx_info),), is_batch=False)


def _batch(data: Mapping[str, Any]) -> Sending | Refusal:
    return read_batch(data.get("tx_types"), data.get("tx_infos"))


def unsubscribed(channel: Channel) -> bytes:
    return orjson.dumps({"type": "unsubscribed", "channel": channel.name})


def not_subscribed(channel: Channel) -> Refusal:
    return Refusal(code=30_002, message=f"Not Subscribed to : {channel.name}")


def error(refusal: Refusal, request_id: object = None) -> bytes:
    body: Json = {"code": refusal.code, "message": refusal.message}
    if request_id is not None:
        body["id"] = request_id
    return orjson.dumps({"error": body})


def accepted(
    command: Submit, verdict: Accepted | AcceptedBatch, *, complete: bool, shape: AnswerShape
) -> bytes:
    """Fields at the top level, with the client's `id`, unless switched (protocol §6.7, §12)."""
    fields = receipt(verdict, complete=complete)
    if command.request_id is not None and shape is not AnswerShape.BARE:
        fields["id"] = command.request_id
    if shape is AnswerShape.UNDER_DATA:
        return orjson.dumps({"type": command.kind, "data": fields})
    return orjson.dumps({"type": command.kind, **fields})


def tx_refused(command: Submit, refusal: Refusal, *, shape: AnswerShape) -> bytes:
    if shape is not AnswerShape.BARE:
        return error(refusal, command.request_id)
    body = {"type": command.kind, "code": refusal.code, "message": refusal.message}
    return orjson.dumps(body)


def receipt(verdict: Accepted | AcceptedBatch, *, complete: bool) -> Json:
    """The `RespSendTx` or `RespSendTxBatch` (protocol §3.8, §3.9).

    A tier without a quota shows none: a zero would say that it is used up.
    """
    hashes = verdict.tx_hash if isinstance(verdict, Accepted) else list(verdict.tx_hashes)
    body: Json = {
        "code": 200,
        "message": verdict.message,
        "tx_hash": hashes,
        "predicted_execution_time_ms": verdict.predicted_execution_ms,
    }
    quota = verdict.volume_quota_remaining
    if quota is not None or complete:
        body["volume_quota_remaining"] = quota or 0
    return body


def shutdown(close_in_ms: int) -> bytes:
    return orjson.dumps({"type": "shutdown", "close_in_ms": close_in_ms})
