"""Reads one JSON object of the venue, field by field: a value of the right kind, or MalformedFrame.

Numbers come as decimal texts and leave as whole lots, ticks or quote units, by string arithmetic
alone (protocol §1.3); a float never touches money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]


class MalformedFrame(Exception):
    """A frame or answer that does not say what it must. Names the channel and the field."""

    def __init__(self, channel: str, field: str, problem: str) -> None:
        super().__init__(f"{channel}: {field}: {problem}")
        self.channel = channel
        self.field = field


def scaled(text: str, decimals: int) -> int:
    """`"-12.50"` with two decimals is -1250. ValueError for what is no exact whole number."""
    whole, _, fraction = text.partition(".")
    surplus = len(fraction) - decimals
    if surplus > 0:
        if fraction[decimals:].strip("0"):
            raise ValueError(f"{text!r} has more than {decimals} decimals")
        fraction = fraction[:decimals]
    elif surplus < 0:
        fraction += "0" * -surplus
    unsigned = whole.removeprefix("-")
    # int() alone would also take "1_0", " 1" and signs after the dot.
    if not (unsigned and (unsigned + fraction).isdecimal() and text.isascii()):
        raise ValueError(f"{text!r} is no decimal number")
    return int(whole + fraction)


def json_object(value: object, *, channel: str, field: str) -> Json:
    if not isinstance(value, dict):
        raise MalformedFrame(channel, field, f"expected an object, found {_kind(value)}")
    return value


def json_list(value: object, *, channel: str, field: str) -> Sequence[Any]:
    """A list; `null` is an empty one (protocol §2)."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise MalformedFrame(channel, field, f"expected a list, found {_kind(value)}")
    return value


class Fields:
    """One JSON object with the channel it came from, for errors that say where."""

    __slots__ = ("channel", "row")

    def __init__(self, row: object, *, channel: str) -> None:
        self.row = json_object(row, channel=channel, field="(whole)")
        self.channel = channel

    def integer(self, field: str, default: int | None = None) -> int:
        """A JSON int. Without a default the field must be there."""
        value = self.row.get(field, default)
        if type(value) is not int:
            raise self.wrong(field, "int", value)
        return value

    def text(self, field: str, default: str | None = None) -> str:
        value = self.row.get(field, default)
        if type(value) is not str:
            raise self.wrong(field, "text", value)
        return value

    def flag(self, field: str, default: bool | None = None) -> bool:
        value = self.row.get(field, default)
        if type(value) is not bool:
            raise self.wrong(field, "flag", value)
        return value

    def scaled(self, field: str, decimals: int, default: str | None = None) -> int:
        """A decimal text as a whole number of its last decimal."""
        text = self.text(field, default)
        try:
            return scaled(text, decimals)
        except ValueError as error:
            raise MalformedFrame(self.channel, field, str(error)) from error

    def decimal(self, field: str) -> Decimal:
        """A decimal text as it stands."""
        text = self.text(field)
        try:
            amount = Decimal(text)
        except ArithmeticError:
            raise self.wrong(field, "a decimal number", text) from None
        if not amount.is_finite():
            raise self.wrong(field, "a decimal number", text)
        return amount

    def nested(self, field: str) -> Json:
        return json_object(self.row.get(field), channel=self.channel, field=field)

    def rows(self, field: str) -> Sequence[Any]:
        return json_list(self.row.get(field), channel=self.channel, field=field)

    def wrong(self, field: str, expected: str, value: object) -> MalformedFrame:
        found = "nothing" if value is None else _kind(value)
        return MalformedFrame(self.channel, field, f"expected {expected}, found {found}")


def _kind(value: object) -> str:
    """The kind alone: what a foreign value holds is nobody's business in an error."""
    return type(value).__name__
