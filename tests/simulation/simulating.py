"""One seed is one run: a pair, its market, its faults, and a verdict at the end.

The runners are the production ones (`roles.serve`); their world is a ring in virtual time. What a
seed composes is in `plans`, what may happen in `faults`, what must hold in `checking`.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.orders import SignedTx
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.roles import roles_of
from hedgepair_runner.venues.paper.events import Event
from hedgepair_runner.venues.paper.fault_rules import FaultRule
from hedgepair_runner.venues.paper.inprocess import drive
from hedgepair_runner.venues.paper.markets import ETH
from hedgepair_runner.venues.venue import VenueRefused
from tests.flow import auditing
from tests.flow.memory_bus import Held
from tests.flow.pausing_loop import EndlessWait, in_virtual_time
from tests.flow.receipt_audit import receipt_faults
from tests.flow.ring import LEASE_TIMES_S, RECOVERY_S, Ring, manifest_of
from tests.flow.seats import CHAIN_ID, VENUE, Seat
from tests.flow.telling import timeline
from tests.simulation.checking import Checker, Violation
from tests.simulation.crowds import Crowd
from tests.simulation.faults import CATALOGUE, victim_role
from tests.simulation.plans import DUST_LOTS, Plan, Strike, plan_of
from tests.simulation.processes import SimulatedSeat
from tests.simulation.sabotage import HONEST, Sabotage

KEY = 4
LOTS_PER_BASE = 10**ETH.size_decimals
RESTART_S = 1.0
SLACK_S = 1.0
"""Of the supervisor, which starts what ended by itself anew."""
QUOTES_AGAIN_S = 20.0
STOPPED_S = 50.0
STRANGERS_DOING = frozenset({1, 2, 8})
"""Formulae of §14 about the net."""
LONGEST_S = 250.0
"""Longer than any sleeper, and than the minute of silence after a 405."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    seed: int
    events: int
    fills: int
    hedges: int
    virtual_s: float
    trace: str
    violations: tuple[str, ...]
    story: str = ""


