"""Faults as text: JSON or YAML → FaultRule and back, with a sentence for whatever is wrong.

One fault:

    {"kind": "drop_answer", "at": "5s", "for": "10s", "probability": 0.5, "count": 3,
     "when": {"endpoint": "sendTx", "account": 2}, "cut": true}

`at` and `for` are seconds, or text such as `500ms`, `2s`, `1m`; `at` counts from the arming. What a
kind knows besides is in `fault_rules.KINDS`. A fault at an occasion happens once, unless it says
`count`, `for` or a `probability` below 1; `"count": null` is as often as it can. A scenario file is
a list of faults, or `{"seed": 7, "faults": [...]}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from hedgepair_runner.venues.paper.fault_rules import (
    KINDS,
    BadFaultError,
    Details,
    FaultKind,
    FaultRule,
    Group,
    When,
)
from hedgepair_runner.venues.paper.lagging import LONGEST_LAG_MS

_UNITS_US = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m)?")
_HOUR_MS = 3_600_000


def read_duration_us(value: object) -> int:
    """Seconds as a number, or text with a unit. Raises ValueError."""
    known = _DURATION.fullmatch(str(value).strip()) if type(value) in (int, float, str) else None
    if known is None:
        raise ValueError("must be seconds, or text such as 500ms, 2s or 1m")
    return int(Decimal(known[1]) * _UNITS_US[known[2] or "s"])


_DurationUs = Annotated[int, BeforeValidator(read_duration_us)]
_Ms = Annotated[int, Field(ge=0, le=_HOUR_MS)]
_LagMs = Annotated[int, Field(ge=0, le=LONGEST_LAG_MS)]
_Amount = Annotated[Decimal, Field(gt=0, le=10**9)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


class _When(_Model):
    endpoint: str | None = None
    transport: Literal["rest", "socket"] | None = None
    tx_type: int | None = Field(default=None, ge=0, le=255)
    account: int | None = Field(default=None, ge=0)
    key: int | None = Field(default=None, ge=0, le=255)
    market: int | None = Field(default=None, ge=0, le=255)
    channel: str | None = None
    ip: str | None = None


class _Fault(_Model):
    kind: FaultKind
    when: _When = Field(default_factory=_When)
    at: _DurationUs = 0
    lasting: _DurationUs | None = Field(default=None, alias="for")
    probability: float = Field(default=1.0, gt=0, le=1)
    count: int | None = Field(default=None, ge=1)
    delay_ms: _Ms | None = None
    block_ms: _Ms = 60_000
    code: int | None = Field(default=None, ge=0, le=99_999)
    message: str = Field(default="", max_length=200)
    consumes_nonce: bool = True
    fill_ratio: Decimal = Field(default=Decimal(0), ge=0, le=1)
    cut: bool = False
    jump: int = Field(default=1_000, ge=1, le=10**9)
    status: Literal["active", "inactive"] = "inactive"
    min_base: _Amount | None = None
    min_quote: _Amount | None = None
    low_ms: _LagMs = 0
    high_ms: _LagMs = 0
    name: str = ""
    value: bool | int | str | None = None


_WRITTEN = {field.name for field in fields(Details)}


def read_fault(content: object) -> FaultRule:
    """Raises BadFaultError."""
    try:
        fault = _Fault.model_validate(content)
    except ValidationError as error:
        raise BadFaultError(sentence_of(error, "the fault")) from None
    facts = KINDS[fault.kind]
    given = fault.model_fields_set & _WRITTEN
    for name in sorted(given - facts.options):
        known = ", ".join(sorted(facts.options)) or "no options"
        raise BadFaultError(f"{name}: a {fault.kind} fault has no such option; it knows {known}")
    for name in sorted(facts.needs - given):
        raise BadFaultError(f"{name}: a {fault.kind} fault needs it")
    if fault.high_ms < fault.low_ms:
        raise BadFaultError("low_ms: must not be more than high_ms")
    _check_kind(fault)
    return FaultRule(
        kind=fault.kind,
        when=When(**fault.when.model_dump()),
        at_us=fault.at,
        for_us=fault.lasting,
        probability=fault.probability,
        count=_count(fault),
        details=Details(**{name: getattr(fault, name) for name in _WRITTEN}),
    )


def _check_kind(fault: _Fault) -> None:
    if fault.kind is FaultKind.OTHER_CLIENT and None in (fault.when.account, fault.when.key):
        raise BadFaultError("when: an other_client fault needs the account and the key")
    if fault.kind is FaultKind.MINIMUM_RAISED and (fault.min_base or fault.min_quote) is None:
        raise BadFaultError("min_base: a minimum_raised fault needs it, or min_quote")


def _count(fault: _Fault) -> int | None:
    """Once is what one expects of a fault that says nothing of how often."""
    if "count" in fault.model_fields_set:
        return fault.count
    if KINDS[fault.kind].group in (Group.TIME, Group.PING):
        return None
    return 1 if fault.lasting is None and fault.probability >= 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    faults: tuple[FaultRule, ...] = ()
    seed: str = "7"
    """Decides what happens where a fault has a probability."""


def read_scenario(text: str) -> Scenario:
    """Raises BadFaultError, with the number of the fault (from 1) that is wrong."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadFaultError(f"not YAML: {' '.join(str(error).split())}") from None
    seed: object = "7"
    if isinstance(content, Mapping) and "faults" in content:
        unknown = sorted(map(str, set(content) - {"seed", "faults"}))
        if unknown:
            raise BadFaultError(f"{unknown[0]}: a scenario has seed and faults, nothing else")
        seed, content = content.get("seed", seed), content["faults"]
    if not isinstance(content, list):
        raise BadFaultError("a scenario is a list of faults, or has one under `faults`")
    return Scenario(faults=tuple(_numbered(content)), seed=str(seed))


def _numbered(content: list[Any]) -> Iterator[FaultRule]:
    for number, each in enumerate(content, 1):
        try:
            yield read_fault(each)
        except BadFaultError as error:
            raise BadFaultError(f"fault {number}: {error}") from None


def write_fault(rule: FaultRule) -> dict[str, Any]:
    """The rule as JSON; `read_fault` of it is the same rule."""
    wanted = {name: getattr(rule.when, name) for name in _names(When)}
    body: dict[str, Any] = {
        "kind": rule.kind.value,
        "when": {name: value for name, value in wanted.items() if value is not None},
        "at": f"{rule.at_us // 1_000}ms",
        "count": rule.count,
    }
    if rule.for_us is not None:
        body["for"] = f"{rule.for_us // 1_000}ms"
    if rule.probability < 1:
        body["probability"] = rule.probability
    for name in sorted(rule.facts.options):
        value = getattr(rule.details, name)
        if value is not None:
            body[name] = str(value) if isinstance(value, Decimal) else value
    return body


def _names(kind: type[When]) -> list[str]:
    return [field.name for field in fields(kind)]


def sentence_of(error: ValidationError, what: str) -> str:
    """The first thing that is wrong, with its place in `what`."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or what
    text = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        text = "there is no such field"
    return f"{place}: {text[0].lower()}{text[1:]}"
