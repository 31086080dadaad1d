"""Frames on their way to the listeners of a channel, where faults lose, double and delay them.

Frames of one channel never overtake each other; those of different channels may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hedgepair_runner.venues.paper.channels import Channel
from hedgepair_runner.venues.paper.fates import FrameFate, fate_of_frame
from hedgepair_runner.venues.paper.fault_rules import FaultKind, Group, Occasion
from hedgepair_runner.venues.paper.faulting import FaultBook

_JUMP = frozenset({FaultKind.OFFSET_JUMP})
_OTHERS = frozenset(FaultKind) - _JUMP


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    channel: Channel
    frame: bytes
    fate: FrameFate
    due_us: int


class Tampering:
    """`send` hands a frame to all listeners of a channel; `replay` sends them its snapshot."""

    def __init__(
        self,
        book: FaultBook,
        *,
        now_us: Callable[[], int],
        send: Callable[[Channel, bytes], None],
        replay: Callable[[Channel], None],
    ) -> None:
        self._book = book
        self._now_us = now_us
        self._send = send
        self._replay = replay
        self._held: dict[str, deque[_Held]] = {}

    @property
    def is_idle(self) -> bool:
        """Nothing is armed against frames and none is held: they may pass by this object."""
        return not self._held and not self._book.has(Group.FRAME)

    def pass_on(self, channel: Channel, frame: bytes) -> None:
        now_us = self._now_us()
        occasion = _occasion(channel)
        rules = self._book.draw(Group.FRAME, occasion, now_us=now_us, kinds=_OTHERS)
        fate = fate_of_frame(rules)
        waiting = self._held.get(channel.name)
        if fate.delay_us or waiting:
            due_us = now_us + fate.delay_us
            if waiting:
                due_us = max(due_us, waiting[-1].due_us)
            held = _Held(channel=channel, frame=frame, fate=fate, due_us=due_us)
            self._held.setdefault(channel.name, deque()).append(held)
            return
        self._deliver(channel, frame, fate)
        if fate.copies:
            self._let_go(channel)

    def offset_jump(self, channel: Channel) -> int:
        """By how much the book's offset jumps with its next update."""
        if not self._book.has(Group.FRAME):
            return 0
        occasion = _occasion(channel)
        rules = self._book.draw(Group.FRAME, occasion, now_us=self._now_us(), kinds=_JUMP)
        return sum(rule.details.jump for rule in rules)

    def next_due_us(self) -> int | None:
        return min((held[0].due_us for held in self._held.values()), default=None)

    def advance(self, now_us: int) -> None:
        while True:
            due = [held[0] for held in self._held.values() if held[0].due_us <= now_us]
            if not due:
                return
            self._release(min(due, key=lambda held: held.due_us).channel.name)

    def _let_go(self, passed: Channel) -> None:
        """What waited for a frame of another channel may follow it."""
        for name, held in tuple(self._held.items()):
            if name == passed.name or not held[0].fate.waits_for_other:
                continue
            self._release(name)
            # Those behind it were not late by themselves.
            while held and not held[0].fate.delay_us:
                self._release(name)

    def _release(self, name: str) -> None:
        waiting = self._held[name]
        held = waiting.popleft()
        if not waiting:
            del self._held[name]
        self._deliver(held.channel, held.frame, held.fate)

    def _deliver(self, channel: Channel, frame: bytes, fate: FrameFate) -> None:
        for _ in range(fate.copies):
            self._send(channel, frame)
        if fate.replays_snapshot:
            self._replay(channel)


def _occasion(channel: Channel) -> Occasion:
    accounts = frozenset() if channel.account_index is None else frozenset({channel.account_index})
    markets = frozenset() if channel.market_id is None else frozenset({channel.market_id})
    return Occasion(
        transport="socket",
        accounts=accounts,
        markets=markets,
        channel=channel.name,
        channel_kind=channel.kind,
    )
