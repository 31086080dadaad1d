"""Who listens to what. A frame is encoded once and handed to everybody on its channel."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

import orjson

from hedgepair_runner.venues.paper.channels import Channel

Json = dict[str, Any]


class Listener(Protocol):
    """Takes encoded frames; hashable by identity."""

    def send(self, frame: bytes) -> None: ...


class Subscriptions:
    def __init__(self) -> None:
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._channels: dict[str, Channel] = {}
        self._accounts: Counter[int] = Counter()

    def add(self, channel: Channel, listener: Listener) -> None:
        self._listeners.setdefault(channel.name, {})[listener] = None
        self._channels[channel.name] = channel
        if channel.account_index is not None:
            self._accounts[channel.account_index] += 1

    def remove(self, channel: Channel, listener: Listener) -> None:
        listeners = self._listeners[channel.name]
        del listeners[listener]
        if not listeners:
            del self._listeners[channel.name], self._channels[channel.name]
        if channel.account_index is not None:
            self._accounts[channel.account_index] -= 1

    def has(self, name: str) -> bool:
        return name in self._listeners

    def watches_account(self, account_index: int) -> bool:
        return self._accounts[account_index] > 0

    def channels(self) -> tuple[Channel, ...]:
        return tuple(self._channels.values())

    def channel(self, name: str) -> Channel | None:
        """The channel, if anybody listens."""
        return self._channels.get(name)

    def pass_on(self, name: str, encoded: bytes) -> None:
        for listener in tuple(self._listeners.get(name, ())):
            listener.send(encoded)

    def send(self, name: str, frame: Json) -> None:
        """Encodes only if somebody listens."""
        if name in self._listeners:
            self.pass_on(name, orjson.dumps(frame))
