"""Request parameters of the REST API, read strictly: a bad one is named (protocol §4, 20001)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

INVALID_PARAM = 20_001
_MOST_DIGITS = 19


class BadParameterError(Exception):
    """A parameter is missing or malformed; `name` is the field's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"invalid param: {name}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query of a GET or the form of a POST."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not value:
            raise BadParameterError(name)
        return value

    def choice(self, name: str, choices: frozenset[str], *, default: str | None = None) -> str:
        value = self.values.get(name) or default
        if value not in choices:
            raise BadParameterError(name)
        return value

    def whole(
        self, name: str, *, low: int = 0, high: int | None = None, default: int | None = None
    ) -> int:
        value = self.optional_whole(name, low=low, high=high)
        if value is None:
            if default is None:
                raise BadParameterError(name)
            return default
        return value

    def optional_whole(self, name: str, *, low: int = 0, high: int | None = None) -> int | None:
        text = self.values.get(name)
        if not text:
            return None
        value = read_whole(text)
        if value is None or value < low or (high is not None and value > high):
            raise BadParameterError(name)
        return value

    def wholes(self, name: str, *, most: int) -> tuple[int, ...]:
        """A list such as "1,2,3"."""
        values = [read_whole(part) for part in self.text(name).split(",")]
        known = tuple(value for value in values if value is not None and value >= 0)
        if len(known) != len(values) or len(known) > most:
            raise BadParameterError(name)
        return known

    def truth(self, name: str, *, default: bool) -> bool:
        """The SDK writes Python's capital spelling (protocol §3.8)."""
        text = self.values.get(name)
        if not text:
            return default
        if text.lower() not in ("true", "false"):
            raise BadParameterError(name)
        return text.lower() == "true"


def read_whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        return None
    return int(text)
