"""Harms a pair by chance and by seed: any fault, at any time, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING

from hedgepair_runner.contract.identity import Role

if TYPE_CHECKING:
    from tests.flow.ring import Ring
    from tests.flow.seats import Seat


class Mischief:
    """`play` starts the pair, harms it so many times, and leaves it alone."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._chance = Random(f"mischief {ring.options.seed}")
        self._pair: dict[Role, Seat] = {}
        self._faults: list[Callable[[], Awaitable[None]]] = [
            self._kill,
            self._sleep,
            self._cut_wire,
            self._close_door,
            self._lose,
            self._cut_redis,
            self._flush_redis,
            self._lose_redis_answers,
            self._close_rest,
            self._double_frames,
        ]

    async def play(self, *, rounds: int) -> None:
        self._pair = self._ring.start_all()
        for _ in range(rounds):
            await self._wait(0.0, 9.0)
            if self._chance.random() < 0.5:
                # Right around a fill is where it hurts.
                await self._ring.fills(len(self._ring.trades(self._maker_account)) + 1)
                await self._wait(0.0, 0.01)
            await self._chance.choice(self._faults)()

    @property
    def _maker_account(self) -> int:
        return self._ring.judged.maker_account

    async def _wait(self, least_s: float, most_s: float) -> None:
        await self._ring.pass_time(self._chance.uniform(least_s, most_s))

    def _victim(self, what: str) -> Seat:
        seat = self._pair[self._chance.choice((Role.MAKER, Role.HEDGER))]
        self._ring.note(f"{what} {seat.name}")
        return seat

    async def _kill(self) -> None:
        seat = self._victim("choose")
        self._ring.kill(seat)
        await self._wait(0.0, 1.0)
        self._pair[seat.role] = self._ring.start(seat.role)

    async def _sleep(self) -> None:
        seat = self._victim("put to sleep")
        seat.process.pause()
        await self._wait(0.1, 8.0)
        self._ring.note(f"wake {seat.name}")
        seat.process.resume()

    async def _cut_wire(self) -> None:
        self._victim("cut the wire of").wire.cut()

    async def _close_door(self) -> None:
        seat = self._victim("close the door to")
        seat.faults.refuses_connections = True
        seat.wire.cut()
        await self._wait(0.1, 4.0)
        seat.faults.refuses_connections = False

    async def _lose(self) -> None:
        seat = self._victim("lose frames of")
        kinds = ("requests_to_lose", "answers_to_lose", "sends_to_cut", "answers_cut")
        setattr(seat.faults, self._chance.choice(kinds), self._chance.randint(1, 3))

    async def _cut_redis(self) -> None:
        self._ring.note("cut Redis")
        self._ring.store.cut()
        await self._wait(0.1, 5.0)
        self._ring.note("mend Redis")
        self._ring.store.mend()

    async def _flush_redis(self) -> None:
        self._ring.note("flush Redis")
        self._ring.store.flush()

    async def _lose_redis_answers(self) -> None:
        self._ring.note("lose the answers of Redis")
        self._ring.store.loses_answers = True
        await self._wait(0.1, 3.0)
        self._ring.note("mend Redis")
        self._ring.store.mend()

    async def _close_rest(self) -> None:
        seat = self._victim("close REST to")
        seat.faults.is_rest_down = True
        await self._wait(0.1, 5.0)
        self._ring.note("REST is open")
        seat.faults.is_rest_down = False

    async def _double_frames(self) -> None:
        seat = self._victim("double the frames of")
        seat.faults.frames_twice = True
        await self._wait(0.1, 5.0)
        seat.faults.frames_twice = False
