"""A pair's history on disk: receipts and alarms, appended as they come, one JSON a line.

Redis keeps the newest; here nothing is ever taken away. A line that was cut short by a crash is
passed over and written again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.contract.alarms import Alarm, Severity
from hedgepair_runner.contract.receipts import Receipt, read_receipt, write_receipt
from hedgepair_runner.receipt_store import ReceiptStore
from hedgepair_runner.redis_alarms import BEGIN, RedisAlarms

RECEIPTS: Final = "receipts.jsonl"
ALARMS: Final = "alarms.jsonl"
_EVERY_S: Final = 5.0
_EVER_MS: Final = 1 << 45
_LATE_MS: Final = 600_000
"""A receipt may come so long after its order, when Redis or the venue was away."""


class Historian:
    """Copies what is new in Redis into a directory."""

    def __init__(self, directory: Path, *, receipts: ReceiptStore, alarms: RedisAlarms) -> None:
        self._directory = directory
        self._receipts = receipts
        self._alarms = alarms
        kept = list(read_receipts(directory))
        self._known = {receipt.client_order_index for receipt in kept}
        self._newest_ms = max((receipt.executed_ms for receipt in kept), default=0)
        told = [alarm.id for alarm in read_alarms(directory)]
        self._after = told[-1] if told else BEGIN

    async def keep(self) -> None:
        """Until cancelled; what Redis does not give now it gives later."""
        while True:
            await self.copy()
            await asyncio.sleep(_EVERY_S)

    async def copy(self) -> None:
        try:
            since_ms = max(0, self._newest_ms - _LATE_MS)
            receipts = await self._receipts.read(since_ms=since_ms, until_ms=_EVER_MS)
            alarms, self._after = await self._alarms.newer(self._after)
        except BusUnavailable:
            return
        new = [each for each in receipts if each.client_order_index not in self._known]
        _append(self._directory / RECEIPTS, map(write_receipt, new))
        _append(self._directory / ALARMS, map(orjson.dumps, alarms))
        self._known.update(each.client_order_index for each in new)
        self._newest_ms = max([self._newest_ms, *(each.executed_ms for each in new)])


def read_receipts(directory: Path) -> Iterator[Receipt]:
    for line in _lines(directory / RECEIPTS):
        yield read_receipt(orjson.dumps(line))


def read_alarms(directory: Path) -> Iterator[Alarm]:
    for line in _lines(directory / ALARMS):
        yield Alarm(**{**line, "severity": Severity(line["severity"])})


def _append(path: Path, lines: Iterator[bytes]) -> None:
    text = b"".join(line + b"\n" for line in lines)
    if not text:
        return
    with path.open("ab") as file:
        # Whatever a crash cut short ends here.
        if file.tell() and not _ends_in_order(path):
            file.write(b"\n")
        file.write(text)


def _ends_in_order(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
