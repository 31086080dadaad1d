"""A pair's result, from the exchange's records alone: what was filled, what of it was hedged, when.

A fill counts as hedged when the hedger's trades have covered all of it. Every lot of a hedge
covers one lot of a fill, the oldest first, and never a second one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hedgepair_runner.local.observations import LegTrade, PairRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """A fill and the hedge that completed its cover."""

    fill_id: int
    hedge_id: int
    wait_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """`hedged_fills` counts fills that later fills offset, too: they needed no hedge any more."""

    hedged_fills: int
    coverings: tuple[Covering, ...]
    open_lots: int
    """Signed: what of the fills nothing has covered yet."""
    surplus_lots: int
    """Signed: what was hedged without a fill to cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    fills: int
    hedged_fills: int
    maker_position_base: Decimal | None
    hedger_position_base: Decimal | None
    net_base: Decimal
    resting_orders: int
    fill_to_hedge_p50_ms: float | None
    fill_to_hedge_p99_ms: float | None
    pnl_quote: Decimal
    """Realised, of both legs, after fees."""

    @property
    def is_hedged(self) -> bool:
        return self.net_base == 0 and self.hedged_fills == self.fills

    def as_json(self) -> dict[str, Any]:
        return {
            "fills": self.fills,
            "hedged_fills": self.hedged_fills,
            "maker_position": _words(self.maker_position_base),
            "hedger_position": _words(self.hedger_position_base),
            "net": _words(self.net_base),
            "resting_orders": self.resting_orders,
            "fill_to_hedge_ms": {
                "p50": self.fill_to_hedge_p50_ms,
                "p99": self.fill_to_hedge_p99_ms,
            },
            "pnl": _words(self.pnl_quote),
        }


def summarise(records: PairRecords) -> Summary:
    market, maker, hedger = records.market, records.maker, records.hedger
    fills = maker.trades if maker is not None else ()
    hedges = hedger.trades if hedger is not None else ()
    cover = cover_fills(fills, hedges)
    waits_us = sorted(covering.wait_us for covering in cover.coverings)
    return Summary(
        fills=len(fills),
        hedged_fills=cover.hedged_fills,
        maker_position_base=None if maker is None else market.base(maker.position_lots),
        hedger_position_base=None if hedger is None else market.base(hedger.position_lots),
        net_base=market.base(records.net_lots),
        resting_orders=sum(len(leg.orders) for leg in records.legs),
        fill_to_hedge_p50_ms=_percentile_ms(waits_us, percent=50),
        fill_to_hedge_p99_ms=_percentile_ms(waits_us, percent=99),
        pnl_quote=sum(
            (trade.pnl_quote - trade.fee_quote for trade in (*fills, *hedges)), start=Decimal(0)
        ),
    )


def cover_fills(fills: Sequence[LegTrade], hedges: Sequence[LegTrade]) -> Cover:
    """Sets the hedger's trades against the maker's, in the order of the tape."""
    # A trade between both legs has one id: it is a fill first, then its own hedge.
    tape = sorted(
        [(fill.trade_id, 0, fill) for fill in fills]
        + [(hedge.trade_id, 1, hedge) for hedge in hedges],
        key=lambda entry: entry[:2],
    )
    account = _Account()
    for _, leg, trade in tape:
        if leg == 0:
            account.fill(trade)
        else:
            account.hedge(trade)
    return account.result(len(fills))


class _Account:
    """Open fills, oldest first: all of one sign, since opposite ones offset each other."""

    def __init__(self) -> None:
        self._open: deque[tuple[int, LegTrade]] = deque()
        self._surplus_lots = 0
        self._coverings: list[Covering] = []

    def fill(self, fill: LegTrade) -> None:
        lots = fill.signed_lots
        if lots * self._surplus_lots < 0:
            used = _toward(lots, self._surplus_lots)
            lots -= used
            self._surplus_lots += used
        lots = self._offset(lots, hedge=None)
        if lots:
            self._open.append((lots, fill))

    def hedge(self, hedge: LegTrade) -> None:
        self._surplus_lots += self._offset(hedge.signed_lots, hedge=hedge)

    def _offset(self, lots: int, *, hedge: LegTrade | None) -> int:
        """Sets `lots` against the open fills of the other sign; returns what is left of them."""
        while lots and self._open and lots * self._open[0][0] < 0:
            open_lots, fill = self._open.popleft()
            used = _toward(lots, open_lots)
            lots -= used
            if open_lots + used:
                self._open.appendleft((open_lots + used, fill))
            elif hedge is not None:
                wait_us = hedge.at_us - fill.at_us
                self._coverings.append(
                    Covering(fill_id=fill.trade_id, hedge_id=hedge.trade_id, wait_us=wait_us)
                )
        return lots

    def result(self, fills: int) -> Cover:
        return Cover(
            hedged_fills=fills - len(self._open),
            coverings=tuple(self._coverings),
            open_lots=sum(lots for lots, _ in self._open),
            surplus_lots=self._surplus_lots,
        )


def _toward(lots: int, other_lots: int) -> int:
    """As much of `lots` as `other_lots`, of the other sign, can take."""
    return max(lots, -other_lots) if lots < 0 else min(lots, -other_lots)


def _percentile_ms(sorted_us: Sequence[int], *, percent: int) -> float | None:
    """Nearest rank: a wait that really happened. None without any."""
    if not sorted_us:
        return None
    rank = -(-len(sorted_us) * percent // 100)
    return sorted_us[max(rank, 1) - 1] / 1000


def _words(amount: Decimal | None) -> str | None:
    """The plainest form: no trailing zeros, no exponent, no negative zero."""
    if amount is None:
        return None
    return f"{amount.normalize():f}" if amount else "0"
