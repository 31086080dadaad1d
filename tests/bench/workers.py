"""Processes of the benchmark that speak JSON lines: one command in, one answer out.

A worker reads its standard input to the end: when the benchmark is gone, so is the worker.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tests.bench.rows import Broken

ROOT: Final = Path(__file__).resolve().parents[2]
_STOP_WITHIN_S: Final = 20.0
_POLL_S: Final = 0.5


def environment(home: Path) -> dict[str, str]:
    """Of every measured process: byte code is compiled beforehand, as in the image."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE",)}
    return {**kept, "PYTHONPYCACHEPREFIX": str(home / "bytecode"), "PYTHONUNBUFFERED": "1"}


class Worker:
    """A child of the benchmark. Its standard error goes to a file in `home`."""

    def __init__(self, module: str, options: Mapping[str, Any], *, home: Path, name: str) -> None:
        self.name = name
        self.log = home / f"{name}.log"
        with self.log.open("wb") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"tests.bench.{module}", json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                cwd=ROOT,
                env=environment(home),
                start_new_session=True,
            )
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name=f"hear {name}", daemon=True).start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, command: str, **arguments: Any) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise AssertionError("a worker is started with pipes")
        stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        stdin.flush()

    def hear(
        self,
        *,
        within_s: float,
        on_progress: Callable[[int], None] | None = None,
        beside: Sequence[Worker] = (),
    ) -> dict[str, Any]:
        """The next answer. Lines that only tell of progress go to `on_progress`.

        Raises Broken when nothing comes for so long, or when one of those `beside` has ended.
        """
        while True:
            answer: dict[str, Any] = json.loads(self._line(within_s, beside))
            if "progress" not in answer:
                return answer
            if on_progress is not None:
                on_progress(answer["progress"])

    def _line(self, within_s: float, beside: Sequence[Worker]) -> bytes:
        until_s = time.monotonic() + within_s
        while True:
            try:
                line = self._answers.get(timeout=_POLL_S)
            except queue.Empty:
                for worker in beside:
                    worker.require_alive()
                if time.monotonic() > until_s:
                    raise Broken(f"{self.name} did not answer; {self._last_words()}") from None
                continue
            if not line:
                raise Broken(f"{self.name} ended; {self._last_words()}")
            return line

    def require_alive(self) -> None:
        if self._process.poll() is not None:
            raise Broken(f"{self.name} ended; {self._last_words()}")

    def ask(self, command: str, *, within_s: float = 10.0, **arguments: Any) -> dict[str, Any]:
        self.tell(command, **arguments)
        return self.hear(within_s=within_s)

    def end(self) -> dict[str, Any]:
        """An orderly stop; what it says last."""
        self._process.send_signal(signal.SIGTERM)
        said = self.hear(within_s=_STOP_WITHIN_S)
        self.stop()
        return said

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            raise AssertionError("a worker is started with pipes")
        try:
            for line in stdout:
                self._answers.put(line)
        except ValueError:  # closed by `stop`
            return
        self._answers.put(b"")

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-12:]
        return "its last words:\n" + "\n".join(lines)


# -- the worker's own side --


def say(**answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def listen(on_command: Callable[[dict[str, Any]], None], on_end: Callable[[], None]) -> None:
    """Reads commands in a thread of its own until the benchmark hangs up."""

    def read() -> None:
        # Not through sys.stdin: its lock, held by this thread, would break the end of the process.
        rest = b""
        while chunk := os.read(0, 65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                on_command(json.loads(line))
        on_end()

    threading.Thread(target=read, name="commands", daemon=True).start()