class Simulation(Ring):
    def __init__(self, plan: Plan, sabotage: Sabotage = HONEST) -> None:
        super().__init__(plan.options)
        self.plan = plan
        self.sabotage = sabotage
        self.checker = Checker(self.judged)
        self.current: dict[Role, SimulatedSeat] = {}
        self.handovers: list[tuple[float, str, SignedTx]] = []
        self._trace = hashlib.blake2b(digest_size=12)
        self._reports_checked = 0
        self._step = 0
        self._supervised: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.gateway.witness = self._witness
        self.crowd = Crowd(self, Random(f"crowd {plan.seed}"))

    # -- what happens ------------------------------------------------------------------------

    def _witness(self, events: Sequence[Event]) -> None:
        self._check_reports()
        self.checker.hear(events, self.now_s)
        for event in events:
            self._trace.update(repr(event).encode())

    def handed(self, seat: SimulatedSeat, signed: SignedTx, told: RunnerReport) -> None:
        self._check_reports()
        self.handovers.append((self.now_s, seat.name, signed))
        self._trace.update(f"{self.now_s:.6f} {seat.name} {signed.tx_hash}".encode())
        self.checker.handed(seat.name, seat.role, signed, told, now_s=self.now_s)

    def _check_reports(self) -> None:
        seen = self.store.reports_seen
        while self._reports_checked < len(seen):
            at_s, report = seen[self._reports_checked]
            self._reports_checked += 1
            self._trace.update(f"{at_s:.6f} {report.holder} {report.state}".encode())
            self.checker.reported(report, at_s)

    def note(self, text: str) -> None:
        super().note(text)
        self._trace.update(f"{self.now_s:.6f} {text}".encode())

    # -- processes ---------------------------------------------------------------------------

    def make_seat(self, name: str, role: Role, manifest: HedgePair) -> Seat:
        seat = SimulatedSeat(name=name, role=role, manifest=manifest, around=self.around, ring=self)
        self.current[role] = seat
        return seat

    def victim(self, chance: Random) -> SimulatedSeat:
        return self.current[victim_role(chance)]

    def replace(self, seat: SimulatedSeat) -> SimulatedSeat:
        self.start(seat.role)
        return self.current[seat.role]

    async def restart(self, seat: SimulatedSeat, *, after_s: float) -> SimulatedSeat:
        """A fresh process for one that ended, unless another took its place meanwhile."""
        self._supervised.add(seat.name)
        if not seat.is_running:
            await asyncio.sleep(after_s)
            if self.current[seat.role] is seat:
                return self.replace(seat)
        return self.current[seat.role]

    async def _supervise(self) -> None:
        """As a cluster does: what ended, for whatever reason, is started again."""
        while True:
            await asyncio.sleep(0.1)
            self._look_after()

    def _look_after(self) -> None:
        for seat in tuple(self.current.values()):
            if seat.is_running or seat.name in self._supervised:
                continue
            self._supervised.add(seat.name)
            self._tasks.append(asyncio.create_task(self._start_again(seat)))

    async def _start_again(self, seat: SimulatedSeat) -> None:
        await asyncio.sleep(RESTART_S)
        if self.current[seat.role] is seat:
            self.replace(seat)

    def _raise_deaths(self) -> None:
        """A runner may refuse to start; whatever else ends it is a bug."""
        if self._crashes:
            raise self._crashes[0]
        if self._driver is not None and self._driver.done():
            self._driver.result()
        for seat in self.seats:
            if seat.task is not None and seat.task.done() and not seat.is_killed:
                error = seat.task.exception()
                if error is not None and not isinstance(error, StartRefused | VenueRefused):
                    raise error
        for task in self._tasks:
            if task.done():
                task.result()

    # -- faults ------------------------------------------------------------------------------

    def arm(self, rule: FaultRule) -> None:
        when = " ".join(
            f"{name} {value}"
            for name in ("endpoint", "account", "channel", "tx_type")
            if (value := getattr(rule.when, name)) is not None
        )
        for_s = f" for {rule.for_us / 1e6:.2f} s" if rule.for_us is not None else ""
        count = f" ×{rule.count}" if rule.count is not None else ""
        self.note(f"{rule.kind} {when}{count}{for_s}")
        self.gateway.troubles.arm(rule)

    def wishes(self, wish: Wish) -> None:
        """The operator's word; the newest counts, whatever became of Redis meanwhile."""
        self._step += 1
        self.wish(wish, step=self._step)

    def edit(self, chance: Random) -> None:
        """Another quantity and another patience: followed at once, by hot reload."""
        spec = {**self.options.spec}
        spec["quantity"] = chance.choice(("0.03", "0.05"))
        spec["timeoutSeconds"] = chance.choice((2, 5, 60))
        self._step += 1
        self.wish(Wish.RUN, step=self._step, manifest=manifest_of(spec).as_manifest())

    async def _strike(self, strike: Strike) -> None:
        chance = Random(f"{self.plan.seed} {strike.number}")
        await asyncio.sleep(strike.at_s)
        if strike.is_at_fill:
            await self.crowd.before_fill()
            await asyncio.sleep(strike.after_fill_s)
        if self.is_over:
            return
        self.note(f"fault {strike.fault}")
        await CATALOGUE[strike.fault].play(self, chance)

    @property
    def is_over(self) -> bool:
        return self.now_s >= self.plan.harmful_s

    # -- the run -----------------------------------------------------------------------------

    async def play(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note_crash)
        self._driver = asyncio.create_task(drive(self.gateway), name="exchange")
        self.market.stand()
        if self.plan.starts_clean:
            self._release_leases()
        try:
            for role in roles_of(self.manifest):
                self.start(role)
            self._tasks.append(asyncio.create_task(self._supervise()))
            await self._harm()
            if not self.checker.violations:
                await self._recover()
        finally:
            self._check_reports()
            for task in self._tasks:
                task.cancel()
            await self._clean_up()

    async def _harm(self) -> None:
        crowd = asyncio.create_task(self.crowd.run())
        strikes = [asyncio.create_task(self._strike(each)) for each in self.plan.strikes]
        self._tasks += [crowd, *strikes]
        while not self.checker.violations:
            self._raise_deaths()
            if self.is_over:
                self.crowd.announce_no_more()
                if all(task.done() for task in strikes):
                    break
            await asyncio.sleep(0.05)
        crowd.cancel()
        self._tasks.remove(crowd)

    async def _recover(self) -> None:
        """Nothing goes wrong any more: the pair comes back to zero, trades, and ends in order."""
        self.note("all faults are over")
        self.gateway.troubles.clear()
        if self._step:
            self.wishes(Wish.RUN)
        self.crowd.settle()
        self._look_after()
        await self._reopened()
        within_s = RECOVERY_S + LEASE_TIMES_S + RESTART_S + SLACK_S
        await self._until(self._is_quiet, "everything is hedged and settled", within_s)
        await self._until(self._all_run, "both runners are at work", within_s)
        if not self.options.exchange.ioc_dust_refused:
            await self._until(self._quotes_or_is_full, "the maker quotes again", QUOTES_AGAIN_S)
        await asyncio.sleep(0.02)
        for quote in self.quotes():
            self.note("fill")
            self.market.fill(quote, quote.remaining_lots)
        await self._until(self._is_quiet, "the last fill is hedged", within_s)
        await self._stop_everything()

    async def _reopened(self) -> None:
        """A firewall's 405 bids a client be silent for a minute: the venue answers only then."""
        while any(seat.is_running and seat.is_silenced for seat in self.current.values()):
            self._raise_deaths()
            await asyncio.sleep(0.5)

    def _all_run(self) -> bool:
        """One of each role, at least: a replacement may wait for a lease that the old one kept."""
        at_work = {
            seat.role
            for seat in self.seats
            if seat.is_running
            and (self.is_in(seat, RunnerState.RUNNING) or self.is_in(seat, RunnerState.HOLDING))
        }
        return at_work == set(self.current)

    def _quotes_or_is_full(self) -> bool:
        most = int(self.manifest.spec.risk.max_position * LOTS_PER_BASE)
        return bool(self.quotes()) or abs(self.checker.maker.position) > most - DUST_LOTS

    def _is_quiet(self) -> bool:
        legs = (self.checker.maker, self.checker.hedger)
        is_hedged = abs(self.net_lots() - self.judged.accepted_net_lots) <= self.tolerated
        return is_hedged and not any(leg is legs[1] and leg.slots for leg in legs)

    @property
    def tolerated(self) -> int:
        return self.options.carried_lots

    async def _until(self, holds: object, what: str, within_s: float) -> None:
        deadline_s = self.now_s + within_s
        while not holds():  # type: ignore[operator]
            self._raise_deaths()
            if self.checker.violations:
                return
            if self.now_s > deadline_s:
                self.checker.now_s = self.now_s
                self.checker.blame(f"not within {within_s:g} s: {what} (§14.9)")
                return
            await asyncio.sleep(0.02)

    async def _stop_everything(self) -> None:
        if self.checker.violations:
            return
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        seats = sorted((each for each in self.seats if each.is_running), key=lambda s: s.role)
        for seat in seats:
            self.note(f"stop {seat.name}")
            seat.stop.set()
            await self._until(seat.has_ended, f"{seat.name} stops", STOPPED_S)
        if not self.checker.violations:
            for found in auditing.audit_of(self.exchange, self.judged).violations:
                # What a stranger's trade does to the net, the auditor counts as the pair's; the
                # checker knows what a runner could not know yet.
                if not (self.checker.has_met_strangers and found.formula in STRANGERS_DOING):
                    self.checker.blame(f"auditor: {found.sentence} (§14.{found.formula})")
            roles = tuple({seat.role for seat in seats})
            for sentence in receipt_faults(
                self.exchange, self.judged, self.receipts(), roles=roles
            ):
                self.checker.blame(f"receipts: {sentence} (§14.10)")

    def _release_leases(self) -> None:
        """The last holders ended in order: nobody waits for a lease to run out."""
        for account in self.judged.accounts:
            self.store.leases[str(VENUE), account, KEY] = Held("before", 600.0, is_released=True)

    # -- the verdict -------------------------------------------------------------------------

    def outcome(self, *, error: BaseException | None = None, tells: bool = False) -> Outcome:
        violations = [str(each) for each in self.checker.violations]
        if error is not None:
            violations.append(str(Violation(self.checker.now_s, _sentence(error))))
        return Outcome(
            seed=self.plan.seed,
            events=self.checker.events,
            fills=self.checker.fills,
            hedges=self.checker.hedges,
            virtual_s=self.ended_s,
            trace=self._trace.hexdigest(),
            violations=tuple(violations),
            story=timeline(self) if tells else "",
        )

    ended_s = 0.0


