"""Logging: one fact, one line on stderr, written by a thread so that the event loop never waits.

JSON lines: `time` (ISO 8601, UTC), `level`, `logger`, `message`, then the fact's `extra` fields,
and `error` with the traceback where there is one. Law 9: every registered secret is blotted out
of messages, fields and tracebacks, in either format.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, TextIO
from urllib.parse import quote

import orjson

BLOT: Final = "[secret]"
LEVELS: Final = ("debug", "info", "warning", "error")

# A shorter text would blot half of every line; the venue's keys and our passwords are far longer.
_SHORTEST_SECRET: Final = 4

# The writer of JSON refuses larger whole numbers; they go out as text.
_JSON_BITS: Final = 63

# What every record has; whatever else it carries came in by `extra`.
_PLAIN_FIELDS: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}

logger = logging.getLogger(__name__)


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


class SecretGuard:
    """Knows the secrets of this process and blots them out of texts.

    By value, never by shape: a transaction hash has as many hexadecimal digits as a key.
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, secret: str) -> None:
        """From now on `secret` is blotted, in any case of letters, bare, 0x-less or URL-quoted."""
        for form in (secret, secret.removeprefix("0x"), quote(secret, safe="")):
            if len(form) >= _SHORTEST_SECRET:
                self._secrets.add(form)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        if longest_first:
            self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def redact(self, words: str) -> str:
        return words if self._pattern is None else self._pattern.sub(BLOT, words)

    def redact_value(self, value: object) -> Any:
        """The value as JSON types, with every text in it redacted."""
        match value:
            case int() if value.bit_length() > _JSON_BITS:
                return str(value)
            case None | bool() | int() | float():
                return value
            case dict():
                return {self.redact(str(k)): self.redact_value(v) for k, v in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.redact_value(item) for item in value]
            case _:
                return self.redact(str(value))


secrets: Final = SecretGuard()
"""Of this process: whoever reads a key or a password registers it here at once."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, guard: SecretGuard) -> None:
        super().__init__()
        self._guard = guard

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time_of(record).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._guard.redact(record.getMessage()),
        }
        for name, value in _extra_of(record).items():
            line.setdefault(self._guard.redact(name), self._guard.redact_value(value))
        if record.exc_info:
            line["error"] = self._guard.redact(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


class TextLines(logging.Formatter):
    """A record for people: time of day, level where it matters, words, fields."""

    def __init__(self, guard: SecretGuard) -> None:
        super().__init__()
        self._guard = guard

    def format(self, record: logging.LogRecord) -> str:
        clock = f"{_time_of(record):%H:%M:%S.%f}"[:-3]
        level = "" if record.levelno == logging.INFO else f" {record.levelname.lower()}:"
        fields = "".join(f" {name}={value}" for name, value in _extra_of(record).items())
        line = f"{clock}{level} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self._guard.redact(line)


def _time_of(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, tz=UTC)


def _extra_of(record: logging.LogRecord) -> dict[str, object]:
    return {k: v for k, v in record.__dict__.items() if k not in _PLAIN_FIELDS}


class _Handover(logging.handlers.QueueHandler):
    """Hands the record over as it is: it is formatted by the writing thread, not on the loop.

    Lawful because what is logged is frozen (style: facts are frozen).
    """

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


@contextmanager
def logging_to(
    stream: TextIO, *, log_format: LogFormat = LogFormat.JSON, level: str = "info"
) -> Iterator[None]:
    """All logging of this process goes to `stream` until the end, which waits for the last line.

    Warnings and uncaught exceptions become log lines too: no traceback gets past the guard.
    """
    sink = logging.StreamHandler(stream)
    sink.setFormatter(JsonLines(secrets) if log_format is LogFormat.JSON else TextLines(secrets))
    facts: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handover = _Handover(facts)
    listener = logging.handlers.QueueListener(facts, sink)
    root = logging.getLogger()
    former_level = root.level
    root.setLevel(level.upper())
    root.addHandler(handover)
    logging.captureWarnings(True)
    former_hooks = sys.excepthook, threading.excepthook
    sys.excepthook, threading.excepthook = _log_uncaught, _log_uncaught_in_thread
    listener.start()
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = former_hooks
        logging.captureWarnings(False)
        root.removeHandler(handover)
        root.setLevel(former_level)
        listener.stop()


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logger.critical("crashed", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        trace = failure.exc_type, failure.exc_value, failure.exc_traceback
        logger.critical("thread crashed", exc_info=trace)
