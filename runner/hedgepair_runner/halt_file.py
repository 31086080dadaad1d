"""Halts in a file of a local run's state directory: they outlive its Redis (law 11)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from hedgepair_runner.contract.halts import Halt, read_halt
from hedgepair_runner.steering_store import HaltsRead


class HaltFile:
    """One role's file. Raises OSError where the disk does not take or give it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> HaltsRead:
        """Nothing where there is no file. Raises ValueError for a file that is none of ours."""
        try:
            raw = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return HaltsRead()
        try:
            return HaltsRead(
                halts=tuple(read_halt(json.dumps(halt)) for halt in raw["halts"]),
                acknowledged=frozenset(map(str, raw["acknowledged"])),
            )
        except (KeyError, TypeError) as wrong:
            raise ValueError(f"not a file of halts: {wrong!r}") from wrong

    def write(self, halts: Iterable[Halt], *, acknowledged: Iterable[str]) -> None:
        """Whole or not at all, and on the disk when this returns."""
        content = {
            "halts": [asdict(halt) for halt in halts],
            "acknowledged": sorted(acknowledged),
        }
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
