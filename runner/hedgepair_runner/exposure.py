"""Both legs of a pair and what is in flight between them, as the hedger counts them (design §4.2).

A gap with an unknown in it is None, and None is never acted on (law 3).
"""

from __future__ import annotations

from hedgepair_runner.hedging import gap_lots, sendable_lots
from hedgepair_runner.ledger import Chain
from hedgepair_runner.noncing import Line, Slot


class Exposure:
    """`line` is None until a term has begun: then nothing of this term is in flight."""

    def __init__(self, *, maker: Chain, own: Chain, accepted_net_lots: int) -> None:
        self.maker = maker
        self.own = own
        self.accepted_net_lots = accepted_net_lots
        self.line: Line | None = None

    @property
    def slots(self) -> list[Slot]:
        return [] if self.line is None else list(self.line.slots.values())

    def gap(self, *, without: Slot | None = None) -> int | None:
        """Signed lots that are still to be hedged, everything in flight counted."""
        return gap_lots(
            self.maker,
            self.own,
            accepted_net_lots=self.accepted_net_lots,
            slots=self._but(without),
        )

    def sendable(self, *, without: Slot | None = None) -> int | None:
        """The gap as far as it may be sent whatever the other open slots still fill (law 2)."""
        gap = self.gap(without=without)
        slots = self._but(without)
        return None if gap is None else sendable_lots(gap, hedger=self.own, slots=slots)

    def _but(self, left_out: Slot | None) -> list[Slot]:
        return [slot for slot in self.slots if slot is not left_out]
