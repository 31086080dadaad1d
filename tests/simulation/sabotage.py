"""Rules turned off, one at a time: a simulation that cannot find a planted bug proves nothing.

All by composition: an officer whose part was exchanged, or a port that lies. Production code knows
nothing of this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from hedgepair_runner.bookkeeper import Bookkeeper
from hedgepair_runner.bus import LeaseGrant, Leases
from hedgepair_runner.desk import Desk
from hedgepair_runner.hedger import Hedger
from hedgepair_runner.leaser import RENEW_EVERY_S, LeaseLost, Leaser
from hedgepair_runner.ledger import Added, Chain
from hedgepair_runner.noncing import Alternative, Band, Line, Phase, Slot
from hedgepair_runner.orders import (
    AccountRead,
    AccountTrade,
    Ambiguous,
    Refused,
    SendResult,
    Side,
    Verdict,
    VerdictState,
)
from hedgepair_runner.quoter import Quoter
from hedgepair_runner.quotes import KnownQuotes
from hedgepair_runner.roles import CREW, Crew
from hedgepair_runner.venues.venue import Venue, VenueUnavailable


def _as_it_is(desk: Desk) -> Desk:
    return desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """`faults`: those that are played with it; none named: all. `within`: seeds that must do."""

    name: str
    rule: str
    crew: Crew = CREW
    fit: Callable[[Desk], Desk] = _as_it_is
    faults: tuple[str, ...] = ()
    within: int = 20


HONEST = Sabotage(name="honest", rule="every rule holds")
FRAMES = ("frames_go_wrong",)
UNHEARD = ("fills_unheard",)
GAPS = ("sockets_gap",)
SENDS = (
    "refused_with_a_late_copy",
    "refused",
    "bytes_twice",
    "answer_lost",
    "send_slow",
    "execution_slow",
    "engine_fails",
    "hedge_fills_short",
)


def become(part: object, kind: type) -> None:
    """The part behaves as another kind from now on, with what it holds."""
    part.__class__ = kind


# -- the chain (§4.1) -------------------------------------------------------------------------


class LooseChain(Chain):
    """Links whatever comes, in the order in which it comes."""

    @property
    def position_lots(self) -> int | None:
        return self.head_lots if self.is_anchored else None

    @property
    def is_sound(self) -> bool:
        return self.is_anchored

    def _link(self) -> None:
        for trade_id, trade in self._waiting if self.is_anchored else ():
            self.head_id, self.head_lots = trade_id, self.head_lots + trade.signed_lots
        if self.is_anchored:
            self._waiting.clear()


class DoublingChain(LooseChain):
    """Counts a trade as often as it is told of."""

    def add(self, trade: AccountTrade) -> Added:
        if trade.trade_id in self._known and self.is_anchored:
            self.head_lots += trade.signed_lots
            return Added.LINKED
        return super().add(trade)


class SnapshotChain(LooseChain):
    """Its position may be set to what a stream told."""


class SnapshotBooks(Bookkeeper):
    """Believes a stream's position, and adds the trades that are told after it."""

    def told(self, account_index: int, positions_lots: Mapping[int, int], *, whole: bool) -> None:
        super().told(account_index, positions_lots, whole=whole)
        chain = self._chains.get(account_index)
        if chain is not None and chain.is_anchored and whole:
            chain.head_lots = positions_lots.get(chain.market_id, 0)


class LooseHedger(Hedger):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        become(self.own, LooseChain)
        become(self.maker, LooseChain)


class DoublingHedger(Hedger):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        become(self.own, DoublingChain)
        become(self.maker, DoublingChain)


class SnapshotHedger(LooseHedger):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        become(self.books, SnapshotBooks)


class OneReadBooks(Bookkeeper):
    """Anchors by a single read."""

    async def _try_anchor(self, accounts: tuple[int, ...]) -> tuple[int, ...]:
        for account in accounts:
            chain = self._chains[account]
            tape_id = await self._venue.read_tape_id(chain.market_id)
            chain.anchor(tape_id, await self._read_lots(account, chain.market_id))
        return accounts


class OneReadHedger(Hedger):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        become(self.books, OneReadBooks)


# -- intents and nonces (§4.2, §4.3) ----------------------------------------------------------


