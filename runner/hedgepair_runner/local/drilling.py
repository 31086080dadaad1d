"""Judges a drill from the exchange's own records: what was filled, hedged, and for how long not.

Nothing that a runner says of itself counts here (design §14).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hedgepair_runner.local.drills import Drill, Harm
from hedgepair_runner.local.observations import LegRecords, LegTrade, PairRecords
from hedgepair_runner.local.summarising import cover_fills

FLAT_WITHIN_US: Final = 8_000_000
"""Back to zero after any single fault, from when the process runs and the venue answers (§13)."""
LEASE_TIMES_US: Final = 6_500_000
"""The rest of a lease that its holder lost, and the one that the newcomer waits out (§4.4)."""

_COSTS_A_LEASE: Final = frozenset(Harm) - {Harm.NONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the drill itself knows. Times are the exchange's, Unix µs."""

    began_us: int
    ended_us: int
    """When the fault was over and every process ran again."""
    fired: int | None
    """How often the faults happened; None: it was done to a process, so it did."""
    wrong: tuple[str, ...] = ()
    """What did not go in order, as sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`problems` are sentences; without any the drill is clean."""

    fills: int
    hedged_fills: int
    hedges: int
    longest_unhedged_us: int
    back_to_flat_us: int | None
    """After the fault's end; 0: no fill was open then; None: it never came back."""
    problems: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        back_us = self.back_to_flat_us
        return {
            "fills": self.fills,
            "hedged_fills": self.hedged_fills,
            "hedges": self.hedges,
            "longest_unhedged_ms": self.longest_unhedged_us / 1000,
            "back_to_flat_ms": None if back_us is None else back_us / 1000,
            "clean": self.is_clean,
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A time during which the trades of both legs did not add up to zero."""

    since_us: int
    until_us: int | None
    """None: it is still open."""


def judge(drill: Drill, course: Course, records: PairRecords) -> Verdict:
    """`records` are those of a pair with two legs that has stopped."""
    maker, hedger = _legs(records)
    spans = open_spans(maker.trades, hedger.trades)
    now_us = records.at_ms * 1000
    back_us = _back_to_flat_us(spans, course.ended_us)
    cover = cover_fills(maker.trades, hedger.trades)
    return Verdict(
        fills=len(maker.trades),
        hedged_fills=cover.hedged_fills,
        hedges=len(hedger.trades),
        longest_unhedged_us=max(
            (
                (now_us if span.until_us is None else span.until_us) - span.since_us
                for span in spans
            ),
            default=0,
        ),
        back_to_flat_us=back_us,
        problems=(
            *course.wrong,
            *_idle_problems(course, maker.trades),
            *_cover_problems(records),
            *_end_problems(records),
            *_late_problems(back_us, drill),
        ),
    )


def open_spans(fills: Sequence[LegTrade], hedges: Sequence[LegTrade]) -> tuple[Open, ...]:
    """Oldest first; only the last one can be open still."""
    spans: list[Open] = []
    net = 0
    since_us = 0
    for _, at_us, lots in _tape(fills, hedges):
        before, net = net, net + lots
        if before == 0 and net != 0:
            since_us = at_us
        elif before != 0 and net == 0:
            spans.append(Open(since_us=since_us, until_us=at_us))
    if net:
        spans.append(Open(since_us=since_us, until_us=None))
    return tuple(spans)


def _tape(fills: Sequence[LegTrade], hedges: Sequence[LegTrade]) -> Iterator[tuple[int, int, int]]:
    """Trade id, time, and what it does to the net; a trade between the legs does nothing."""
    moves: dict[int, tuple[int, int]] = {}
    for trade in (*fills, *hedges):
        at_us, lots = moves.get(trade.trade_id, (trade.at_us, 0))
        moves[trade.trade_id] = (at_us, lots + trade.signed_lots)
    for trade_id in sorted(moves):
        yield trade_id, *moves[trade_id]


def _back_to_flat_us(spans: Sequence[Open], ended_us: int) -> int | None:
    waits_us = [0]
    for span in spans:
        if span.until_us is None:
            return None
        if span.since_us <= ended_us < span.until_us:
            waits_us.append(span.until_us - ended_us)
    return max(waits_us)


def _idle_problems(course: Course, fills: Sequence[LegTrade]) -> Iterator[str]:
    """A drill in which nothing happened has shown nothing."""
    if course.fired == 0:
        yield "the fault never happened, so nothing is proved"
    if not any(course.began_us <= fill.at_us <= course.ended_us for fill in fills):
        yield "nothing was filled during the fault, so nothing is proved"


def _cover_problems(records: PairRecords) -> Iterator[str]:
    """Every fill hedged once: each hedge takes the net toward zero and never past it (§14.2)."""
    market = records.market
    maker, hedger = _legs(records)
    own = {trade.trade_id for trade in maker.trades}
    hedging = {trade.trade_id for trade in hedger.trades}
    net = 0
    for trade_id, _, lots in _tape(maker.trades, hedger.trades):
        before, net = net, net + lots
        if trade_id in own and trade_id in hedging:
            yield f"trade {trade_id} is between the pair's own accounts"
        elif trade_id in hedging and (abs(net) > abs(before) or net * before < 0):
            yield (
                f"hedge {trade_id} took the net from {market.base(before)} "
                f"to {market.base(net)} {market.symbol}"
            )
    if net:
        yield f"the trades leave {market.base(net)} {market.symbol} unhedged"


def _end_problems(records: PairRecords) -> Iterator[str]:
    market = records.market
    if records.net_lots:
        yield f"the positions add up to {market.base(records.net_lots)} {market.symbol}"
    for leg in records.legs:
        for order in leg.orders:
            side = "sell" if order.is_ask else "buy"
            size = market.base(order.remaining_lots)
            yield f"account {leg.account_index} still rests {side} {size} {market.symbol}"


def _late_problems(back_to_flat_us: int | None, drill: Drill) -> Iterator[str]:
    most_us = FLAT_WITHIN_US + (LEASE_TIMES_US if drill.harm in _COSTS_A_LEASE else 0)
    if back_to_flat_us is not None and back_to_flat_us > most_us:
        yield (
            f"it took {back_to_flat_us / 1e6:.1f} s to be flat again, "
            f"more than {most_us / 1e6:.1f} s"
        )


def _legs(records: PairRecords) -> tuple[LegRecords, LegRecords]:
    if records.maker is None or records.hedger is None:
        raise AssertionError("a drill is of a pair with both legs: others are refused")
    return records.maker, records.hedger
