"""Virtual time with processes in it: some tasks can be stopped dead while the others go on.

Each task belongs to the process in whose context it was created. While a process is paused none
of its callbacks run; they run when it is resumed, late, as after SIGSTOP and SIGCONT. A process
that is never resumed was killed: not a line of its clean-up ran.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from typing import Any, TypeVar, TypeVarTuple

MOST_TURNS = 100_000
"""Of the loop within one moment: more are an endless one."""
Result = TypeVar("Result")
Args = TypeVarTuple("Args")


class Process:
    """A name for a group of tasks, and whether they may run.

    `calls` counts its callbacks: a program takes one for each await that returns. Before the
    call `strike_at` it is struck, by whatever `strike` does to it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_paused = False
        self.held: list[_Call] = []
        self.calls = 0
        self.strike_at = 0
        self.strike: Callable[[], None] = self.pause
        self._resumed: list[asyncio.Future[None]] = []

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        """What would have happened meanwhile happens now, in its order."""
        self.is_paused = False
        held, self.held = self.held, []
        loop = asyncio.get_running_loop()
        resumed, self._resumed = self._resumed, []
        for future in resumed:
            if not future.done():
                future.set_result(None)
        for call in held:
            loop.call_soon(call.run_late, context=call.context)

    async def running(self) -> None:
        """Returns when the process runs: what it hands out while it is paused leaves only then."""
        while self.is_paused:
            resumed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._resumed.append(resumed)
            await resumed

    def may_run(self) -> bool:
        """Asked before each callback."""
        if self.is_paused:
            return False
        self.calls += 1
        if self.calls == self.strike_at:
            self.strike()
        return not self.is_paused


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


def start(process: Process, main: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Runs `main` and every task that it makes as this process's."""
    context = contextvars.copy_context()
    context.run(_PROCESS.set, process)
    loop = asyncio.get_running_loop()
    return loop.create_task(main, name=process.name, context=context)


async def outside(work: Coroutine[Any, Any, Result]) -> Result:
    """Something that the process handed to the world: it goes on though the process stops."""
    context = contextvars.copy_context()
    context.run(_PROCESS.set, None)
    loop = asyncio.get_running_loop()
    task = loop.create_task(work, context=context)
    task.add_done_callback(_hear)
    return await asyncio.shield(task)


def _hear(task: asyncio.Task[Any]) -> None:
    """Whoever asked may be gone by now; then nobody else wants to know how it ended."""
    if not task.cancelled():
        task.exception()


def in_virtual_time(main: Coroutine[Any, Any, Result], *, end_s: float = 3_600) -> Result:
    """Runs to the end on a loop that jumps over its waits and knows processes."""
    loop = _PausingLoop(_VirtualSelector(end_s=end_s))
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


class EndlessWait(Exception):
    """Nothing will ever happen again, or the end of time has come."""


class _VirtualSelector(selectors.SelectSelector):
    """Waiting takes no time: the clock moves on by as much. Nothing real is ever waited for."""

    def __init__(self, *, end_s: float) -> None:
        super().__init__()
        self.now_s = 0.0
        self._end_s = end_s
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turns += 1
        if timeout is None or self.now_s > self._end_s or self._turns > MOST_TURNS:
            raise EndlessWait(f"at {self.now_s:.3f} s")
        if timeout > 0:
            self.now_s += timeout
            self._turns = 0
        return []


class _NumberedTask(asyncio.Task[Any]):
    """Sets of tasks have the same order in every run: asyncio cancels by it."""

    def __init__(self, coro: Any, *, number: int, **options: Any) -> None:
        self.number = number  # first of all: tasks enter a set as they are made
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class _PausingLoop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _VirtualSelector) -> None:
        super().__init__(selector)
        self._virtual = selector
        self._tasks_made = 0
        self.set_task_factory(self._make_task)

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Result] | Generator[Any, None, Result],
        **options: Any,
    ) -> asyncio.Future[Result]:
        self._tasks_made += 1
        return _NumberedTask(coro, loop=loop, number=self._tasks_made, **options)

    def time(self) -> float:
        return self._virtual.now_s

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        call = _owned(callback, args, context)
        if call is None:
            return super().call_soon(callback, *args, context=context)
        call.handle = super().call_soon(call.run, context=call.context)
        return call.handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        call = _owned(callback, args, context)
        if call is None:
            return super().call_at(when, callback, *args, context=context)
        handle = super().call_at(when, call.run, context=call.context)
        call.handle = handle
        return handle


class _Call:
    """A callback of a process: it runs, or is held while the process is paused."""

    __slots__ = ("args", "callback", "context", "handle", "process")

    def __init__(
        self,
        process: Process,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context,
    ) -> None:
        self.process = process
        self.callback = callback
        self.args = args
        self.context = context
        self.handle: asyncio.Handle | None = None

    def run(self) -> None:
        if self.process.may_run():
            self.callback(*self.args)
        else:
            self.process.held.append(self)

    def run_late(self) -> None:
        # What ran before it, after the pause, may have taken it back.
        if self.handle is None or not self.handle.cancelled():
            self.run()


def _owned(
    callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
) -> _Call | None:
    if isinstance(getattr(callback, "__self__", None), _Call):
        return None
    context = contextvars.copy_context() if context is None else context
    process = context.get(_PROCESS)
    return None if process is None else _Call(process, callback, args, context)
