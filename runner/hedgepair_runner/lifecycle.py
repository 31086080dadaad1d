"""A process from start to exit code: the event loop off the main thread, signals, stop.

The venue's signer is six times faster off the main thread (design §4.7, protocol §5.8), so the
main thread only waits for signals. SIGTERM or Ctrl-C asks for an orderly stop; a second Ctrl-C
ends the process at once.
"""

from __future__ import annotations

import asyncio
import decimal
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from hedgepair_runner.logs import secrets
from hedgepair_runner.refusals import refusal_in

Main = Callable[[asyncio.Event], Coroutine[Any, Any, int]]

EXIT_CRASHED: Final = 1
EXIT_REFUSED: Final = 2
EXIT_FORCED: Final = 130

_FORCED: Final = (
    b"hedgepair: stopped at once; orders may still rest until the next start withdraws them\n"
)

logger = logging.getLogger(__name__)


def run(main: Main) -> int:
    """Runs `main(stop)` to its end and returns the exit code. Call it from the main thread.

    0 and up: what `main` returned. 1: it raised, which is logged once. 2: it raised StartRefused,
    whose sentence goes to stderr. 130: a second Ctrl-C (the process ends inside).
    """
    trap_floats_in_money()
    stopper = _Stopper()
    former = {
        number: signal.signal(number, stopper.on_signal)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="loop") as thread:
            outcome = thread.submit(_drive, main, stopper)
            error = outcome.exception()
            return outcome.result() if error is None else exit_code_of(error)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def exit_code_of(error: BaseException) -> int:
    """What a failed command ends with; says why, once: a refusal to people, a crash to the log."""
    refusal = refusal_in(error)
    if refusal is not None:
        sys.stderr.write(f"hedgepair: {secrets.redact(refusal.sentence)}\n")
        return EXIT_REFUSED
    logger.critical("crashed", exc_info=error)
    return EXIT_CRASHED


def trap_floats_in_money() -> None:
    """`Decimal(0.1)` and `Decimal < float` raise from now on, in this and every later thread."""
    decimal.DefaultContext.traps[decimal.FloatOperation] = True
    decimal.getcontext().traps[decimal.FloatOperation] = True


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: it halves the time between a frame and its reader."""
    try:
        import uvloop  # absent on some platforms
    except ModuleNotFoundError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _drive(main: Main, stopper: _Stopper) -> int:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_under(main, stopper))


async def _under(main: Main, stopper: _Stopper) -> int:
    return await main(stopper.attach(asyncio.get_running_loop()))


class _Stopper:
    """Carries the wish to stop from the main thread's signal handler into the loop's thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None
        self._asked = False
        self._interrupts = 0

    def attach(self, loop: asyncio.AbstractEventLoop) -> asyncio.Event:
        """The loop's stop event; already set if a signal came before the loop ran."""
        event = asyncio.Event()
        self._event, self._loop = event, loop
        # Read after the loop is in place: a signal in between sets the event twice, never not.
        if self._asked:
            event.set()
        return event

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if number == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                os.write(sys.stderr.fileno(), _FORCED)
                os._exit(EXIT_FORCED)
        if self._loop is not None and self._event is not None:
            # A loop that has closed is past stopping.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._event.set)
