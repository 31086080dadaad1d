"""What happens to a pair, in words: the difference between two looks at its records and reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Final

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.local.observations import LegOrder, LegRecords, LegTrade, PairRecords
from hedgepair_runner.local.summarising import cover_fills
from hedgepair_runner.units import Market

_LAST_STATES: Final = frozenset({RunnerState.STOPPING, RunnerState.STOPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened. `tone` is for the eye: fill, hedge, order, state or alarm."""

    at_ms: int
    words: str
    tone: str


class Narrator:
    """Remembers what it has told. Every look tells only what is new, oldest first."""

    def __init__(self, *, timeout_s: int) -> None:
        self._timeout_ms = timeout_s * 1000
        self._told_trades = {Role.MAKER: 0, Role.HEDGER: 0}
        self._resting: dict[int, LegOrder] = {}
        self._sizes: dict[int, int] = {}
        self._filled: dict[int, int] = {}
        self._seen_states: dict[Role, tuple[RunnerState, str]] = {}
        self._told_states: dict[Role, tuple[RunnerState, str]] = {}

    def tell(self, records: PairRecords, reports: Mapping[Role, RunnerReport | None]) -> list[Line]:
        lines = [*self._states_told(reports, records.at_ms)]
        maker, hedger = records.maker, records.hedger
        if maker is not None:
            for order in maker.orders:
                self._sizes[order.order_index] = order.initial_lots
            lines += self._fills_told(maker, records.market)
            lines += self._orders_told(maker, records)
        if hedger is not None:
            lines += self._hedges_told(records, hedger)
        return sorted(lines, key=lambda line: line.at_ms)

    def _states_told(
        self, reports: Mapping[Role, RunnerReport | None], at_ms: int
    ) -> Iterator[Line]:
        for role, report in reports.items():
            if report is None:
                continue
            state = (report.state, report.reason)
            # What lasts for less than two looks is a step of the work, not news.
            lasts = self._seen_states.get(role) == state or report.state in _LAST_STATES
            self._seen_states[role] = state
            if lasts and self._told_states.get(role) != state:
                self._told_states[role] = state
                yield self._state_told(role, report, at_ms)

    def _state_told(self, role: Role, report: RunnerReport, at_ms: int) -> Line:
        why = f": {report.reason}" if report.reason else ""
        tone = "alarm" if report.state is RunnerState.HOLDING else "state"
        words = f"{role.label} is {_spaced(report.state)}{why}"
        return Line(at_ms=at_ms, words=words, tone=tone)

    def _fills_told(self, maker: LegRecords, market: Market) -> Iterator[Line]:
        for fill in self._new_trades(Role.MAKER, maker):
            filled = self._filled.get(fill.order_index, 0) + abs(fill.signed_lots)
            self._filled[fill.order_index] = filled
            size = self._sizes.get(fill.order_index)
            partly = " (partly)" if size is not None and filled < size else ""
            yield _line_of(fill, f"maker {_traded(fill, market)}{partly}", tone="fill")

    def _hedges_told(self, records: PairRecords, hedger: LegRecords) -> Iterator[Line]:
        news = self._new_trades(Role.HEDGER, hedger)
        if not news:
            return
        fills = records.maker.trades if records.maker is not None else ()
        waits_us: dict[int, int] = {}
        for covering in cover_fills(fills, hedger.trades).coverings:
            longest = max(covering.wait_us, waits_us.get(covering.hedge_id, 0))
            waits_us[covering.hedge_id] = longest
        for _, group in groupby(news, key=lambda hedge: hedge.order_index):
            trades = list(group)
            waits = [waits_us[hedge.trade_id] for hedge in trades if hedge.trade_id in waits_us]
            later = f", {max(waits) / 1000:.1f} ms later" if waits else ""
            words = f"hedger {_traded(_as_one(trades), records.market)}{later}"
            yield _line_of(trades[-1], words, tone="hedge")

    def _new_trades(self, role: Role, leg: LegRecords) -> Sequence[LegTrade]:
        told, self._told_trades[role] = self._told_trades[role], len(leg.trades)
        return leg.trades[told:]

    def _orders_told(self, maker: LegRecords, records: PairRecords) -> Iterator[Line]:
        now = {order.order_index: order for order in maker.orders}
        for index, order in self._resting.items():
            if index not in now and self._filled.get(index, 0) < order.initial_lots:
                yield Line(at_ms=records.at_ms, words=self._ending(order, records), tone="order")
        for index, order in now.items():
            if index not in self._resting:
                side = "sell" if order.is_ask else "buy"
                size = records.market.base(order.initial_lots)
                words = f"maker rests {side} {size} at {records.market.price(order.price_ticks)}"
                yield Line(at_ms=order.placed_ms, words=words, tone="order")
        self._resting = now

    def _ending(self, order: LegOrder, records: PairRecords) -> str:
        if records.at_ms - order.placed_ms >= self._timeout_ms:
            return "order timed out, re-quoting"
        return f"order at {records.market.price(order.price_ticks)} withdrawn"


def _traded(trade: LegTrade, market: Market) -> str:
    verb = "bought" if trade.signed_lots > 0 else "sold"
    return f"{verb} {market.base(abs(trade.signed_lots))} at {market.price(trade.price_ticks)}"


def _as_one(trades: Sequence[LegTrade]) -> LegTrade:
    """An order that took several levels is one hedge, at its average price to the tick."""
    lots = sum(trade.signed_lots for trade in trades)
    worth = sum(trade.signed_lots * trade.price_ticks for trade in trades)
    return replace(trades[-1], signed_lots=lots, price_ticks=round(Fraction(worth, lots)))


def _line_of(trade: LegTrade, words: str, *, tone: str) -> Line:
    return Line(at_ms=trade.at_us // 1000, words=words, tone=tone)


def _spaced(state: RunnerState) -> str:
    """`WaitingForLease` → `waiting for lease`."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in state.value).strip()
