"""What can go wrong, by name: each fault is played from its beginning to its end.

A fault gets the simulation and a chance of its own, and returns when it is over. Faults of the
exchange are rules that it is armed with; the others strike processes, Redis and people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.venues.paper.fault_rules import Details, FaultKind, FaultRule, When
from tests.flow.ring import HEDGER_ACCOUNT, MAKER_ACCOUNT
from tests.simulation.links import Snapshot
from tests.simulation.processes import SimulatedSeat

if TYPE_CHECKING:
    from tests.simulation.simulating import Simulation

Play = Callable[["Simulation", Random], Awaitable[None]]
KEY = 4
CREATE = 14
ENDPOINTS = (
    "account",
    "accountActiveOrders",
    "accountOrders",
    "nextNonce",
    "tx",
    "trades",
    "recentTrades",
)
REFUSALS = (21_501, 21_739, 29_500, 21_120)
ACCOUNT_CHANNELS = ("account_all_orders", "account_all_trades", "account_tx", "account_all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`weight`: how often it is chosen, against the others."""

    name: str
    weight: float
    play: Play


CATALOGUE: dict[str, Fault] = {}


def fault(weight: float) -> Callable[[Play], Play]:
    def enter(play: Play) -> Play:
        name = play.__name__
        CATALOGUE[name] = Fault(name=name, weight=weight, play=play)
        return play

    return enter


def spell_s(chance: Random, least_s: float, most_s: float) -> float:
    """Short ones as often as long ones: evenly by magnitude."""
    return float(least_s * (most_s / least_s) ** chance.random())


# -- requests and answers -------------------------------------------------------------------


async def _armed(
    simulation: Simulation, kind: FaultKind, chance: Random, when: When, details: Details
) -> None:
    """For one to three occasions, or as long as it takes for none to come."""
    for_s = spell_s(chance, 0.3, 4.0)
    rule = FaultRule(
        kind=kind,
        when=when,
        for_us=int(for_s * 1e6),
        count=chance.randint(1, 3),
        details=details,
    )
    simulation.arm(rule)
    await asyncio.sleep(for_s)


def _of_sends(chance: Random) -> When:
    return When(account=_account(chance), tx_type=chance.choice((None, CREATE)))


def _account(chance: Random) -> int:
    return HEDGER_ACCOUNT if chance.random() < 0.65 else MAKER_ACCOUNT


@fault(4)
async def request_lost(simulation: Simulation, chance: Random) -> None:
    details = Details(cut=chance.random() < 0.4)
    await _armed(simulation, FaultKind.DROP_REQUEST, chance, _of_sends(chance), details)


@fault(4)
async def answer_lost(simulation: Simulation, chance: Random) -> None:
    details = Details(cut=chance.random() < 0.4)
    await _armed(simulation, FaultKind.DROP_ANSWER, chance, _of_sends(chance), details)


@fault(3)
async def bytes_twice(simulation: Simulation, chance: Random) -> None:
    details = Details(delay_ms=int(spell_s(chance, 1, 5_000)))
    await _armed(simulation, FaultKind.SECOND_COPY, chance, _of_sends(chance), details)


@fault(3)
async def send_slow(simulation: Simulation, chance: Random) -> None:
    kind = chance.choice((FaultKind.SLOW_REQUEST, FaultKind.SLOW_ANSWER))
    details = Details(delay_ms=int(spell_s(chance, 5, 5_000)))
    await _armed(simulation, kind, chance, _of_sends(chance), details)


@fault(3)
async def too_many_requests(simulation: Simulation, chance: Random) -> None:
    when = chance.choice((_of_sends(chance), When(endpoint=chance.choice(ENDPOINTS))))
    await _armed(simulation, FaultKind.RATE_LIMITED, chance, when, Details())


@fault(0.4)
async def firewall(simulation: Simulation, chance: Random) -> None:
    details = Details(block_ms=int(spell_s(chance, 500, 5_000)))
    when = When(endpoint=chance.choice(ENDPOINTS))
    await _armed(simulation, FaultKind.FIREWALL, chance, when, details)


@fault(3)
async def refused(simulation: Simulation, chance: Random) -> None:
    details = Details(code=chance.choice(REFUSALS))
    await _armed(simulation, FaultKind.REFUSE, chance, _of_sends(chance), details)


