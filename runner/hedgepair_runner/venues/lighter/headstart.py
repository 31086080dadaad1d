"""A coroutine's first step, taken at once instead of in a task's turn.

Between a decision and its bytes on the socket no other callback of the loop gets a turn
(design §4.7). Whatever is left after the first step is awaited like any coroutine.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any


class Rest:
    """What is left of a coroutine that has begun. To be awaited once."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        while True:
            try:
                told = yield waits_for
            except BaseException as error:  # a cancellation, mostly: it belongs to the coroutine
                resume: Callable[[], Any] = partial(self._coroutine.throw, error)
            else:
                resume = partial(self._coroutine.send, told)
            try:
                waits_for = resume()
            except StopIteration:
                return


def begin(coroutine: Coroutine[Any, Any, None]) -> Rest | None:
    """Takes the first step; its exception comes out here. None: that was all of it.

    In its first step the coroutine must not ask which task it runs in.
    """
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    return Rest(coroutine, waits_for)
