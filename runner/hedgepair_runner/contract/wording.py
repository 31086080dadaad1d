"""pydantic's errors in our words: the field, what is wrong with its value, and the remedy.

Values of fields that are unknown are never shown: an unknown field may be a key's (law 9).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from hedgepair_runner.contract import fields
from hedgepair_runner.contract.problems import (
    Problem,
    looks_secret,
    path_of,
    shown,
    smells_of_secret,
)

KEYS_NEVER: Final = (
    "keys never go into a manifest; put it into a Secret, name that with secretRef, "
    "and replace the key if others have seen this file"
)

# What to write where a required field is missing.
_REMEDIES: Final = {
    "metadata": "add metadata.name",
    "metadata.name": "give the pair a name of at most 45 characters",
    "spec": "add spec with market, quantity, exchange, maker, hedger and risk",
    "spec.market": "add the market to trade, such as `market: ETH`",
    "spec.quantity": 'add the size of one maker order, such as `quantity: "0.05"`',
    "spec.exchange": "add `exchange: {network: Paper}`, or Testnet or Mainnet",
    "spec.exchange.network": "add Paper, Testnet or Mainnet; there is no default on purpose",
    "spec.maker": "add maker.account.accountIndex",
    "spec.maker.account": "add maker.account.accountIndex",
    "spec.hedger.account": "add hedger.account.accountIndex",
    "spec.risk": "add risk.maxPosition; there is no unlimited pair",
    "spec.risk.maxPosition": (
        'add the largest position of either leg, such as `maxPosition: "0.5"`; '
        "there is no unlimited pair"
    ),
}

# Fields of other tools and earlier times, and where their meaning went.
_MOVED: Final = {
    "redis": "Redis belongs to the release, not to a pair: use --redis, or the chart's values",
    "onTimeout": "did you mean spec.risk.onUnhedged",
    "timeout": "did you mean spec.timeoutSeconds",
    "quoteTimeoutSeconds": "did you mean spec.timeoutSeconds",
    "maxAttempts": "hedges are repeated until risk.maxUnhedgedSeconds; remove it",
    "price": "the price comes from spec.depth, a level of the book; remove it",
}

_PATTERN_WORDS: Final = {
    fields.DECIMAL: 'a decimal number in quotes, such as "0.05": no sign, at most 12 digits before '
    "the point and 10 after it",
    fields.SIGNED_DECIMAL: 'a decimal number in quotes, such as "-0.05": at most 12 digits before '
    "the point and 10 after it",
    fields.RATIO: 'a ratio below one in quotes, such as "0.10" for 10 %, with at most 4 digits '
    "after the point",
    fields.DNS_LABEL: "lower-case letters, digits and '-', with a letter or digit at both ends",
    fields.DNS_NAME: "lower-case letters, digits, '-' and '.', with a letter or digit at both ends",
    fields.SECRET_KEY: "letters, digits, '-', '_' and '.', not beginning with a '.'",
    fields.MARKET: "a market's symbol in capitals, such as ETH or ETH/USDC",
    fields.URL: "http:// or https:// and a lower-case host, without a user, password or query",
    fields.IMAGE: "an image reference without spaces",
}

# Free text of other systems, where long hexadecimal numbers are digests and checksums.
_FREE_TEXT: Final = frozenset(
    {"metadata.labels", "metadata.annotations", "metadata.managedFields", "status"}
    | {"spec.runner.image", "spec.runner.podAnnotations"}
)


def problem_of(error: ErrorDetails, *, resource: type[BaseModel]) -> Problem:
    """One validation error of the resource as a Problem."""
    location = tuple(part for part in error["loc"] if part != "[key]")
    field = path_of(location)
    predicate = _predicate(error, location, resource)
    end = "?" if ": did you mean" in predicate else "."
    return Problem(field=field, sentence=f"{field} {predicate}{end}")


def inline_secrets(tree: Any) -> list[Problem]:
    """Everything in the manifest that looks like a private key itself, wherever it stands."""
    return [
        Problem(field=field, sentence=f"{field} looks like a private key: {KEYS_NEVER}.")
        for field, value in _scalars(tree, ())
        if looks_secret(value)
    ]


def _scalars(value: Any, location: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    field = path_of(location)
    if field in _FREE_TEXT:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars(item, (*location, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars(item, (*location, index))
    else:
        yield field, value


def _predicate(
    error: ErrorDetails, location: tuple[str | int, ...], resource: type[BaseModel]
) -> str:
    field = path_of(location)
    match error["type"]:
        case "missing":
            return f"is missing: {_REMEDIES.get(field, 'add it')}"
        case "extra_forbidden":
            return _unknown(location, resource)
        case "invalid_key":
            return "must have a name that is text: put quotes around it"
        case "string_too_short" | "too_short":
            return "must not be empty: give it a value or remove it"
        case "string_too_long":
            return f"must have at most {error['ctx']['max_length']} characters: shorten it"
        case "too_long":
            return f"must have at most {error['ctx']['max_length']} entries: remove some"
    wanted = _wanted(error["type"], error.get("ctx", {}))
    given = shown(error["input"], field=field)
    if error["type"] in ("string_type", "decimal_not_text"):
        return f"must be {wanted}, not {given}: put quotes around it"
    return f"must be {wanted}, not {given}"


def _wanted(error_type: str, limits: dict[str, Any]) -> str:
    match error_type:
        case "enum" | "literal_error":
            return f"one of {_choices(limits['expected'])}"
        case "int_type" | "int_from_float" | "int_parsing":
            return "a whole number without quotes"
        case "bool_type" | "bool_parsing":
            return "true or false without quotes"
        case "string_type" | "decimal_not_text":
            return "a string in quotes"
        case "greater_than_equal":
            return f"at least {limits['ge']}"
        case "less_than_equal":
            return f"at most {limits['le']}"
        case "string_pattern_mismatch" | "decimal_shape":
            return _PATTERN_WORDS[limits["pattern"]]
        case "pod_quantity":
            return 'an amount as Kubernetes writes it, such as "100m" or "256Mi"'
        case "model_type" | "dict_type" | "model_attributes_type":
            return "a section of fields below it"
        case "tuple_type":
            return "a list"
        case _:
            return "a value that its description allows"


def _choices(expected: str) -> str:
    """pydantic's "'Hedge', 'MakerOnly' or 'HedgerOnly'" without the quotes."""
    return expected.replace("'", "")