@fault(4)
async def refused_with_a_late_copy(simulation: Simulation, chance: Random) -> None:
    """A 400, and all the same the second copy of the bytes is accepted (design §4.2 †)."""
    when = When(account=_account(chance), tx_type=CREATE)
    for_s, count = spell_s(chance, 0.3, 4.0), chance.randint(1, 2)
    delay_ms = int(spell_s(chance, 1, 5_000))
    refusal = chance.choice((FaultKind.REFUSE, FaultKind.RATE_LIMITED))
    code = chance.choice(REFUSALS) if refusal is FaultKind.REFUSE else None
    for kind, details in (
        (refusal, Details(code=code)),
        (FaultKind.SECOND_COPY, Details(delay_ms=delay_ms)),
    ):
        simulation.arm(
            FaultRule(kind=kind, when=when, for_us=int(for_s * 1e6), count=count, details=details)
        )
    await asyncio.sleep(for_s)


@fault(1.5)
async def hedger_rejected_always(simulation: Simulation, chance: Random) -> None:
    for_s = spell_s(chance, 1.0, 8.0)
    details = Details(code=chance.choice(REFUSALS))
    when = When(account=HEDGER_ACCOUNT)
    simulation.arm(
        FaultRule(kind=FaultKind.REFUSE, when=when, for_us=int(for_s * 1e6), details=details)
    )
    await asyncio.sleep(for_s)


# -- the engine -----------------------------------------------------------------------------


@fault(3)
async def engine_fails(simulation: Simulation, chance: Random) -> None:
    """With a nonce that is used, or that is not (protocol §7.1.3)."""
    is_used = chance.random() < 0.5
    details = Details(code=21_500 if is_used else 21_739, consumes_nonce=is_used)
    await _armed(simulation, FaultKind.ENGINE_FAILURE, chance, _of_sends(chance), details)


@fault(3)
async def execution_slow(simulation: Simulation, chance: Random) -> None:
    details = Details(delay_ms=int(spell_s(chance, 20, 8_000)))
    await _armed(simulation, FaultKind.SLOW_EXECUTION, chance, _of_sends(chance), details)


@fault(3)
async def hedge_fills_short(simulation: Simulation, chance: Random) -> None:
    """An IOC fills not at all, partly, or (without this fault) wholly."""
    ratio = chance.choice((Decimal(0), Decimal("0.3"), Decimal("0.9")))
    when = When(account=HEDGER_ACCOUNT, tx_type=CREATE)
    await _armed(simulation, FaultKind.IOC_SHORT_FILL, chance, when, Details(fill_ratio=ratio))


@fault(1)
async def market_halted(simulation: Simulation, chance: Random) -> None:
    for_s = spell_s(chance, 0.2, 4.0)
    rule = FaultRule(kind=FaultKind.MARKET_STATUS, for_us=int(for_s * 1e6), details=Details())
    simulation.arm(rule)
    await asyncio.sleep(for_s)


@fault(0.6)
async def somebody_uses_the_key(simulation: Simulation, chance: Random) -> None:
    """A transaction of another client takes the next nonce."""
    when = When(account=_account(chance), key=KEY)
    simulation.arm(FaultRule(kind=FaultKind.OTHER_CLIENT, when=when, count=1))


# -- frames and sockets ---------------------------------------------------------------------


@fault(6)
async def frames_go_wrong(simulation: Simulation, chance: Random) -> None:
    """Lost, doubled, late, in another order across channels, or a snapshot once more."""
    kind = chance.choice(
        (
            FaultKind.DROP_FRAME,
            FaultKind.DROP_FRAME,
            FaultKind.DUPLICATE_FRAME,
            FaultKind.DELAY_FRAME,
            FaultKind.REORDER_FRAME,
            FaultKind.REORDER_FRAME,
            FaultKind.LATE_ORDERS,
            FaultKind.REPLAY_TRADES,
            FaultKind.BOOK_GAP,
        )
    )
    channel: str | None = chance.choice(ACCOUNT_CHANNELS)
    if kind is not FaultKind.DROP_FRAME and chance.random() < 0.3:
        channel = None
    if kind in (FaultKind.LATE_ORDERS, FaultKind.REPLAY_TRADES, FaultKind.BOOK_GAP):
        channel = None
    account = chance.choice((None, MAKER_ACCOUNT, HEDGER_ACCOUNT))
    if kind is FaultKind.BOOK_GAP:
        account = None
    for_s = spell_s(chance, 0.2, 3.0)
    delay_ms = int(spell_s(chance, 5, 2_000))
    may_be_late = kind in (FaultKind.DELAY_FRAME, FaultKind.REORDER_FRAME, FaultKind.LATE_ORDERS)
    simulation.arm(
        FaultRule(
            kind=kind,
            when=When(channel=channel, account=account),
            for_us=int(for_s * 1e6),
            probability=chance.choice((0.3, 1.0)),
            count=chance.choice((1, 2, None)),
            details=Details(delay_ms=delay_ms) if may_be_late else Details(),
        )
    )
    await asyncio.sleep(for_s)


