"""Child processes that never outlive the process that started them, however that one ends.

A watcher beside each child holds the reading end of a pipe; when the parent is gone, the pipe
ends and the watcher ends the child. (Linux's parent-death signal would fire at the end of the
starting *thread*, and exists nowhere else.)
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

# The pipe comes as standard input. A clean end writes a line first: the process number may by then
# be another's. The child itself replaces the shell, so its number and its signals are its own.
_WATCH: Final = (
    "child=$$; exec 3<&0 </dev/null; "
    '( read -r word <&3 || kill -TERM "$child" ) >/dev/null 2>&1 & '
    'exec 3<&- "$@"'
)

_SHOWN_LINES: Final = 15


class Child:
    """A running child. Its standard output and error go to `log`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], *, log: Path, tie: int) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._tie: int | None = tie

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        code = self._process.poll()
        if code is not None:
            self._untie()
        return code

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask_to_stop(self) -> None:
        """SIGTERM: an orderly stop. Does nothing to a child that has ended."""
        self._process.terminate()

    def end(self, *, patience_s: float) -> int:
        """Asks, waits, and kills what does not listen. Returns the exit code."""
        self._process.terminate()
        try:
            self._process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._untie()
        return self._process.returncode

    def last_words(self) -> str:
        """The end of its log, for a person who must find out what happened."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_SHOWN_LINES:])

    def _untie(self) -> None:
        if self._tie is not None:
            with suppress(BrokenPipeError):
                os.write(self._tie, b"ended\n")
            os.close(self._tie)
            self._tie = None


def start(
    name: str, command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None
) -> Child:
    """Starts `command` in a session of its own: Ctrl-C in the terminal reaches only the parent."""
    reading, tie = os.pipe()
    try:
        with log.open("ab") as sink:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _WATCH, "sh", *command],
                stdin=reading,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=None if environ is None else dict(environ),
            )
    except BaseException:  # whatever it was, the pipe must not leak; it goes on as it came
        os.close(tie)
        raise
    finally:
        os.close(reading)
    return Child(name, process, log=log, tie=tie)