class TamperedHedger(Hedger):
    """Whose line of nonces is of another kind."""

    line: type[Line] = Line

    def begin(self, band: Band) -> None:
        super().begin(band)
        if self._office is not None:
            become(self._office.line, self.line)


class ReleasingLine(Line):
    """A refusal ends an intent."""

    def answered(self, slot: Slot, result: SendResult) -> None:
        super().answered(slot, result)
        if isinstance(result, Refused) and not slot.is_settled:
            slot.phase = Phase.FAILED


class ForgettingLine(Line):
    """What got no answer is taken for not sent: the same goes out again under a new identity."""

    def answered(self, slot: Slot, result: SendResult) -> None:
        super().answered(slot, result)
        if isinstance(result, Ambiguous) and not slot.is_settled:
            slot.phase = Phase.FAILED


class TrustingLine(Line):
    """The venue's next nonce, or a bounce, is taken for the end of what was signed."""

    def consumed_after_all(self, slot: Slot) -> None:
        slot.phase = Phase.FAILED


class NewestSlot(Slot):
    """Counts its newest alternative only."""

    __slots__ = ()

    @property
    def largest_lots(self) -> int:
        return self.newest.lots


class HastySlot(Slot):
    """Is over when its order is, whatever of its trades is known."""

    __slots__ = ()

    def in_flight_lots(self, traded_lots: int) -> int:
        if self.order is not None and self.order.is_terminal:
            return 0
        return super().in_flight_lots(traded_lots)


class NewestLine(Line):
    def put(self, alternative: Alternative) -> Slot:
        slot = super().put(alternative)
        become(slot, NewestSlot)
        return slot


class HastyLine(Line):
    def put(self, alternative: Alternative) -> Slot:
        slot = super().put(alternative)
        become(slot, HastySlot)
        return slot


class ReleasingHedger(TamperedHedger):
    line = ReleasingLine


class ForgettingHedger(TamperedHedger):
    line = ForgettingLine


class TrustingHedger(TamperedHedger):
    line = TrustingLine


class NewestHedger(TamperedHedger):
    line = NewestLine


class HastyHedger(TamperedHedger):
    line = HastyLine


class LyingVenue:
    """A venue's port with one answer changed."""

    def __init__(self, inner: Venue) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class NotFoundIsFailed(LyingVenue):
    async def read_verdict(self, tx_hash: str) -> Verdict | None:
        verdict = await self._inner.read_verdict(tx_hash)
        if verdict is not None:
            return verdict
        return Verdict(tx_hash=tx_hash, nonce=0, state=VerdictState.FAILED, error="21500")


class FailedIsFlat(LyingVenue):
    """A position that could not be read is taken for none."""

    async def read_account(self, account_index: int) -> AccountRead:
        try:
            return await self._inner.read_account(account_index)
        except VenueUnavailable:
            return AccountRead(
                account_index=account_index,
                l1_address="",
                positions_lots={},
                entry_prices={},
                available_balance="0",
                collateral="0",
                total_asset_value="0",
                cancel_all_time_ms=0,
            )


def lying(kind: type[LyingVenue]) -> Callable[[Desk], Desk]:
    return lambda desk: replace(desk, venue=cast(Venue, kind(desk.venue)))


# -- lease, epoch, fence (§4.4) ---------------------------------------------------------------


class EternalLeaser(Leaser):
    """Never looks at its deadline."""

    def is_valid(self) -> bool:
        return True

    def renewed_age_s(self) -> float:
        return 0.0

    async def keep(self) -> None:
        while True:
            await self._renew_quietly()

    async def _renew_quietly(self) -> None:
        with suppress(LeaseLost):
            await self._renew()
        await asyncio.sleep(RENEW_EVERY_S)


class RedisEpochs:
    """An epoch of Redis alone: what the venue has seen is not asked."""

    def __init__(self, inner: Leases) -> None:
        self._inner = inner

    async def acquire(self, holder: str, *, ttl_ms: int) -> LeaseGrant:
        return await self._inner.acquire(holder, ttl_ms=ttl_ms)

    async def renew(self, holder: str, *, ttl_ms: int) -> bool:
        return await self._inner.renew(holder, ttl_ms=ttl_ms)

    async def release(self, holder: str) -> None:
        await self._inner.release(holder)

    async def raise_epoch(self, floor: int) -> int:
        return await self._inner.raise_epoch(0)