def _unknown(location: tuple[str | int, ...], resource: type[BaseModel]) -> str:
    name = str(location[-1])
    if smells_of_secret(name):
        return f"must not be here: {KEYS_NEVER}"
    if name in _MOVED:
        return f"is not a field of a HedgePair: {_MOVED[name]}"
    siblings = _fields_at(resource, location[:-1])
    nearest = difflib.get_close_matches(name, siblings, n=1) or [
        sibling for sibling in siblings if _plain(sibling) == _plain(name)
    ]
    if nearest:
        return f"is not a field of a HedgePair: did you mean {nearest[0]}"
    elsewhere = [
        path for path in _all_paths(resource, "") if _plain(path.rpartition(".")[2]) == _plain(name)
    ]
    if elsewhere:
        return f"is not a field of a HedgePair: did you mean {' or '.join(elsewhere[:2])}"
    return f"is not a field of a HedgePair: remove it, or use one of {', '.join(sorted(siblings))}"


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _fields_at(model: type[BaseModel], location: tuple[str | int, ...]) -> dict[str, Any]:
    """The names of the fields of the section at the location, with their types."""
    found: type[BaseModel] | None = model
    for part in location:
        if found is None:
            return {}
        if isinstance(part, str):
            found = _section_in(_named(found).get(part))
    return {} if found is None else _named(found)


def _named(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The section inside `Section`, `Section | None` or `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def _all_paths(model: type[BaseModel], above: str) -> Iterator[str]:
    for name, annotation in _named(model).items():
        path = f"{above}.{name}" if above else name
        yield path
        section = _section_in(annotation)
        if section is not None:
            yield from _all_paths(section, path)
