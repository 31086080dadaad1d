"""Watches what is wanted: the key in Redis, the mounted file, and the manifest of a local run.

What cannot be read changes nothing and is told once (law 10).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hedgepair_runner.bus import Bus, BusUnavailable
from hedgepair_runner.contract.desired import Desired, read_desired
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.steering_store import SteeringStore

logger = logging.getLogger(__name__)

ASK_EVERY_S = 0.5
MOST_CHARACTERS = 1_000_000
"""More than a Kubernetes object can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WishFiles:
    """`desired` is the JSON beside a mounted manifest; `manifest` is followed where that is not;
    `progress` is where a local run keeps its count for stopAfter."""

    desired: Path | None = None
    manifest: Path | None = None
    progress: Path | None = None


class DesiredWatcher:
    """`on_desired` gets every new content, whatever its version; `on_edit` the manifest's text."""

    def __init__(
        self,
        store: SteeringStore,
        *,
        bus: Bus,
        role: Role,
        files: WishFiles,
        on_desired: Callable[[Desired], None],
        on_edit: Callable[[str], None],
    ) -> None:
        self._store = store
        self._bus = bus
        self._role = role
        self._files = files
        self._on_desired = on_desired
        self._on_edit = on_edit
        self._seen: dict[str, str] = {}
        self._to_alarm: list[str] = []
        self.is_known = asyncio.Event()
        """Set once Redis was asked: before that, a wish may stand that we do not know of."""
        self._note_manifest()

    def _note_manifest(self) -> None:
        """What the process started with is no edit."""
        text = _text_of(self._files.manifest)
        if text is not None:
            self._seen["the manifest"] = text

    async def run(self) -> None:
        while True:
            self.look_at_files()
            try:
                await self._ask_redis()
                await self._tell_alarms()
            except BusUnavailable:
                logger.debug("redis did not say what is desired")
            await asyncio.sleep(ASK_EVERY_S)

    def look_at_files(self) -> None:
        """Reads by path each time: a ConfigMap changes by swapping a symbolic link."""
        text = _text_of(self._files.desired)
        if text is not None:
            self._take(text, source="the mounted file")
        text = _text_of(self._files.manifest)
        if text is not None and self._is_new(text, "the manifest"):
            self._on_edit(text)

    def refused(self, sentences: tuple[str, ...]) -> None:
        """What was asked for and not taken: to the log now, to the journal when Redis answers."""
        for sentence in sentences:
            logger.warning("not taken", extra={"reason": sentence})
            self._to_alarm.append(sentence)

    async def _ask_redis(self) -> None:
        text = await self._store.read_desired(self._role)
        if text is not None:
            self._take(text.decode(errors="replace"), source="Redis")
        self.is_known.set()

    def _take(self, text: str, *, source: str) -> None:
        if not self._is_new(text, source):
            return
        try:
            desired = read_desired(text)
        except ValueError as error:
            self.refused((f"The desired state in {source} cannot be read: {error}",))
            return
        self._on_desired(desired)

    def _is_new(self, text: str, source: str) -> bool:
        if self._seen.get(source) == text:
            return False
        self._seen[source] = text
        return True

    async def _tell_alarms(self) -> None:
        while self._to_alarm:
            await self._bus.raise_alarm("NotTaken", self._to_alarm[0])
            del self._to_alarm[0]


def _text_of(path: Path | None) -> str | None:
    """None where nothing can be read: a file that is being replaced is there again in a moment."""
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MOST_CHARACTERS)
    except OSError:
        return None