def _eternal(desk: Desk) -> Desk:
    become(desk.leaser, EternalLeaser)
    return desk


def _redis_epochs(desk: Desk) -> Desk:
    leaser = desk.leaser
    leaser._leases = RedisEpochs(leaser._leases)
    return desk


# -- the maker (§4.6, §5, law 4) --------------------------------------------------------------


class CarelessQuoter(Quoter):
    """Quotes whatever the hedger says."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "needs_cover": False})


class BlindQuotes(KnownQuotes):
    def nearest_ticks(self, resting: Side, chain: Chain) -> int | None:
        return None


class BlindHedger(Hedger):
    """Does not keep clear of its own maker's quote."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        become(self._quotes.known, BlindQuotes)


class LeavingQuoter(Quoter):
    """Leaves its quote behind."""

    async def wind_down(self) -> None:
        return


SABOTAGES = (
    Sabotage(
        name="a broken chain is not noticed",
        rule="§4.1 † the chain: a missing trade blocks",
        crew=Crew(hedger=LooseHedger),
        faults=UNHEARD,
        within=60,
    ),
    Sabotage(
        name="trades count as often as they are told",
        rule="§4.1, law 1: each trade once, by its id",
        crew=Crew(hedger=DoublingHedger),
    ),
    Sabotage(
        name="fills are added to a snapshot",
        rule="§4.1 † never an event on top of a snapshot",
        crew=Crew(hedger=SnapshotHedger),
        faults=GAPS,
        within=40,
    ),
    Sabotage(
        name="an order's end closes its intent",
        rule="§4.2 † in flight until the trades add up",
        crew=Crew(hedger=HastyHedger),
        faults=FRAMES,
    ),
    Sabotage(
        name="a refusal releases an intent",
        rule="§4.2 † a refusal settles nothing",
        crew=Crew(hedger=ReleasingHedger),
        faults=SENDS,
    ),
    Sabotage(
        name="'not found' releases an intent",
        rule="§4.2 † only a hash that executed settles",
        fit=lying(NotFoundIsFailed),
        faults=SENDS,
    ),
    Sabotage(
        name="the venue's next nonce settles",
        rule="§4.2 † nextNonce proves nothing",
        crew=Crew(hedger=TrustingHedger),
        faults=("engine_fails",),
        within=100,
    ),
    Sabotage(
        name="only the newest alternative counts",
        rule="§4.2 † alternatives count once, at the largest",
        crew=Crew(hedger=NewestHedger),
        faults=SENDS,
        within=40,
    ),
    Sabotage(
        name="no answer, so it is sent again under a new identity",
        rule="§4.3, law 1: ambiguous is not failed",
        crew=Crew(hedger=ForgettingHedger),
        faults=SENDS,
    ),
    Sabotage(
        name="a lease is never over",
        rule="§4.4, law 5: the deadline before every signature",
        fit=_eternal,
        faults=("redis_away", "pause", "redis_flushed", "pause_at_signature"),
    ),
    Sabotage(
        name="epochs come from Redis alone",
        rule="§4.4 †, law 8: max(Redis, venue) + 1",
        fit=_redis_epochs,
        faults=("redis_flushed", "crash", "redis_rolled_back"),
    ),
    Sabotage(
        name="one read is a proof",
        rule="§4.4 †: two agreeing reads, a second apart",
        crew=Crew(hedger=OneReadHedger),
        faults=("stopped_and_started", "replicas_lag"),
        within=60,
    ),
    Sabotage(
        name="a failed query is a flat position",
        rule="law 3: unknown is not flat",
        fit=lying(FailedIsFlat),
        faults=("recovers_without_reads",),
    ),
    Sabotage(
        name="the hedge does not keep clear of the own quote",
        rule="§4.6: no trade with oneself",
        crew=Crew(hedger=BlindHedger),
    ),
    Sabotage(
        name="the maker quotes without cover",
        rule="law 4, §5 †: no quote before the cover",
        crew=Crew(quoter=CarelessQuoter),
    ),
    Sabotage(
        name="a maker that stops leaves its quote",
        rule="law 6: nothing outlives its owner",
        crew=Crew(quoter=LeavingQuoter),
    ),
)
