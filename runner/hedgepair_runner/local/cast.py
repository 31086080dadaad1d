"""The processes of the demo: exchange, maker and hedger, each with a log file of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

import aiohttp

from hedgepair_runner import environment
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.local import children
from hedgepair_runner.local.children import Child
from hedgepair_runner.local.redis_server import free_port

MANIFEST: Final = "paper.yaml"
"""In this package, so that an installed wheel has it; the same as examples/paper.yaml."""

_ANSWERS_WITHIN_S: Final = 20.0
_ENDS_WITHIN_S: Final = 5.0
_ASK_EVERY_S: Final = 0.05


class DemoFailed(Exception):
    """A process did not do what it should; the message says which and what, for a person."""


class RunnerChild:
    """A maker or hedger, as `wind_down` sees it."""

    def __init__(self, child: Child) -> None:
        self.child = child

    @property
    def name(self) -> str:
        return self.child.name

    @property
    def is_done(self) -> bool:
        return self.child.exit_code is not None

    def ask_to_stop(self) -> None:
        self.child.ask_to_stop()


class Cast:
    """A context manager: whoever still runs at its end is ended, runners before the exchange."""

    def __init__(self, folder: Path, *, redis_url: str) -> None:
        self._folder = folder
        self._children: list[Child] = []
        self.exchange_url = f"http://127.0.0.1:{free_port()}"
        # By environment: the process list shows arguments to everybody on this machine.
        self._environ = os.environ | {
            environment.REDIS_URL: redis_url,
            environment.EXCHANGE_URL: self.exchange_url,
            environment.PAPER_SEED: environment.DEFAULT_PAPER_SEED,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            child.end(patience_s=_ENDS_WITHIN_S)

    @property
    def lost(self) -> Child | None:
        """Whoever has ended without being asked."""
        return next((child for child in self._children if child.exit_code is not None), None)

    @property
    def failed(self) -> tuple[Child, ...]:
        """Whoever has ended with an error."""
        return tuple(child for child in self._children if child.exit_code)

    def refuse_losses(self) -> None:
        """Raises DemoFailed for a process that has ended, with the end of its log."""
        if self.lost is not None:
            raise DemoFailed(
                f"the {self.lost.name} ended by itself with exit code {self.lost.exit_code}; "
                f"its last words:\n{self.lost.last_words()}"
            )

    async def start_exchange(self, stop: asyncio.Event) -> bool:
        """Returns once it answers; False when `stop` came first. Raises DemoFailed."""
        port = self.exchange_url.rpartition(":")[2]
        seed = environment.DEFAULT_PAPER_SEED
        self._start("exchange", "--port", port, "--seed", seed, "--profile", "demo")
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + _ANSWERS_WITHIN_S
        async with aiohttp.ClientSession() as session:
            while not stop.is_set():
                if await _answers(session, self.exchange_url):
                    return True
                self.refuse_losses()
                if loop.time() > deadline_s:
                    raise DemoFailed(
                        f"the exchange did not answer within {_ANSWERS_WITHIN_S:.0f} s"
                    )
                await asyncio.sleep(_ASK_EVERY_S)
        return False

    def start_runner(self, role: Role) -> RunnerChild:
        manifest = self._folder / MANIFEST
        if not manifest.exists():
            manifest.write_text(demo_manifest(), encoding="utf-8")
        return RunnerChild(self._start(role.label, "-f", str(manifest)))

    def _start(self, name: str, *arguments: str) -> Child:
        command = [sys.executable, "-m", "hedgepair_runner", name, *arguments]
        log = self._folder / f"{name}.log"
        child = children.start(name, command, log=log, environ=self._environ)
        self._children.append(child)
        return child


def demo_manifest() -> str:
    return (files("hedgepair_runner.local") / MANIFEST).read_text(encoding="utf-8")


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=1)) as response:
            return response.ok
    except (aiohttp.ClientError, TimeoutError):
        return False
