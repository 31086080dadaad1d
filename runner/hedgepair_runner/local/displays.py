"""Where a pair's story is shown: a live table in a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

import orjson
from rich.console import Console
from rich.live import Live

from hedgepair_runner.local.narrating import Line
from hedgepair_runner.local.summarising import Summary
from hedgepair_runner.local.table import View, clock_of, frame, summary_table

_PLAIN_WIDTH: Final = 80


class Display(Protocol):
    """A context manager that shows while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, view: View, *, news: Sequence[Line]) -> None:
        """`news` are the lines of `view` that were not shown before."""
        ...

    def say(self, words: str) -> None:
        """A word from the command itself: what it is doing."""
        ...


class TerminalDisplay:
    """The whole terminal while it runs; what was there before comes back after it."""

    def __init__(self, stream: TextIO) -> None:
        self._live = Live(
            console=Console(file=stream), screen=True, auto_refresh=False, redirect_stdout=False
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, view: View, *, news: Sequence[Line]) -> None:
        self._live.update(frame(view), refresh=True)

    def say(self, words: str) -> None:
        """The table says it all by its hint."""


class PlainDisplay:
    """One line for each thing that happens: for pipes, files and CI."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.flush()

    def show(self, view: View, *, news: Sequence[Line]) -> None:
        for line in news:
            self._stream.write(f"{clock_of(line)}  {line.words}\n")
        if news:
            self._stream.flush()

    def say(self, words: str) -> None:
        self._stream.write(f"{words}\n")
        self._stream.flush()


def display_for(stream: TextIO) -> Display:
    return TerminalDisplay(stream) if stream.isatty() else PlainDisplay(stream)


def print_result(summary: Summary, *, symbol: str, stream: TextIO, as_json: bool) -> None:
    """The table; with `as_json`, the JSON object is the last line."""
    width = None if stream.isatty() else _PLAIN_WIDTH
    Console(file=stream, width=width).print(summary_table(summary, symbol=symbol))
    if as_json:
        stream.write(orjson.dumps(summary.as_json()).decode() + "\n")
    stream.flush()