@fault(2)
async def fills_unheard(simulation: Simulation, chance: Random) -> None:
    """For a moment nobody hears of A's trades: neither its maker nor its hedger.

    The maker's channels of positions and orders still tell that something is missing. A venue that
    keeps silent on every channel at once is found out by the next trade, by the quote's timeout, or
    by the proof that is made every two minutes: longer than a seed.
    """
    for_s, count = spell_s(chance, 0.05, 1.0), chance.choice((1, 1, None))
    for channel in ("account_all_trades", "account_all"):
        simulation.arm(
            FaultRule(
                kind=FaultKind.DROP_FRAME,
                when=When(account=MAKER_ACCOUNT, channel=channel),
                for_us=int(for_s * 1e6),
                count=count,
            )
        )
    await asyncio.sleep(for_s)


@fault(3)
async def sockets_gap(simulation: Simulation, chance: Random) -> None:
    """The connection breaks, and for a while there is none to be had."""
    seat = simulation.victim(chance)
    simulation.note(f"no sockets for {seat.name}")
    seat.faults.refuses_connections = chance.random() < 0.7
    seat.wire.cut()
    await asyncio.sleep(spell_s(chance, 0.05, 5.0))
    seat.faults.refuses_connections = False
    simulation.note(f"sockets for {seat.name}")


# -- REST -----------------------------------------------------------------------------------


@fault(3)
async def reads_fail(simulation: Simulation, chance: Random) -> None:
    for_s = spell_s(chance, 0.2, 5.0)
    some = ["account"] if chance.random() < 0.3 else chance.sample(ENDPOINTS, chance.randint(1, 3))
    for endpoint in some:
        kind = chance.choice((FaultKind.BAD_GATEWAY, FaultKind.DROP_REQUEST, FaultKind.SLOW_ANSWER))
        is_slow = kind is FaultKind.SLOW_ANSWER
        simulation.arm(
            FaultRule(
                kind=kind,
                when=When(endpoint=endpoint),
                for_us=int(for_s * 1e6),
                probability=chance.choice((0.4, 1.0)),
                details=Details(delay_ms=int(spell_s(chance, 50, 3_000))) if is_slow else Details(),
            )
        )
    await asyncio.sleep(for_s)


@fault(1)
async def recovers_without_reads(simulation: Simulation, chance: Random) -> None:
    """A runner dies, and while its successor takes over no position can be read."""
    seat = simulation.victim(chance)
    simulation.kill(seat)
    for_s = chance.uniform(3.0, 9.0)
    simulation.arm(
        FaultRule(
            kind=FaultKind.BAD_GATEWAY, when=When(endpoint="account"), for_us=int(for_s * 1e6)
        )
    )
    await simulation.restart(seat, after_s=0.01)
    await asyncio.sleep(for_s)


@fault(4)
async def replicas_lag(simulation: Simulation, chance: Random) -> None:
    """Each endpoint by itself: one knows more than another (the reads of §4.4 are a second apart).

    Less than that second, as the design takes it.
    """
    for_s = spell_s(chance, 0.5, 8.0)
    for endpoint in chance.sample(ENDPOINTS, chance.randint(1, 4)):
        high_ms = int(spell_s(chance, 20, 900))
        simulation.arm(
            FaultRule(
                kind=FaultKind.REPLICA_LAG,
                when=When(endpoint=endpoint),
                for_us=int(for_s * 1e6),
                details=Details(low_ms=chance.choice((0, high_ms)), high_ms=high_ms),
            )
        )
    await asyncio.sleep(for_s)


