"""What a pair has done since it began, and whether that is enough (design §5, stopAfter).

Everything is counted from A's trades, each once by its id: a count that was kept is carried on
with the trades that the venue has since then, so that neither a restart nor a lost Redis forgets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

from hedgepair_runner.contract.spec import StopAfter
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.units import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Up to and with A's trade `upto_id`. Volume in quote units (lots · ticks).

    `finished` says which bound ended it, and `bounds` which bounds those were: while the spec
    names the same ones, it stays finished.
    """

    upto_id: int
    rounds: int = 0
    volume_units: int = 0
    finished: str = ""
    bounds: str = ""


def counted(progress: Progress, trades: Iterable[AccountTrade]) -> Progress:
    """With those of the trades that are newer. A round ends where the position comes to zero."""
    for trade in sorted(trades, key=lambda trade: trade.trade_id):
        if trade.trade_id <= progress.upto_id:
            continue
        came_back = trade.before_lots != 0 and trade.before_lots * trade.after_lots <= 0
        progress = replace(
            progress,
            upto_id=trade.trade_id,
            rounds=progress.rounds + came_back,
            volume_units=progress.volume_units + abs(trade.signed_lots) * trade.price_ticks,
        )
    return progress


def judged(
    progress: Progress, stop_after: StopAfter | None, *, cost: Decimal | None, market: Market
) -> Progress:
    """Finished, if a bound is reached now or was under the same bounds; else going on.

    `cost` is what the pair has lost so far in quote currency; None: unknown, which ends nothing.
    """
    bounds = bounds_of(stop_after)
    if bounds != progress.bounds:
        progress = replace(progress, bounds=bounds, finished="")
    if progress.finished or stop_after is None:
        return progress
    volume = market.quote(progress.volume_units)
    if stop_after.rounds is not None and progress.rounds >= stop_after.rounds:
        return replace(progress, finished=f"stopAfter.rounds: {progress.rounds} rounds are done")
    if stop_after.volume is not None and volume >= stop_after.volume:
        return replace(progress, finished=f"stopAfter.volume: {volume:f} traded on A")
    if stop_after.cost is not None and cost is not None and cost >= stop_after.cost:
        return replace(progress, finished=f"stopAfter.cost: {cost:f} lost")
    return progress


def bounds_of(stop_after: StopAfter | None) -> str:
    return "" if stop_after is None else stop_after.model_dump_json(exclude_none=True)


def furthest(records: Iterable[Progress | None]) -> Progress | None:
    """Of several records of one count, the one that knows most."""
    known = (record for record in records if record is not None)
    return max(known, key=lambda record: (record.upto_id, bool(record.finished)), default=None)


def write_progress(progress: Progress) -> str:
    return json.dumps({"schema_version": 1, **asdict(progress)}, sort_keys=True)


def read_progress(text: str | bytes) -> Progress:
    """Raises ValueError for what is none."""
    try:
        raw = json.loads(text)
        return Progress(
            upto_id=int(raw["upto_id"]),
            rounds=int(raw["rounds"]),
            volume_units=int(raw["volume_units"]),
            finished=str(raw.get("finished", "")),
            bounds=str(raw.get("bounds", "")),
        )
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"not a record of progress: {wrong!r}") from wrong