def _sentence(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"a runner died of {type(error).__name__}: {error}"


def simulate(seed: int, *, tells: bool = False, sabotage: Sabotage = HONEST) -> Outcome:
    """Plays one seed. Never raises for what goes wrong in it: that is the outcome."""
    outcomes: list[Outcome] = []

    async def main() -> None:
        simulation = Simulation(plan_of(seed, among=sabotage.faults), sabotage)
        error: BaseException | None = None
        try:
            async with asyncio.timeout(LONGEST_S):
                await simulation.play()
        except Exception as caught:  # whatever a runner died of belongs to the outcome
            error = caught
        simulation.ended_s = simulation.now_s
        outcomes.append(simulation.outcome(error=error, tells=tells))

    logging.disable(logging.CRITICAL)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        in_virtual_time(main())
    except EndlessWait as error:
        outcomes.append(_endless(seed, error))
    finally:
        if was_enabled:
            gc.enable()
    return outcomes[0]


def _endless(seed: int, error: EndlessWait) -> Outcome:
    return Outcome(
        seed=seed,
        events=0,
        fills=0,
        hedges=0,
        virtual_s=0.0,
        trace="",
        violations=(f"nothing happens any more {error}",),
    )


__all__ = ["CHAIN_ID", "Outcome", "Simulation", "simulate"]