# -- processes ------------------------------------------------------------------------------


@fault(6)
async def crash(simulation: Simulation, chance: Random) -> None:
    """At some await: before the n-th callback from now."""
    seat = simulation.victim(chance)
    struck = asyncio.Event()

    def strike() -> None:
        simulation.kill(seat)
        struck.set()

    seat.process.strike = strike
    seat.process.strike_at = seat.process.calls + int(spell_s(chance, 1, 300))
    await _or_its_end(seat, struck)
    await simulation.restart(seat, after_s=spell_s(chance, 0.01, 3.0))


@fault(6)
async def pause(simulation: Simulation, chance: Random) -> None:
    """At some await; sometimes a replacement is started meanwhile, and then it wakes."""
    seat = simulation.victim(chance)
    struck = asyncio.Event()

    def strike() -> None:
        simulation.note(f"{seat.name} sleeps")
        seat.process.pause()
        struck.set()

    seat.process.strike = strike
    seat.process.strike_at = seat.process.calls + int(spell_s(chance, 1, 100))
    await _or_its_end(seat, struck)
    await _sleep_through(simulation, seat, chance)


@fault(5)
async def pause_at_signature(simulation: Simulation, chance: Random) -> None:
    """Between the look at the deadline and the send: what was signed leaves when it wakes."""
    seat = simulation.victim(chance)
    struck = asyncio.Event()

    def strike(struck_seat: SimulatedSeat) -> None:
        simulation.note(f"{seat.name} sleeps with a signature in its hand")
        seat.process.pause()
        struck.set()

    seat.strikes_at_signature.append(strike)
    await _or_its_end(seat, struck)
    await _sleep_through(simulation, seat, chance)


@fault(3)
async def crash_at_signature(simulation: Simulation, chance: Random) -> None:
    """Signed, perhaps written to Redis, never sent."""
    seat = simulation.victim(chance)
    struck = asyncio.Event()

    def strike(struck_seat: SimulatedSeat) -> None:
        simulation.kill(seat)
        struck.set()

    seat.strikes_at_signature.append(strike)
    await _or_its_end(seat, struck)
    await simulation.restart(seat, after_s=spell_s(chance, 0.01, 3.0))


@fault(2)
async def pause_while_fencing(simulation: Simulation, chance: Random) -> None:
    """A newcomer stops between the nonce that it read and its fence, and another comes."""
    seat = simulation.victim(chance)
    simulation.kill(seat)
    successor = await simulation.restart(seat, after_s=0.01)
    struck = asyncio.Event()

    def strike(struck_seat: SimulatedSeat) -> None:
        simulation.note(f"{successor.name} sleeps with its fence in its hand")
        successor.process.pause()
        struck.set()

    successor.strikes_at_signature.append(strike)
    await _or_its_end(successor, struck, within_s=12.0)
    await _sleep_through(simulation, successor, chance, replaced=True)


async def _or_its_end(seat: SimulatedSeat, struck: asyncio.Event, within_s: float = 3.0) -> None:
    try:
        async with asyncio.timeout(within_s):
            await struck.wait()
    except TimeoutError:
        seat.process.strike_at = 0
        seat.strikes_at_signature.clear()


async def _sleep_through(
    simulation: Simulation, seat: SimulatedSeat, chance: Random, *, replaced: bool | None = None
) -> None:
    if not seat.process.is_paused or seat.is_killed:
        return
    asleep_s = spell_s(chance, 0.1, 60.0 if chance.random() < 0.04 else 9.0)
    is_replaced = chance.random() < 0.4 if replaced is None else replaced
    if is_replaced:
        wait_s = chance.uniform(0.0, min(1.0, asleep_s))
        await asyncio.sleep(wait_s)
        asleep_s += spell_s(chance, 0.1, 9.0)
        simulation.replace(seat)
    await asyncio.sleep(asleep_s)
    if not seat.is_killed:
        simulation.note(f"{seat.name} wakes")
        seat.process.resume()


@fault(2)
async def stopped_and_started(simulation: Simulation, chance: Random) -> None:
    """SIGTERM, and after its grace period SIGKILL."""
    seat = simulation.victim(chance)
    simulation.note(f"stop {seat.name}")
    seat.stop.set()
    for _ in range(600):
        if not seat.is_running:
            break
        await asyncio.sleep(0.1)
    else:
        simulation.kill(seat)
    await simulation.restart(seat, after_s=spell_s(chance, 0.01, 1.0))


