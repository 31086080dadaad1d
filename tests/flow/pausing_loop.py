"""Virtual time with processes in it: some tasks can be stopped dead while the others go on.

Each task belongs to the process in whose context it was created. While a process is paused none
of its callbacks run; they run when it is resumed, late, as after SIGSTOP and SIGCONT. A process
that is never resumed was killed: not a line of its clean-up ran.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar, TypeVarTuple

Result = TypeVar("Result")
Args = TypeVarTuple("Args")


class Process:
    """A name for a group of tasks, and whether they may run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_paused = False
        self.held: list[_Call] = []

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        """What would have happened meanwhile happens now, in its order."""
        self.is_paused = False
        held, self.held = self.held, []
        loop = asyncio.get_running_loop()
        for call in held:
            loop.call_soon(call.run_late, context=call.context)


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

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self.now_s > self._end_s:
            raise EndlessWait(f"at {self.now_s:.3f} s")
        self.now_s += timeout
        return []


class _PausingLoop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _VirtualSelector) -> None:
        super().__init__(selector)
        self._virtual = selector

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
        if self.process.is_paused:
            self.process.held.append(self)
        else:
            self.callback(*self.args)

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
