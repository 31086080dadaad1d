"""What runners share beyond their pair, in this process: for virtual time only.

Times follow the event loop's clock. What it promises is what `test_sharing_conformance` asks of
Redis, too.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from hedgepair_runner.budgeting import (
    HOLD_S,
    Claim,
    Grant,
    QuotaWord,
    Resource,
    Standing,
    grant,
    newer_word,
)
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.starting import WINDOW_S
from hedgepair_runner.switching import LIVES_S, TURN_S, Tended

Answer = TypeVar("Answer")


class Server(Protocol):
    """Whatever carries a command and its answer: the MemoryStore, with its cuts and delays."""

    async def asked(self, command: Callable[[], Answer]) -> Answer: ...


@dataclass
class SwitchRecord:
    armed_until_ms: int = 0
    turn: tuple[str, int] | None = None
    members: dict[str, int] = field(default_factory=dict)


@dataclass
class SharedRecords:
    """Of one venue."""

    budgets: defaultdict[tuple[str, Resource], dict[str, Standing]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    quotas: dict[str, tuple[int | None, int, int | None]] = field(default_factory=dict)
    """(remaining, told at, free transaction used at), in ms."""
    switches: defaultdict[int, SwitchRecord] = field(
        default_factory=lambda: defaultdict(SwitchRecord)
    )
    starts: defaultdict[tuple[PairId, Role], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def clear(self) -> None:
        self.budgets.clear()
        self.quotas.clear()
        self.switches.clear()
        self.starts.clear()


class MemorySharing:
    def __init__(self, server: Server, records: SharedRecords) -> None:
        self._server = server
        self._records = records

    async def claim_budget(
        self, l1_address: str, resource: Resource, *, member: str, claim: Claim
    ) -> Grant:
        return await self._server.asked(lambda: self._claim(l1_address, resource, member, claim))

    async def share_quota(self, l1_address: str, word: QuotaWord) -> QuotaWord:
        return await self._server.asked(lambda: self._share_quota(l1_address, word))

    async def tend_switch(self, account_index: int, *, member: str, wants_turn: bool) -> Tended:
        return await self._server.asked(lambda: self._tend(account_index, member, wants_turn))

    async def switch_armed(self, account_index: int, *, until_ms: int) -> None:
        await self._server.asked(lambda: self._armed(account_index, until_ms))

    async def leave_switch(self, account_index: int, *, member: str) -> bool:
        return await self._server.asked(lambda: self._leave(account_index, member))

    async def note_start(self, pair: PairId, role: Role) -> int:
        return await self._server.asked(lambda: self._start(pair, role))

    # -- the server's part --

    def _claim(self, l1_address: str, resource: Resource, member: str, claim: Claim) -> Grant:
        now_ms = _now_ms()
        known = self._records.budgets[l1_address.lower(), resource]
        others = [standing for name, standing in known.items() if name != member]
        answer = grant(claim, others, now_ms=now_ms)
        known[member] = Standing(
            spent=tuple((now_ms - age_ms, units) for age_ms, units in claim.spent),
            held=answer.held,
            held_until_ms=now_ms + int(HOLD_S * 1_000),
            reserve=claim.reserve,
        )
        return answer

    def _share_quota(self, l1_address: str, word: QuotaWord) -> QuotaWord:
        now_ms, name = _now_ms(), l1_address.lower()
        remaining, told_ms, freed_ms = self._records.quotas.get(name, (None, 0, None))
        kept = QuotaWord(
            remaining=remaining,
            age_ms=now_ms - told_ms,
            freed_age_ms=None if freed_ms is None else now_ms - freed_ms,
        )
        newer = newer_word(word, kept)
        self._records.quotas[name] = (
            newer.remaining,
            now_ms - newer.age_ms,
            None if newer.freed_age_ms is None else now_ms - newer.freed_age_ms,
        )
        return newer

    def _tend(self, account_index: int, member: str, wants_turn: bool) -> Tended:
        now_ms, record = _now_ms(), self._records.switches[account_index]
        record.members[member] = now_ms + int(LIVES_S * 1_000)
        turn = record.turn
        is_free = turn is None or turn[1] <= now_ms or turn[0] == member
        if wants_turn and is_free:
            record.turn = (member, now_ms + int(TURN_S * 1_000))
        return Tended(
            armed_until_ms=record.armed_until_ms,
            is_my_turn=wants_turn and is_free,
            has_others=self._has_others(record, member),
        )

    def _armed(self, account_index: int, until_ms: int) -> None:
        record = self._records.switches[account_index]
        record.armed_until_ms, record.turn = until_ms, None

    def _leave(self, account_index: int, member: str) -> bool:
        record = self._records.switches[account_index]
        record.members.pop(member, None)
        if record.turn is not None and record.turn[0] == member:
            record.turn = None
        return self._has_others(record, member)

    def _has_others(self, record: SwitchRecord, member: str) -> bool:
        now_ms = _now_ms()
        return any(until > now_ms for name, until in record.members.items() if name != member)

    def _start(self, pair: PairId, role: Role) -> int:
        now_ms = _now_ms()
        starts = self._records.starts[pair, role]
        starts[:] = [at_ms for at_ms in starts if at_ms > now_ms - WINDOW_S * 1_000]
        starts.append(now_ms)
        return len(starts)


def _now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1_000)
