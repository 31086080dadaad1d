"""Logging: one JSON line a fact, no secret in it, and the one who logs never waits."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from datetime import datetime, timedelta
from typing import Any

import pytest

from hedgepair_runner import logs
from hedgepair_runner.logs import BLOT, LogFormat, SecretGuard, logging_to

KEY = "0x" + "ab12" * 20
TX_HASH = "cd34" * 20
PASSWORD = "p@ss/word+1"

logger = logging.getLogger("hedgepair_runner.test")


@pytest.fixture(autouse=True)
def guard(monkeypatch: pytest.MonkeyPatch) -> SecretGuard:
    """A fresh one: secrets of one test are none of the next one's."""
    guard = SecretGuard()
    monkeypatch.setattr(logs, "secrets", guard)
    return guard


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_fact_is_one_line_of_json_with_its_fields() -> None:
    stream = io.StringIO()
    with logging_to(stream):
        logger.info("hedge placed", extra={"pair": "ns/eth", "size_lots": 5, "ages": {"book": 0.1}})

    (line,) = lines_of(stream)
    at = datetime.fromisoformat(line.pop("time"))
    assert at.utcoffset() == timedelta(0)
    assert line == {
        "level": "info",
        "logger": "hedgepair_runner.test",
        "message": "hedge placed",
        "pair": "ns/eth",
        "size_lots": 5,
        "ages": {"book": 0.1},
    }


@pytest.mark.parametrize("log_format", list(LogFormat))
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(KEY, id="as it is"),
        pytest.param(KEY.removeprefix("0x"), id="without 0x"),
        pytest.param(KEY.upper(), id="in capitals"),
        pytest.param(f"redis://:{PASSWORD}@host", id="within a URL"),
        pytest.param("redis://:p%40ss%2Fword%2B1@host", id="quoted within a URL"),
    ],
)
def test_a_registered_secret_never_shows(
    guard: SecretGuard, log_format: LogFormat, words: str
) -> None:
    guard.register(KEY)
    guard.register(PASSWORD)
    stream = io.StringIO()

    with logging_to(stream, log_format=log_format):
        logger.info("said %s", words)
        logger.info("told", extra={"field": words, "inner": {"list": [words]}, words: 1})
        logger.error("failed", exc_info=ValueError(words))

    shown = stream.getvalue().lower()
    assert KEY[2:].lower() not in shown
    assert PASSWORD not in shown
    assert "p%40ss" not in shown
    assert shown.count(BLOT) >= 5


def test_a_transaction_hash_shows_although_it_looks_like_a_key(guard: SecretGuard) -> None:
    guard.register(KEY)
    stream = io.StringIO()

    with logging_to(stream):
        logger.info("sent", extra={"tx_hash": TX_HASH})

    assert lines_of(stream)[0]["tx_hash"] == TX_HASH


def test_fields_of_any_type_are_shown_and_none_replaces_the_message() -> None:
    stream = io.StringIO()

    with logging_to(stream):
        logger.info(
            "seen", extra={"huge": 2**80, "thing": LogFormat.JSON, "level": "mine", "n": None}
        )

    (line,) = lines_of(stream)
    assert line["level"] == "info"
    assert line["n"] is None
    assert str(line["huge"]) == str(2**80)


def test_the_one_who_logs_does_not_wait_for_the_writer() -> None:
    gate = threading.Event()

    class Slow(io.StringIO):
        def write(self, words: str) -> int:
            gate.wait(10)
            return super().write(words)

    stream = Slow()
    with logging_to(stream):
        logger.info("said while nobody writes")
        written = stream.getvalue()
        gate.set()

    assert written == ""
    assert lines_of(stream)[0]["message"] == "said while nobody writes"


def test_text_is_for_people() -> None:
    stream = io.StringIO()
    with logging_to(stream, log_format=LogFormat.TEXT):
        logger.warning("order refused", extra={"code": 21733})

    line = stream.getvalue().strip()
    assert line.endswith("warning: order refused code=21733")


def test_warnings_and_crashed_threads_become_log_lines_too() -> None:
    stream = io.StringIO()

    def crash() -> None:
        raise ValueError("the reason")

    with logging_to(stream):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            warnings.warn("old ways", stacklevel=1)
        thread = threading.Thread(target=crash)
        thread.start()
        thread.join()
        sys.excepthook(ValueError, ValueError("at the top"), None)

    messages = [line["message"] for line in lines_of(stream)]
    errors = [line["error"] for line in lines_of(stream) if "error" in line]
    assert any("old ways" in message for message in messages)
    assert ["the reason" in errors[0], "at the top" in errors[1]] == [True, True]


def test_leaves_logging_as_it_was() -> None:
    before = (logging.getLogger().level, list(logging.getLogger().handlers), sys.excepthook)

    with logging_to(io.StringIO(), level="debug"):
        pass

    assert (logging.getLogger().level, logging.getLogger().handlers, sys.excepthook) == before


def test_debug_is_silent_unless_asked_for() -> None:
    quiet, loud = io.StringIO(), io.StringIO()

    with logging_to(quiet):
        logger.debug("detail")
    with logging_to(loud, level="debug"):
        logger.debug("detail")

    assert quiet.getvalue() == ""
    assert lines_of(loud)[0]["level"] == "debug"