@fault(1.5)
async def clock_jumps(simulation: Simulation, chance: Random) -> None:
    """The wall clock of one machine; its boot clock goes on as it was."""
    seat = simulation.victim(chance)
    ahead_ms = int(spell_s(chance, 500, 120_000)) * chance.choice((-1, 1))
    simulation.note(f"the clock of {seat.name} jumps by {ahead_ms} ms")
    seat.clock.ahead_ms = ahead_ms
    await asyncio.sleep(spell_s(chance, 0.5, 8.0))
    seat.clock.ahead_ms = 0
    simulation.note(f"the clock of {seat.name} is right")


# -- Redis ----------------------------------------------------------------------------------


@fault(4)
async def redis_away(simulation: Simulation, chance: Random) -> None:
    simulation.note("Redis goes")
    simulation.store.cut()
    await asyncio.sleep(spell_s(chance, 0.05, 6.0))
    if chance.random() < 0.3:
        simulation.store.flush()
        simulation.note("Redis lost everything")
    simulation.store.mend()
    simulation.note("Redis returns")


@fault(3)
async def redis_away_for_one(simulation: Simulation, chance: Random) -> None:
    seat = simulation.victim(chance)
    simulation.note(f"no Redis for {seat.name}")
    seat.link.cut()
    await asyncio.sleep(spell_s(chance, 0.05, 8.0))
    seat.link.mend()
    simulation.note(f"Redis for {seat.name}")


@fault(3)
async def redis_answers_lost(simulation: Simulation, chance: Random) -> None:
    """Writes are applied, and nobody hears of it."""
    seat = simulation.victim(chance)
    simulation.note(f"Redis does not answer {seat.name}")
    seat.link.loses_answers = True
    await asyncio.sleep(spell_s(chance, 0.05, 4.0))
    seat.link.mend()
    simulation.note(f"Redis answers {seat.name}")


@fault(4)
async def redis_rolled_back(simulation: Simulation, chance: Random) -> None:
    """A replica takes over that lacks the last writes."""
    back_s = spell_s(chance, 0.01, 1.5)
    snapshot = Snapshot(simulation.store)
    await asyncio.sleep(back_s)
    simulation.store.cut()
    snapshot.restore()
    simulation.note(f"Redis rolls back {back_s * 1_000:.0f} ms")
    await asyncio.sleep(spell_s(chance, 0.001, 0.5))
    simulation.store.mend()


@fault(3)
async def redis_flushed(simulation: Simulation, chance: Random) -> None:
    simulation.note("Redis loses everything")
    simulation.store.flush()


# -- the market ------------------------------------------------------------------------------


@fault(3)
async def price_jumps(simulation: Simulation, chance: Random) -> None:
    """Beyond what a hedge may follow: the ladder of design §6, up to undoing on A, and back."""
    ticks = chance.choice((-1, 1)) * chance.randint(1_300, 3_000)
    simulation.note(f"the market jumps by {ticks} ticks")
    simulation.crowd.jump(ticks)
    await asyncio.sleep(spell_s(chance, 0.5, 9.0))
    simulation.note("the market is back")
    simulation.crowd.jump(0)


# -- people ---------------------------------------------------------------------------------


@fault(1.2)
async def traded_by_hand(simulation: Simulation, chance: Random) -> None:
    lots = chance.choice((-1, 1)) * int(spell_s(chance, 1, 120))
    simulation.trade_by_hand(chance.choice((MAKER_ACCOUNT, HEDGER_ACCOUNT)), lots)


@fault(4)
async def wished(simulation: Simulation, chance: Random) -> None:
    """Suspended, flattened or edited in the middle, and on again."""
    what = chance.choice((Wish.SUSPEND, Wish.SUSPEND, Wish.FLATTEN, Wish.RUN))
    if what is Wish.RUN:
        simulation.edit(chance)
        return
    simulation.wishes(what)
    await asyncio.sleep(spell_s(chance, 0.02, 6.0))
    simulation.wishes(Wish.RUN)


def victim_role(chance: Random) -> Role:
    return Role.HEDGER if chance.random() < 0.6 else Role.MAKER
