"""kubectl and helm as a user types them: every test reads the cluster through these."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

from hedgepair_runner.local.records import RecordsUnavailable

Answer = TypeVar("Answer")

COMMAND_TIMEOUT_S = 120.0
POLL_S = 0.25


class CommandFailed(AssertionError):
    """A command that was meant to work did not; the message holds what it said."""

    def __init__(self, words: tuple[str, ...], output: str) -> None:
        super().__init__(f"{' '.join(words)}\n{output}")
        self.output = output


class NotReached(AssertionError):
    """What a test waited for did not come."""


def run(*words: str, stdin: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
    """Standard output. Raises CommandFailed with both outputs when the exit code is not 0."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode != 0:
        raise CommandFailed(words, f"{done.stdout}{done.stderr}")
    return done.stdout


def attempt(*words: str, stdin: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
    """All that a command says, whatever its exit code: for looking around after a failure."""
    try:
        return run(*words, stdin=stdin, timeout_s=timeout_s)
    except (CommandFailed, subprocess.TimeoutExpired) as failed:
        return str(failed)


def refusal(*words: str, stdin: str | None = None) -> str:
    """What a command says that has to fail."""
    try:
        said = run(*words, stdin=stdin)
    except CommandFailed as refused:
        return refused.output
    raise AssertionError(f"{' '.join(words)} was not refused:\n{said}")


def until(
    ask: Callable[[], Answer | None], what: str, *, within_s: float, every_s: float = POLL_S
) -> Answer:
    """The first answer that is true; a command or a read that fails is not yet one."""
    deadline_s = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline_s:
        try:
            answer = ask()
        except (CommandFailed, RecordsUnavailable) as failed:
            last = failed
        else:
            if answer:
                return answer
            last = answer
        time.sleep(every_s)
    raise NotReached(f"not within {within_s:g} s: {what}\nlast: {last}")


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def __call__(self, *words: str, stdin: str | None = None) -> str:
        return run("kubectl", "-n", self.namespace, *words, stdin=stdin)

    def get(self, *what: str) -> Any:
        return json.loads(self("get", *what, "-o", "json"))

    def find(self, *what: str) -> Any | None:
        """None where there is none."""
        text = self("get", *what, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def items(self, *what: str) -> list[Any]:
        return list(self.get(*what)["items"])

    def apply(self, text: str, *flags: str) -> str:
        return self("apply", *flags, "-f", "-", stdin=text)

    def refused(self, text: str) -> str:
        return refusal("kubectl", "-n", self.namespace, "apply", "-f", "-", stdin=text)

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        self("patch", kind, name, "--type=merge", "-p", json.dumps(patch))

    def exec(self, pod: str, *words: str) -> str:
        return self("exec", pod, "--", *words)
