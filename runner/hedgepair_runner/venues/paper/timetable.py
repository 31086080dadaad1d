"""All that happens by time alone, in the order of its own time (protocol §7.6, §7.9, §7.14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.executing import Executor
from hedgepair_runner.venues.paper.funding import Funding
from hedgepair_runner.venues.paper.liquidation import Liquidator
from hedgepair_runner.venues.paper.queueing import DelayQueue
from hedgepair_runner.venues.paper.sweeping import Switches, expire_next
from hedgepair_runner.venues.paper.watching import Watch

Work = Callable[[int], None]
"""Is told until when nothing else happens."""


class Timetable:
    """Expiries, switches, queued transactions, liquidations and funding."""

    def __init__(
        self, engine: Engine, queue: DelayQueue, switches: Switches, executor: Executor
    ) -> None:
        self.funding = Funding(engine)
        self.liquidator = Liquidator(engine)
        self._engine = engine
        self._queue = queue
        self._switches = switches
        self._executor = executor
        self._watch = Watch(engine, self.liquidator)

    def look(self) -> None:
        """After everything that may have moved a mark price or an account."""
        self._watch.look()

    def due(self) -> Iterator[tuple[int, Work]]:
        """When each kind of work is due next, and how it is done; the first wins a tie."""
        expiry_ms = self._engine.live.next_expiry_ms()
        if expiry_ms is not None:
            yield expiry_ms * 1_000, lambda _: expire_next(self._engine)
        switch_us = self._switches.next_due_us()
        if switch_us is not None:
            yield switch_us, lambda _: self._switches.fire()
        queue_us = self._queue.next_due_us()
        if queue_us is not None:
            yield queue_us, lambda _: self._executor.execute(self._queue.pop())
        liquidation_us = self.liquidator.next_due_us()
        if liquidation_us is not None:
            yield liquidation_us, lambda _: self.liquidator.step()
        funding_us = self.funding.next_due_us()
        if funding_us is not None:
            yield funding_us, self.funding.run

    def next_due_us(self) -> int | None:
        """When there is news. Samples of funding are none: they are made up for before any book
        changes."""
        dues = [due_us for due_us, work in self.due() if work != self.funding.run]
        payment_us = self.funding.next_payment_us()
        return min(dues if payment_us is None else [*dues, payment_us], default=None)

    def run(self, now_us: int) -> None:
        """Everything due by now, each at its own time."""
        while True:
            dues = sorted(self.due(), key=lambda due: due[0])
            if not dues or dues[0][0] > now_us:
                break
            due_us, work = dues[0]
            quiet_us = min(now_us, dues[1][0]) if len(dues) > 1 else now_us
            self._engine.move_clock(due_us)
            work(quiet_us)
            self.look()
        self._engine.move_clock(now_us)
