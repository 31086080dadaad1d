"""A fault, endured by a trading pair, and the judgement by the exchange's own records.

Afterwards: the audit is clean, the net is zero within the time allowed, the pair trades again, and
the condition Hedged never claimed a hedge for longer than its reports take while there was none.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.kubectl import CommandFailed, until
from tests.e2e.pairs import Pair
from tests.e2e.venue import PaperVenue

RECOVERY_S = 8.0
LEASE_TIMES_S = 6.5
"""A lease that was lost and one that is waited out, where a process or Redis was lost."""
REPORT_DELAY_S = 6.0
"""Reports are read every two seconds and expire after three."""
LOOK_EVERY_S = 0.5


@dataclass(slots=True)
class Looks:
    """Samples of one fault: when, what the exchange held, what the resource said."""

    began_s: float = field(default_factory=time.monotonic)
    rows: list[tuple[float, int | None, str, str]] = field(default_factory=list)

    def lied_s(self) -> float:
        """The longest time for which Hedged was True while the exchange held one and the same net.

        A net that changes from look to look is a pair at work: each fill was hedged in between.
        """
        longest = 0.0
        since_s, held = 0.0, 0
        for at_s, net, status, _ in self.rows:
            lies = status == "True" and net not in (0, None)
            if not lies or net != held:
                since_s, held = at_s, net if lies and net is not None else 0
            elif held:
                longest = max(longest, at_s - since_s)
        return longest

    def reasons(self) -> list[str]:
        """What the resource said meanwhile, each once, in order."""
        return list(dict.fromkeys(f"{status}/{reason}" for _, _, status, reason in self.rows))


class _Watch(threading.Thread):
    def __init__(self, pair: Pair, venue: PaperVenue) -> None:
        super().__init__(daemon=True)
        self.looks = Looks()
        self._pair = pair
        self._venue = venue
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            at_s = time.monotonic() - self.looks.began_s
            try:
                net: int | None = self._venue.records(self._pair).net_lots
            except Exception:  # the fault may well have taken the way to the exchange
                net = None
            try:
                found = self._pair.condition("Hedged")
            except CommandFailed:
                found = {}
            row = (at_s, net, found.get("status", ""), found.get("reason", ""))
            self.looks.rows.append(row)
            self._over.wait(LOOK_EVERY_S)

    def end(self) -> Looks:
        self._over.set()
        self.join(30)
        return self.looks


@contextmanager
def endured(
    name: str, pair: Pair, venue: PaperVenue, *, allowed_s: float = RECOVERY_S
) -> Iterator[None]:
    """The body is the fault, from its beginning to its end; the judgement follows it."""
    watch = _Watch(pair, venue)
    watch.start()
    began_s = time.monotonic()
    try:
        yield
        ended_s = time.monotonic()
        flat_s = venue.wait_net_zero(pair, within_s=allowed_s)
        venue.wait_fills(pair, 2, within_s=60)
        trades_s = time.monotonic() - ended_s
        pair.wait("Hedged", within_s=30)
    finally:
        looks = watch.end()
    verdict = until(lambda: _clean(pair, venue), f"a clean audit after {name}", within_s=15)
    note(
        fault=name,
        fault_s=round(ended_s - began_s, 1),
        back_to_zero_s=round(flat_s, 1),
        trading_again_s=round(trades_s, 1),
        worst_claim_s=round(looks.lied_s(), 1),
        said=looks.reasons(),
        fills=verdict["fills"],
        hedges=verdict["hedges"],
    )
    assert looks.lied_s() <= REPORT_DELAY_S, looks.rows


def _clean(pair: Pair, venue: PaperVenue) -> dict[str, object] | None:
    """While it trades a fill may be a moment old: an audit is asked again until one is clean."""
    verdict = venue.audit(pair)
    return verdict if verdict["exit_code"] == 0 else None


def note(**figures: object) -> None:
    """One line a fault, for docs/guarantees.md."""
    path = Path(os.environ.get("E2E_DUMPS", "dist/e2e")) / "figures.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(figures)}\n")
