"""The hedger's right to act, kept for one term: claimed, lent, taken back (design §6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hedgepair_runner.acting import Errand, HedgerRight, Owner, Stance, Token, position_of
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.identity import NONCE_BITS, Role
from hedgepair_runner.desk import Desk
from hedgepair_runner.ledger import Chain
from hedgepair_runner.token_watcher import TokenWatcher
from hedgepair_runner.venues.venue import VenueRefused, VenueUnavailable

PROVE_AFTER_S = 0.5
"""Trades of a hand-back come by their own channel; what is missing for longer is read anew."""
CHECK_EVERY_S = 0.1
ASK_AGAIN_S = 1.0
PARTNER_FRESH_S = 0.5
REASONS = {
    Stance.UNACKNOWLEDGED: "waits until the maker acknowledges this hedger: it may be undoing",
    Stance.LENDING: "hands the right to act to the maker",
    Stance.LENT: "the maker has the right to act: it undoes on A what could not be hedged",
    Stance.RETURNED: "waits until its ledger holds what the maker did",
}


class RightKeeper:
    """`prove` reads A's position anew, twice; True once the ledger stands on that."""

    def __init__(
        self,
        desk: Desk,
        *,
        epoch: int,
        has_partner: bool,
        maker: Chain,
        prove: Callable[[], Awaitable[bool]],
        on_news: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._maker = maker
        self._prove = prove
        self._right = HedgerRight(epoch=epoch, has_partner=has_partner)
        self._returned_s: float | None = None
        self._asked_for: Token | None = None
        self._wants_partner = False
        self._is_partner_up = False
        self._partner_seen_s = float("-inf")
        self.back_since_s: float | None = None
        """When the maker last handed back: the ladder begins anew."""
        self._watcher = TokenWatcher(
            desk.tokens,
            desk.leaser,
            hear=self._right.hear,
            is_hasty=lambda: self._right.stance is not Stance.ACTING,
            on_news=on_news,
        )

    def may_act(self) -> bool:
        """Asked before each hedge; costs nothing while the right is held."""
        return self._right.may_act(self._maker)

    @property
    def is_partner_there(self) -> bool | None:
        """Whether the maker that would be lent the right is alive, as of just now; None: it is
        being looked at. Of a dead one nothing would come back before its successor is there."""
        self._wants_partner = True
        if not self._right.may_lend:
            return False
        is_fresh = self._desk.clock.boot_s() - self._partner_seen_s <= PARTNER_FRESH_S
        return self._is_partner_up if is_fresh else None

    @property
    def owner(self) -> str:
        """Who may act now, for the report; empty while nobody is known to."""
        if self._right.stance in (Stance.UNACKNOWLEDGED, Stance.LENDING):
            return ""
        owner = Owner.MAKER if self._right.stance is Stance.LENT else Owner.HEDGER
        return str(owner.value)

    @property
    def why_not(self) -> str:
        """Why nothing is sent, in words; empty while it may be."""
        return REASONS.get(self._right.stance, "")

    def lend(self, errand: Errand) -> None:
        """The intents are closed, and none is opened before `may_act` says so again."""
        position = position_of(self._maker)
        if position is None:
            raise AssertionError("what is not known is not handed over")
        self._right.lend(position, errand)
        self._watcher.look_now()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watcher.run(), name="watch-token")
            tasks.create_task(self._prove_what_was_done(), name="prove-hand-back")
            tasks.create_task(self._look_around(), name="look-around")

    async def _look_around(self) -> None:
        """What is worth knowing of the maker, while it is."""
        while True:
            if self._right.wants_makers_epoch and self._right.claim != self._asked_for:
                await self._ask_makers_epoch()
            if self._wants_partner:
                self._wants_partner = False
                self._is_partner_up = await self._sees_partner()
                self._partner_seen_s = self._desk.clock.boot_s()
            await asyncio.sleep(CHECK_EVERY_S)

    async def _ask_makers_epoch(self) -> None:
        """Once for each claim: what the venue says of makers before it does not change."""
        claim = self._right.claim
        try:
            nonce = await self._desk.venue.read_next_nonce_of(
                self._desk.maker_account, self._desk.maker_key
            )
        except (VenueUnavailable, VenueRefused):
            await asyncio.sleep(ASK_AGAIN_S)
            return
        self._asked_for = claim
        if self._right.claim == claim:
            self._right.is_told_makers_epoch(nonce >> NONCE_BITS)
            self._watcher.look_now()

    async def _sees_partner(self) -> bool:
        """A fresh report of the very maker that would be lent the right."""
        try:
            report = await self._desk.bus.read_report(Role.MAKER)
        except BusUnavailable:
            return False
        known = self._right.known
        return report is not None and known is not None and report.epoch == known.maker_epoch

    async def _prove_what_was_done(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            now_s = self._desk.clock.boot_s()
            if self._right.stance in (Stance.LENDING, Stance.LENT):
                self.back_since_s = now_s
            if self._right.stance is not Stance.RETURNED or self.may_act():
                self._returned_s = None
                continue
            if self._returned_s is None:
                self._returned_s = now_s
            if now_s - self._returned_s >= PROVE_AFTER_S and await self._prove():
                self._right.is_proved()
