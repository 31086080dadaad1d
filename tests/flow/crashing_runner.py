"""A runner as pods run it, that kills itself at one step of a hedge: the first time it gets there.

Arguments: role, the step by name, and the words of the command line that follow the role. Steps
that Redis sees are not here: a tap on its connection knows them (`redis_tap`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from hedgepair_runner import lifecycle
from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.runner_flags import add_runner_flags, settings_of
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.metrics import RunnerMetrics
from hedgepair_runner.roles import run_role
from hedgepair_runner.venues.lighter.client import VenueParts
from hedgepair_runner.venues.lighter.transport import Connection, Transport

TRADES, CREATE, ANSWER = '"trades":{', '"tx_type":14,', '"jsonapi/sendtx"'


class Steps:
    """What has happened so far, and where to die."""

    def __init__(self, role: Role, last: str) -> None:
        self._role = role
        self._last = last
        self._has_sent = False

    def reached(self, step: str) -> None:
        if step == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def sending(self, frame: str) -> None:
        if CREATE in frame:
            self.reached("has signed the order")

    def sent(self, frame: str) -> None:
        if CREATE in frame:
            self._has_sent = True
            self.reached("has sent the order")

    def heard(self, frame: str) -> None:
        if TRADES in frame and '"subscribed/' not in frame:
            is_hedge = self._has_sent and self._role is Role.HEDGER
            self.reached("hears of its own trade" if is_hedge else "hears of the fill")
        if ANSWER in frame and self._has_sent:
            self.reached("hears that the order was accepted")


class WatchedTransport:
    def __init__(self, inner: Transport, steps: Steps) -> None:
        self._inner = inner
        self._steps = steps

    async def get(
        self, path: str, params: Mapping[str, str], *, auth: str | None, timeout_s: float
    ) -> tuple[int, bytes]:
        return await self._inner.get(path, params, auth=auth, timeout_s=timeout_s)

    async def post_form(
        self, path: str, form: Mapping[str, str], *, timeout_s: float
    ) -> tuple[int, bytes]:
        return await self._inner.post_form(path, form, timeout_s=timeout_s)

    async def connect(self) -> Connection:
        return WatchedConnection(await self._inner.connect(), self._steps)

    async def close(self) -> None:
        await self._inner.close()


class WatchedConnection:
    def __init__(self, inner: Connection, steps: Steps) -> None:
        self._inner = inner
        self._steps = steps

    async def send(self, frame: str) -> None:
        self._steps.sending(frame)
        await self._inner.send(frame)
        self._steps.sent(frame)

    async def receive(self) -> bytes | str:
        frame = await self._inner.receive()
        self._steps.heard(frame if isinstance(frame, str) else frame.decode())
        return frame

    async def close(self) -> None:
        await self._inner.close()


def hook(steps: Steps) -> Callable[[VenueParts], VenueParts]:
    return lambda parts: replace(parts, transport=WatchedTransport(parts.transport, steps))


def main(words: list[str]) -> int:
    label, last, *rest = words
    role = Role[label.upper()]
    parser = parser_of(label, does="dies at one step", example="")
    add_runner_flags(parser)
    settings = settings_of(parser.parse_args(rest), role, os.environ)

    async def run(stop: asyncio.Event) -> int:
        return await run_role(
            role, settings, stop=stop, metrics=RunnerMetrics(), parts_hook=hook(Steps(role, last))
        )

    return lifecycle.run(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
