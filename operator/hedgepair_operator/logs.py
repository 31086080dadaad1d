"""Logs as one JSON object a line. No spec, Secret, URL or response body is ever a field (law 9)."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import orjson

_PLAIN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}
# They tell each request, event and handler; what matters of that is counted.
_QUIET: Final = ("kopf", "kubernetes", "aiohttp", "asyncio")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {
            name: value
            for name, value in record.__dict__.items()
            if name not in _PLAIN and isinstance(value, (str, int, float, bool, list))
        }
        if record.exc_info and record.exc_info[0] is not None:
            # Where and which, not the values: an exception's text may quote what it failed on.
            kind, _, trace = record.exc_info
            line["error"] = kind.__name__
            line["trace"] = "".join(traceback.format_tb(trace))
        return orjson.dumps(line, default=str).decode()


def log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
