"""The hedger's rules together, against a venue that does its worst: design §14, formulas 1 to 4.

The model holds what the hedger's shell holds, the chains and the line of nonces, and asks the same
rules in the same order. The venue is `toy_venue`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hedgepair_runner.hedging import (
    Hedge,
    HedgeQuestion,
    NoHedge,
    decide_hedge,
    gap_lots,
    sendable_lots,
)
from hedgepair_runner.noncing import Alternative, Line, Phase, Slot
from hedgepair_runner.orders import AccountTrade, OwnOrder
from hedgepair_runner.settling import Step, fits, next_step
from tests.decide.facts import BAND, HEDGER_ACCOUNT, MARKET, alternative, anchored, trade
from tests.decide.toy_venue import Copy, Door, Fate, News, ToyVenue

MAX_OPEN_INTENTS = 2
MARK = 1_000

picks = st.integers(0, 30)


class HedgeProtocol(RuleBasedStateMachine):
    """Signed sizes throughout; `maker_lots` is what A holds in truth."""

    def __init__(self) -> None:
        super().__init__()
        self.venue = ToyVenue(expected=BAND.first + 1)
        self.line = Line(BAND)
        self.maker = anchored()
        self.own = anchored(account=HEDGER_ACCOUNT)
        self.maker_lots = 0
        self.fills: list[AccountTrade] = []
        self.heard: list[News] = []
        self.now_s = 0.0
        self.looked_s: dict[int, float] = {}
        self.signed: dict[int, list[Alternative]] = {}
        self.heads_lots: list[int] = []
        self.signed_at: dict[str, int] = {}

    # -- the hedger ----------------------------------------------------------------------------

    @property
    def slots(self) -> list[Slot]:
        return list(self.line.slots.values())

    def gap(self, *, without: Slot | None = None) -> int | None:
        """What may be hedged now, other than by this slot."""
        slots = [slot for slot in self.slots if slot is not without]
        gap = gap_lots(self.maker, self.own, accepted_net_lots=0, slots=slots)
        return None if gap is None else sendable_lots(gap, hedger=self.own, slots=slots)

    def decide(self, gap: int) -> Hedge | NoHedge:
        question = HedgeQuestion(
            gap=gap,
            attempt=0,
            max_slippage_bps=50,
            ioc_has_minimum=False,
            mark_ticks=MARK,
            own_quote_ticks=None,
        )
        return decide_hedge(question, maker=self.maker, market=MARKET)

    @rule(finds=st.booleans())
    def step(self, finds: bool) -> None:
        self.close_slots()
        lowest = self.line.lowest_unsettled
        if lowest is not None:
            self.settle(lowest, finds=finds)
            lowest = self.line.lowest_unsettled
        may_open = lowest is None or lowest.phase in (Phase.SENDING, Phase.ACCEPTED)
        gap = self.gap()
        if gap is None or not may_open or len(self.slots) >= MAX_OPEN_INTENTS:
            return
        decision = self.decide(gap)
        if isinstance(decision, Hedge):
            self.sign(decision.signed_lots, nonce=self.line.open())

    def close_slots(self) -> None:
        for slot in self.slots:
            traded = self.own.traded_lots(slot.client_order_index)
            if slot.is_closed(traded):
                self.check_closed(slot, traded)
                self.line.forget(slot)

    def settle(self, slot: Slot, *, finds: bool) -> None:
        step = next_step(slot, now_s=self.now_s, wall_ms=0, looked_s=self.looked_s.get(slot.nonce))
        gap = self.gap(without=slot)
        is_right = slot.largest_lots == 0 or (gap is not None and fits(slot, -gap))
        if step is Step.LOOK:
            self.look(slot, finds=finds)
        elif step is Step.RESEND and is_right:
            self.send(slot)
        elif step in (Step.RESEND, Step.OTHER):
            decision = None if gap is None else self.decide(gap)
            if isinstance(decision, Hedge) and fits(slot, decision.signed_lots):
                self.sign(decision.signed_lots, nonce=slot.nonce)
            else:
                self.sign(0, nonce=slot.nonce)

    def look(self, slot: Slot, *, finds: bool) -> None:
        """By hash; a replica that lags finds nothing."""
        for each in slot.alternatives:
            told = self.venue.verdicts.get(each.signed.tx_hash)
            if told is not None and finds:
                self.line.judged(told)
        self.looked_s[slot.nonce] = self.now_s

    def sign(self, lots: int, *, nonce: int) -> None:
        assert lots == 0 or (self.maker.is_sound and self.own.is_sound), "formula 3"
        alternatives = self.signed.setdefault(nonce, [])
        each = alternative(nonce, lots, name=str(len(alternatives)))
        alternatives.append(each)
        self.signed_at[each.signed.tx_hash] = len(self.heads_lots)
        self.heads_lots.append(self.maker.head_lots)
        self.send(self.line.put(each))
        if lots:
            self.check_cover(lots)

    def send(self, slot: Slot) -> None:
        self.line.sending(slot, now_s=self.now_s)
        self.looked_s.pop(slot.nonce, None)
        self.venue.wire.append(Copy(slot=slot, alternative=slot.newest))

    # -- the world -----------------------------------------------------------------------------

    @rule(lots=st.integers(-9, 9).filter(bool))
    def maker_is_filled(self, lots: int) -> None:
        fill = trade(self.venue.next_id(), lots, self.maker_lots, price=MARK)
        self.maker_lots += lots
        self.fills.append(fill)

    @precondition(lambda self: self.fills)
    @rule(pick=st.sampled_from([0, 0, 0, 1, 2]), is_last=st.booleans())
    def fill_is_heard(self, pick: int, is_last: bool) -> None:
        """Mostly in order; now and then one overtakes, or comes twice."""
        fill = self.fills[pick % len(self.fills)]
        self.maker.add(fill)
        if is_last:
            self.fills.remove(fill)

    @precondition(lambda self: self.venue.wire)
    @rule(pick=picks, door=st.sampled_from(Door))
    def copy_arrives(self, pick: int, door: Door) -> None:
        self.venue.arrives(self.venue.wire[pick % len(self.venue.wire)], door)

    @precondition(lambda self: self.venue.answers)
    @rule(pick=picks)
    def answer_comes(self, pick: int) -> None:
        slot, result = self.venue.answers.pop(pick % len(self.venue.answers))
        if slot.in_hand:
            self.line.answered(slot, result)

    @precondition(lambda self: self.venue.queue)
    @rule(
        fate=st.sampled_from([*[Fate.EXECUTES] * 4, Fate.FAILS, Fate.LACKS_MARGIN]),
        share=st.sampled_from([0, 1, 2, 3, 3]),
        parts=st.integers(1, 2),
    )
    def engine_runs(self, fate: Fate, share: int, parts: int) -> None:
        wanted = self.venue.queue[0].lots
        lots = (abs(wanted) * share // 3) * (1 if wanted > 0 else -1)
        before = self.venue.position_lots
        executed = self.venue.execute(fate, lots=lots, parts=parts)
        if executed is not None and executed.lots:
            self.check_no_overshoot(executed, before)

    @precondition(lambda self: self.venue.news)
    @rule(pick=picks, is_last=st.booleans())
    def news_comes(self, pick: int, is_last: bool) -> None:
        told = self.venue.news[pick % len(self.venue.news)]
        self.hear(told)
        if is_last:
            self.venue.news.remove(told)

    def hear(self, told: News) -> None:
        if isinstance(told, AccountTrade):
            self.own.add(told)
        elif isinstance(told, OwnOrder):
            self.line.order_seen(told)
        else:
            self.line.judged(told)

    @rule(passes_s=st.sampled_from([0.1, 0.5, 1.0, 3.0, 9.0]))
    def time_passes(self, passes_s: float) -> None:
        self.now_s += passes_s

    @precondition(lambda self: not self.slots and not (self.maker.is_sound and self.own.is_sound))
    @rule()
    def chains_are_proved(self) -> None:
        """Two agreeing reads, with nothing in flight."""
        self.maker.anchor(self.venue.last_id, self.maker_lots)
        self.own.anchor(self.venue.last_id, self.venue.position_lots)

    # -- the laws ------------------------------------------------------------------------------

    def check_cover(self, lots: int) -> None:
        """Formula 1: all that may yet execute on this side stays within the net."""
        side = 1 if lots > 0 else -1
        live = sum(
            max(0, *(each.lots * side for each in alternatives))
            for nonce, alternatives in self.signed.items()
            if nonce >= self.venue.expected
        )
        net = self.maker.head_lots + self.venue.position_lots
        assert live <= max(0, -net * side), "formula 1"

    def check_no_overshoot(self, executed: Alternative, before_lots: int) -> None:
        """Formula 2, exempting what A filled since the hedge was signed: lower nonces may have
        been signed anew for that."""
        signed_at = self.signed_at[executed.signed.tx_hash]
        after_lots = self.venue.position_lots
        assert any(
            abs(maker + after_lots) <= abs(maker + before_lots)
            and (maker + before_lots) * (maker + after_lots) >= 0
            for maker in (*self.heads_lots[signed_at:], self.maker.head_lots)
        ), "formula 2"

    def check_closed(self, slot: Slot, traded: int) -> None:
        """Formula 4: an intent closes on what the venue did execute, to the lot."""
        assert slot.nonce in self.venue.consumed, "closed, but still alive at the venue"
        tx_hash, lots = self.venue.consumed[slot.nonce]
        assert traded == lots
        assert slot.executed_hash in ("", tx_hash)

    @invariant()
    def ledger_never_undercounts(self) -> None:
        """Formula 3: nothing that executed is missing from chain and in-flight together."""
        if not self.own.is_sound:
            return
        for side in (1, -1):
            unheard = sum(
                max(0, lots * side) - max(0, self._traded(nonce) * side)
                for nonce, (_, lots) in self.venue.consumed.items()
                if nonce in self.line.slots
            )
            open_lots = sum(
                max(0, slot.in_flight_lots(self._traded(slot.nonce)) * side) for slot in self.slots
            )
            assert open_lots >= unheard, "formula 3"

    def _traded(self, nonce: int) -> int:
        return self.own.traded_lots(alternative(nonce, 1).client_order_index)

    def teardown(self) -> None:
        """Formula 9 in small: once the venue behaves, everything is hedged and closed."""
        for _ in range(60):
            self.calm_down()
            if not self.slots and self.maker_lots + self.venue.position_lots == 0:
                break
        assert self.maker_lots + self.venue.position_lots == 0
        assert not self.slots

    def calm_down(self) -> None:
        self.now_s += 3.0
        for fill in sorted(self.fills, key=lambda fill: fill.trade_id):
            self.maker.add(fill)
        self.fills.clear()
        for copy in sorted(self.venue.wire, key=lambda copy: copy.alternative.signed.nonce):
            self.venue.arrives(copy, Door.LETS_IN)
        while self.venue.answers:
            self.answer_comes(0)
        while self.venue.queue:
            self.engine_runs(Fate.EXECUTES, 3, 1)
        for told in self.venue.news:
            self.hear(told)
        self.venue.news.clear()
        self.close_slots()
        if not self.slots and not (self.maker.is_sound and self.own.is_sound):
            self.chains_are_proved()
        self.step(True)


HedgeProtocol.TestCase.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestHedgeProtocol = HedgeProtocol.TestCase


@given(seed=st.integers(0, 2**32), trouble=st.sampled_from([0.05, 0.3, 0.6]))
@settings(max_examples=100, deadline=None)
def test_the_laws_hold_on_long_walks(seed: int, trouble: float) -> None:
    """Deeper than rules picked one by one come: mostly the world goes on, at times it does not."""
    model, chance = HedgeProtocol(), random.Random(seed)
    for _ in range(120):
        _go_on(model, chance, trouble)
        model.ledger_never_undercounts()
    model.teardown()


def _go_on(model: HedgeProtocol, chance: random.Random, trouble: float) -> None:
    venue, is_bad = model.venue, chance.random() < trouble
    moves: list[Callable[[], object]] = [
        lambda: model.step(not is_bad),
        lambda: model.time_passes(chance.choice([0.5, 3.0, 9.0]) if is_bad else 0.1),
    ]
    if chance.random() < 0.3:
        moves.append(lambda: model.maker_is_filled(chance.choice([-5, -2, -1, 1, 2, 5])))
    if model.fills:
        moves.append(lambda: model.fill_is_heard(chance.randrange(2) if is_bad else 0, not is_bad))
    if venue.wire:
        door = chance.choice(list(Door)) if is_bad else Door.LETS_IN
        moves.append(lambda: model.copy_arrives(chance.randrange(3) if is_bad else 0, door))
    if venue.answers:
        moves.append(lambda: model.answer_comes(0))
    if venue.queue:
        fate = chance.choice(list(Fate)) if is_bad else Fate.EXECUTES
        moves.append(lambda: model.engine_runs(fate, chance.randrange(4), chance.choice([1, 2])))
    if venue.news:
        moves.append(lambda: model.news_comes(chance.randrange(4) if is_bad else 0, not is_bad))
    if not model.slots and not (model.maker.is_sound and model.own.is_sound):
        moves.append(model.chains_are_proved)
    chance.choice(moves)()
