"""Keeps a runner and the token together: reads the record, answers it as the rules say (design §6).

What is read is heard at once, and written only under a valid lease; an outage of Redis is waited
out, since nobody gains a right by silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from hedgepair_runner.acting import Token
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.leaser import Leaser
from hedgepair_runner.token_store import TokenStore

POLL_S = 1.0
"""While nothing is expected: well within a lease, so that a rollback is noticed before a successor
can have started."""
HASTY_POLL_S = 0.05


class TokenWatcher:
    """`hear` takes what is stored and returns what shall be, if anything; what it raises ends the
    term. `is_hasty`: something is expected of the other side."""

    def __init__(
        self,
        tokens: TokenStore,
        leaser: Leaser,
        *,
        hear: Callable[[Token | None], Token | None],
        is_hasty: Callable[[], bool],
        on_news: Callable[[], None],
    ) -> None:
        self._tokens = tokens
        self._leaser = leaser
        self._hear = hear
        self._is_hasty = is_hasty
        self._on_news = on_news
        self._wanted = asyncio.Event()

    def look_now(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            has_written = False
            with suppress(BusUnavailable):
                stored = await self._tokens.read_token()
                wanted = self._hear(stored)
                if wanted is not None and self._leaser.is_valid():
                    has_written = await self._tokens.replace_token(wanted, instead_of=stored)
            self._on_news()
            if not has_written:
                await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HASTY_POLL_S if self._is_hasty() else POLL_S):
                await self._wanted.wait()
        self._wanted.clear()
