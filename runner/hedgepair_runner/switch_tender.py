"""Keeps the venue's dead man's switch armed while the maker is well (design §7): the last resort
for a maker that vanishes for good. Pairs that share the account share the renewal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.desk import Desk
from hedgepair_runner.noncing import Phase, Slot
from hedgepair_runner.office import Office
from hedgepair_runner.switching import (
    QUEUED_ALREADY,
    RETRY_S,
    TEND_EVERY_S,
    Act,
    SwitchFacts,
    Tended,
    is_due,
    next_act,
    schedule_ms,
)

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
LEAVE_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnderWay:
    act: Act
    slot: Slot
    tx_hash: str
    until_ms: int


class SwitchTender:
    """Of one term. `may_send`: nothing else is between its decision and its bytes now."""

    def __init__(
        self,
        desk: Desk,
        office: Office,
        *,
        take_nonce: Callable[[], int],
        may_send: Callable[[], bool],
    ) -> None:
        self._desk = desk
        self._office = office
        self._take_nonce = take_nonce
        self._may_send = may_send
        self._account = desk.maker_account
        self._member = f"{desk.pair}:{desk.holder}"
        self._armed_until_ms = 0
        self._must_abort = False
        self._is_strict = False
        """The venue takes no schedule on top of another (21712)."""
        self._under_way: _UnderWay | None = None
        self._is_told = True
        self._is_leaving = False

    async def run(self) -> None:
        """Until cancelled. A Redis that is away stops the renewal: the maker has withdrawn."""
        while not self._is_leaving:
            pause_s = TEND_EVERY_S
            if self._desk.leaser.is_valid():
                try:
                    pause_s = await self._tend()
                except BusUnavailable:
                    pause_s = RETRY_S
            await asyncio.sleep(pause_s)

    async def leave(self) -> None:
        """A clean stop: nobody needs the switch any more, unless another pair rests orders here.

        A switch that cannot be taken away in time fires over an account that rests nothing.
        """
        self._is_leaving = True
        with suppress(TimeoutError, BusUnavailable):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                if not await self._has_others():
                    await self._abort()
                    await self._tell()

    async def _abort(self) -> None:
        while self._is_armed() or self._under_way is not None:
            if self._under_way is not None:
                self._settle(self._under_way)
            elif self._may_send():
                self._send(Act.ABORT)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _tend(self) -> float:
        """One look; seconds until the next."""
        if self._under_way is not None:
            self._settle(self._under_way)
            return LOOK_EVERY_S
        if not self._is_told:
            await self._tell()
        now_ms = self._desk.clock.wall_ms()
        tended = await self._ask(wants_turn=is_due(self._armed_until_ms, now_ms=now_ms))
        self._armed_until_ms = tended.armed_until_ms
        act = next_act(
            SwitchFacts(
                armed_until_ms=tended.armed_until_ms,
                is_my_turn=tended.is_my_turn,
                must_abort=self._must_abort or (self._is_strict and self._is_armed()),
                now_ms=now_ms,
            )
        )
        if act is Act.NOTHING:
            return LOOK_EVERY_S if is_due(self._armed_until_ms, now_ms=now_ms) else TEND_EVERY_S
        if self._may_send():
            self._send(act)
        return LOOK_EVERY_S

    def _send(self, act: Act) -> None:
        until_ms = schedule_ms(self._desk.clock.wall_ms()) if act is Act.SCHEDULE else 0
        nonce = self._take_nonce()
        if act is Act.SCHEDULE:
            slot = self._office.schedule_cancel_all(at_ms=until_ms, nonce=nonce)
        else:
            slot = self._office.abort_cancel_all(nonce=nonce)
        self._under_way = _UnderWay(
            act=act, slot=slot, tx_hash=slot.newest.signed.tx_hash, until_ms=until_ms
        )

    def _settle(self, sent: _UnderWay) -> None:
        """What became of it. Proved by its own hash, or tried again."""
        slot = sent.slot
        if slot.newest.signed.tx_hash == sent.tx_hash and not slot.is_settled:
            if not slot.wants_other:
                return
            if slot.refusal is not None and slot.refusal.code == QUEUED_ALREADY:
                self._must_abort = self._is_strict = True
            self._under_way = None
            return
        self._under_way = None
        if slot.phase is not Phase.SETTLED or slot.executed_hash != sent.tx_hash:
            return
        self._armed_until_ms, self._is_told = sent.until_ms, False
        if sent.act is Act.ABORT:
            self._must_abort = False
        logger.info("dead man's switch", extra={"act": sent.act.value, "until": sent.until_ms})

    def _is_armed(self) -> bool:
        return self._armed_until_ms > self._desk.clock.wall_ms()

    # -- with others -------------------------------------------------------------------------

    async def _ask(self, *, wants_turn: bool) -> Tended:
        if self._desk.sharing is None:
            return Tended(
                armed_until_ms=self._armed_until_ms, is_my_turn=wants_turn, has_others=False
            )
        return await self._desk.sharing.tend_switch(
            self._account, member=self._member, wants_turn=wants_turn
        )

    async def _tell(self) -> None:
        if self._desk.sharing is not None:
            await self._desk.sharing.switch_armed(self._account, until_ms=self._armed_until_ms)
        self._is_told = True

    async def _has_others(self) -> bool:
        if self._desk.sharing is None:
            return False
        return await self._desk.sharing.leave_switch(self._account, member=self._member)
