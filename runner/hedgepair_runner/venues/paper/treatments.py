"""What a fault does to one accepted transaction on its way to and through the engine."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hedgepair_runner.venues.paper.records import Order, TimeInForce
from hedgepair_runner.venues.paper.verdicts import Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    extra_us: int = 0
    """Later than was predicted; what follows on the same key waits behind it."""
    failure: Failed | None = None
    """The engine refuses it with this error."""
    fill_most: Fraction | None = None
    """An IOC order finds liquidity for this part of its size only."""
    hides_reduce_only: bool = False
    """A reduce-only order with nothing to reduce is accepted, and vanishes without an update."""

    def most_lots(self, order: Order) -> int | None:
        """What the book may give to the order; None: all that it has."""
        if self.fill_most is None or order.time_in_force is not TimeInForce.IOC:
            return None
        return int(order.initial_lots * self.fill_most)


UNTREATED = Treatment()
