"""One WebSocket session without the socket: what to send, when to give up (protocol §6.1–6.3).

Frames go in with the time, frames to send come out. SessionBroken says that this connection is no
use any more; the next one may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hedgepair_runner.venues.lighter.answer_parsing import NO_RETRY_MENDS, VenueError
from hedgepair_runner.venues.lighter.streams import Subscription

PING = '{"type":"ping"}'
PONG = '{"type":"pong"}'
_ALREADY_SUBSCRIBED, _NOT_SUBSCRIBED = 30003, 30002


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """`ping_s`: the venue closes after two minutes without a frame of ours. `quiet_s`: after so
    long a silence we ask whether anybody is there; at `silence_s` nobody is. `snapshot_s`: a
    subscription that gave no snapshot until then never will.
    """

    ping_s: float = 30.0
    quiet_s: float = 10.0
    silence_s: float = 20.0
    snapshot_s: float = 10.0


class SessionBroken(Exception):
    """The connection must be replaced. The message is the reason."""


class SubscriptionRefused(Exception):
    """A channel was refused for a reason that no retry mends; `code` is the venue's."""

    def __init__(self, sentence: str, *, code: int) -> None:
        super().__init__(sentence)
        self.code = code


class Session:
    """The life of one connection: connected → subscribed → every snapshot came → kept alive."""

    def __init__(
        self, subscriptions: Iterable[Subscription], *, settings: SessionSettings, now_s: float
    ) -> None:
        self._subscriptions = {each.inbound: each for each in subscriptions}
        self._settings = settings
        self._missing: dict[str, float] = {}
        """Inbound channel → when its snapshot is overdue."""
        self._began_s = now_s
        self._is_connected = False
        self._sent_s = now_s
        self._token: str | None = None
        self._probed = False
        self.last_frame_s = now_s
        self.is_up = False
        """Every channel gave its snapshot once."""

    def note_frame(self, now_s: float) -> None:
        """Any frame at all: somebody is there."""
        self.last_frame_s = now_s
        self._probed = False

    def handle(self, frame: Mapping[str, Any], *, token: str, now_s: float) -> list[str]:
        """Frames of the session itself; those of channels pass through. Returns what to send."""
        match frame.get("type"):
            case "connected" if not self._is_connected:
                self._is_connected = True
                self._token = token
                return self._subscribe(self._subscriptions, token=token, now_s=now_s)
            case "ping":
                return self._sending([PONG], now_s)
            case "shutdown":
                raise SessionBroken("the venue announced its shutdown")
            case str(kind) if kind.startswith("subscribed/"):
                self._missing.pop(str(frame.get("channel")), None)
            case _:
                pass
        return []

    def became_up(self) -> bool:
        """True once: when the last missing snapshot has been told to whoever listens."""
        if self.is_up or not self._is_connected or self._missing:
            return False
        self.is_up = True
        return True

    def handle_error(self, error: VenueError) -> None:
        """An error frame about the session or a channel."""
        if error.code in (_ALREADY_SUBSCRIBED, _NOT_SUBSCRIBED):
            return  # the snapshot's deadline tells whether it matters
        sentence = f"the venue answered {error.code}: {error.message}"
        if error.code in NO_RETRY_MENDS:
            raise SubscriptionRefused(sentence, code=error.code)
        raise SessionBroken(sentence)

    def resubscribe(self, inbound: str, *, token: str, now_s: float) -> list[str]:
        """Asks for a fresh snapshot; a second subscribe alone would give none (protocol §6.3)."""
        if inbound in self._missing:
            return []
        subscription = self._subscriptions[inbound]
        leave = f'{{"type":"unsubscribe","channel":"{subscription.channel}"}}'
        return [leave, *self._subscribe([inbound], token=token, now_s=now_s)]

    def tick(self, *, token: str, now_s: float) -> list[str]:
        """Called about once a second: keeps alive, renews tokens, notices the dead."""
        settings = self._settings
        silent_s = now_s - self.last_frame_s
        if silent_s >= settings.silence_s:
            raise SessionBroken(f"silent for {silent_s:.0f} s")
        if not self._is_connected and now_s - self._began_s >= settings.snapshot_s:
            raise SessionBroken("no greeting came")
        for channel, deadline_s in self._missing.items():
            if now_s >= deadline_s:
                raise SessionBroken(f"no snapshot of {channel} came")
        if self.is_up and token != self._token:
            return self._refresh(token=token, now_s=now_s)
        is_quiet = silent_s >= settings.quiet_s and not self._probed
        if is_quiet or now_s - self._sent_s >= settings.ping_s:
            self._probed = is_quiet or self._probed
            return self._sending([PING], now_s)
        return []

    def _refresh(self, *, token: str, now_s: float) -> list[str]:
        """The token was renewed: whether an old one ends its subscriptions is uncertain (§5.6)."""
        self._token = token
        frames: list[str] = []
        for inbound, subscription in self._subscriptions.items():
            if subscription.needs_token:
                frames += self.resubscribe(inbound, token=token, now_s=now_s)
        return frames

    def _subscribe(self, channels: Iterable[str], *, token: str, now_s: float) -> list[str]:
        frames = []
        for inbound in channels:
            self._missing[inbound] = now_s + self._settings.snapshot_s
            subscription = self._subscriptions[inbound]
            auth = f',"auth":"{token}"' if subscription.needs_token else ""
            frames.append(f'{{"type":"subscribe","channel":"{subscription.channel}"{auth}}}')
        return self._sending(frames, now_s)

    def _sending(self, frames: list[str], now_s: float) -> list[str]:
        if frames:
            self._sent_s = now_s
        return frames
