"""Climbs the ladder while a gap is open: says whether a hedge may be sent, lends the right to the
maker, pages and halts (design §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hedgepair_runner.acting import Errand
from hedgepair_runner.contract.halts import HaltReason
from hedgepair_runner.desk import Desk, Streams
from hedgepair_runner.exposure import Exposure
from hedgepair_runner.laddering import Climb, LadderPolicy, LadderQuestion, Rung, decide_rung
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.pager import Pager, liquidated
from hedgepair_runner.right_keeper import RightKeeper

CLIMBING = Climb(rung=Rung.HEDGE)


class Halting(Protocol):
    """Raises a halt at once; the same one twice is one."""

    def __call__(
        self, reason: HaltReason, message: str, *, since_ms: int | None = None
    ) -> object: ...


class Climber:
    """Of one term. `policy` may be replaced at any time."""

    def __init__(
        self,
        desk: Desk,
        policy: LadderPolicy,
        *,
        exposure: Exposure,
        right: RightKeeper,
        streams: Streams,
        pager: Pager,
        halt: Halting,
        is_refused: Callable[[], bool],
    ) -> None:
        self.policy = policy
        self._desk = desk
        self._exposure = exposure
        self._right = right
        self._streams = streams
        self._pager = pager
        self._halt = halt
        self._is_refused = is_refused
        self._is_forced = False
        self.climb = CLIMBING

    @property
    def is_closing(self) -> bool:
        """What is open is to be closed rather than tried again."""
        return self.climb.rung in (Rung.CLOSE, Rung.LEND)

    @property
    def reason(self) -> str:
        """Why nothing is sent, in words; empty while hedges may be."""
        return self._right.why_not or (self.climb.says if self.climb.rung is not Rung.HEDGE else "")

    @property
    def code(self) -> str:
        """A word of the resource's conditions for what is wrong; empty while nothing is."""
        return self.climb.code or ("HedgeRejected" if self._is_refused() else "")

    def note_forced(self, trade: AccountTrade) -> None:
        """B was liquidated or deleveraged: it is not opened again while that is open (§4.1)."""
        self._is_forced = True
        sentence = liquidated(trade, self._desk.market)
        self._halt(HaltReason.LIQUIDATED, sentence, since_ms=trade.timestamp_ms)

    def may_hedge(self, *, open_since_s: float | None) -> bool:
        """Asked before every hedge; answers at once while the gap is young."""
        if not self._right.may_act():
            self._page_if_late(open_since_s)
            return False
        since_s = self._climbed_since(open_since_s)
        if since_s is None:
            if self.climb is not CLIMBING:
                self._calm_down()
            return True
        open_s = self._desk.clock.boot_s() - since_s
        if open_s < self.policy.max_unhedged_s and not self._is_forced:
            return True
        self.climb = decide_rung(self._question(open_s), self.policy)
        return self._carry_out(self.climb)

    def _page_if_late(self, open_since_s: float | None) -> None:
        """A gap that nobody may act on: until the maker answers, people are told (†)."""
        now_s = self._desk.clock.boot_s()
        if open_since_s is not None and now_s - open_since_s >= self.policy.max_unhedged_s:
            climb = Climb(rung=Rung.HOLD, code="UnhedgedTooLong", says=self._right.why_not)
            self._pager.page(climb.code, self._sentence(climb))

    def _climbed_since(self, open_since_s: float | None) -> float | None:
        """After a hand-back the ladder begins anew."""
        back_s = self._right.back_since_s
        if open_since_s is None or back_s is None:
            return open_since_s
        return max(open_since_s, back_s)

    def _calm_down(self) -> None:
        self.climb = CLIMBING
        self._is_forced = False
        self._pager.calm("UnhedgedTooLong", "HedgeRejected", "Unhedged")

    def _question(self, open_s: float) -> LadderQuestion:
        return LadderQuestion(
            errand=self._errand(),
            maker_lots=self._exposure.maker.position_lots,
            open_s=open_s,
            may_not_grow=self._is_forced,
            open_intents=len(self._exposure.slots),
            is_refused=self._is_refused(),
            unknown=self._unknown(),
            is_partner_there=self._right.is_partner_there,
        )

    def _errand(self) -> Errand | None:
        exposure = self._exposure
        gap, own_lots = exposure.gap(), exposure.own.position_lots
        if gap is None or own_lots is None or self._desk.hedger_account is None:
            return None
        return Errand(
            gap_lots=gap,
            hedger_account=self._desk.hedger_account,
            hedger_lots=own_lots,
            accepted_net_lots=exposure.accepted_net_lots,
        )

    def _unknown(self) -> tuple[str, ...]:
        """What is not known, and must be before anything is undone (law 3)."""
        venue, market = self._desk.venue, self._desk.market
        found = [f"the {name} stream is down" for name in self._streams.missing()]
        if venue.book(market.market_id) is None:
            found.append("the order book is unknown")
        if venue.mark_price_ticks(market.market_id) is None:
            found.append("the mark price is unknown")
        return tuple(found)

    def _carry_out(self, climb: Climb) -> bool:
        if climb.pages:
            self._pager.page(climb.code, self._sentence(climb))
        if climb.halts:
            refused = climb.code == HaltReason.HEDGE_REJECTED
            reason = HaltReason.HEDGE_REJECTED if refused else HaltReason.UNHEDGED
            self._halt(reason, self._sentence(climb))
        if climb.rung is Rung.LEND:
            errand = self._errand()
            if errand is not None:
                self._right.lend(errand)
        return climb.rung is Rung.HEDGE

    def _sentence(self, climb: Climb) -> str:
        market, gap = self._desk.market, self._exposure.gap()
        size = "an unknown amount" if gap is None else f"{market.base(gap)} {market.symbol}"
        why = "the venue refuses the hedges" if climb.code == "HedgeRejected" else "not hedged"
        return (
            f"{size} open for more than risk.maxUnhedgedSeconds "
            f"({self.policy.max_unhedged_s:g} s), {why}: {climb.says}. Look at both accounts"
        )
