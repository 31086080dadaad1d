"""The kinds of values a HedgePair's fields hold: each is one type with its limits, used by name.

Limits and patterns are those of `crds/hedgepairs.yaml`; a test holds the two together. Nothing is
coerced: a number is not text, text is not a number, "true" is not true.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

DECIMAL: Final = r"^[0-9]{1,12}(\.[0-9]{1,10})?$"
SIGNED_DECIMAL: Final = r"^-?[0-9]{1,12}(\.[0-9]{1,10})?$"
RATIO: Final = r"^0(\.[0-9]{1,4})?$"
DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_NAME: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
SECRET_KEY: Final = r"^[-_A-Za-z0-9][-._A-Za-z0-9]*$"
MARKET: Final = r"^[A-Z0-9]+([-/][A-Z0-9]+)?$"
# No "@": a URL with a user and a password in it would be a secret in the manifest.
URL: Final = r"^https?://[a-z0-9.:-]+(/[A-Za-z0-9._~/-]*)?$"
IMAGE: Final = r"^[^\s]+$"
POD_QUANTITY: Final = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$"
MAX_ACCOUNT_INDEX: Final = 281_474_976_710_654  # sub-accounts count down from here, protocol §1.2


class Section(BaseModel):
    """A part of the manifest: camelCase in the file, snake_case here, frozen, nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        validate_default=False,
    )


def _decimal_type(pattern: str, max_length: int) -> tuple[BeforeValidator, WithJsonSchema]:
    compiled = re.compile(pattern.replace("$", r"\Z"))

    def read(value: Any) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if not isinstance(value, str):
            raise PydanticCustomError("decimal_not_text", "must be a string in quotes")
        if len(value) > max_length or not compiled.match(value):
            raise PydanticCustomError("decimal_shape", "{pattern}", {"pattern": pattern})
        return Decimal(value)

    schema = {"type": "string", "maxLength": max_length, "pattern": pattern}
    return BeforeValidator(read), WithJsonSchema(schema)


def _as_text(value: Decimal) -> str:
    return f"{value:f}"


_decimal_reader, _decimal_schema = _decimal_type(DECIMAL, 24)
_signed_reader, _signed_schema = _decimal_type(SIGNED_DECIMAL, 25)
_ratio_reader, _ratio_schema = _decimal_type(RATIO, 6)
_to_text = PlainSerializer(_as_text, return_type=str)

DecimalText = Annotated[Decimal, _decimal_reader, _decimal_schema, _to_text]
SignedDecimalText = Annotated[Decimal, _signed_reader, _signed_schema, _to_text]
RatioText = Annotated[Decimal, _ratio_reader, _ratio_schema, _to_text]

Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
INT32: Final = {"format": "int32"}
INT64: Final = {"format": "int64"}


def text(max_length: int, *, pattern: str | None = None, min_length: int | None = None) -> Any:
    """The limits of a text field, to be put into an `Annotated[str, …]`."""
    return StringConstraints(
        strict=True, max_length=max_length, min_length=min_length, pattern=pattern
    )


ObjectName = Annotated[str, text(253, pattern=DNS_NAME, min_length=1)]
DataKey = Annotated[str, text(253, pattern=SECRET_KEY, min_length=1)]
LabelValue = Annotated[str, text(63)]


def _pod_quantity(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.match(POD_QUANTITY.replace("$", r"\Z"), value):
        return value
    raise PydanticCustomError("pod_quantity", "must be a Kubernetes quantity")


PodQuantity = Annotated[
    int | str,
    PlainValidator(_pod_quantity),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": POD_QUANTITY}),
]
