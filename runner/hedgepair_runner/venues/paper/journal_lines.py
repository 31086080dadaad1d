"""The journal's text: one line for each call that changed the exchange.

A line is eight hex digits, a space, a JSON array `[kind, …]` and a newline. The digits are a
CRC-32 over this array and over all before it in the file: a line that is missing, doubled or cut
off breaks the chain. A file's first array is `["journal", format, generation, identity digest]`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Entry = list[Any]
"""`[kind, …]`; what follows a kind is said in `recording`."""
FORMAT = 1
_DIGITS = 8


class Chain:
    """Writes lines, each with the checksum of all so far."""

    def __init__(self, checksum: int = 0) -> None:
        self.checksum = checksum

    def line(self, entry: Sequence[object]) -> bytes:
        text = orjson.dumps(entry)
        self.checksum = zlib.crc32(text, self.checksum)
        return b"%08x %b\n" % (self.checksum, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What could be read of a file. `length` bytes of it hold; what follows was never whole."""

    count: int
    length: int
    checksum: int


def read_lines(data: bytes, on_entry: Callable[[Entry], None]) -> Lines:
    """Hands over the entries in order, up to the first line that is torn or breaks the chain."""
    position, checksum, count = 0, 0, 0
    while True:
        end = data.find(b"\n", position)
        if end < 0:
            break
        text = data[position + _DIGITS + 1 : end]
        following = zlib.crc32(text, checksum)
        if data[position : position + _DIGITS + 1] != b"%08x " % following:
            break
        on_entry(orjson.loads(text))
        position, checksum, count = end + 1, following, count + 1
    return Lines(count=count, length=position, checksum=checksum)


def heading(generation: int, identity_digest: str) -> Entry:
    return ["journal", FORMAT, generation, identity_digest]
