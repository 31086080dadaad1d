"""Whose a transaction is, read from its text before anything is checked: for limits and faults."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from hedgepair_runner.venues.paper.rest import Entry, RestRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """What can be told of some transactions; malformed ones tell nothing."""

    tx_types: tuple[int, ...]
    accounts: tuple[int, ...]
    keys: tuple[int, ...]
    markets: tuple[int, ...]


def peek(entries: Iterable[Entry]) -> Peek:
    types: list[int] = []
    fields: dict[str, list[int]] = {"AccountIndex": [], "ApiKeyIndex": [], "MarketIndex": []}
    for entry in entries:
        types.append(entry.tx_type)
        info = entry.tx_info
        if isinstance(info, str):
            try:
                info = orjson.loads(info)
            except orjson.JSONDecodeError:
                continue
        for name, found in fields.items():
            value = info.get(name) if isinstance(info, dict) else None
            if type(value) is int:
                found.append(value)
    return Peek(
        tx_types=tuple(types),
        accounts=tuple(fields["AccountIndex"]),
        keys=tuple(fields["ApiKeyIndex"]),
        markets=tuple(fields["MarketIndex"]),
    )


def asked_for(request: RestRequest) -> Peek:
    """Account, key and market that a read names in its query."""
    query = request.query
    account = query.get("account_index")
    if account is None and query.get("by") in ("index", "account_index"):
        account = query.get("value")
    return Peek(
        tx_types=(),
        accounts=_whole(account),
        keys=_whole(query.get("api_key_index")),
        markets=_whole(query.get("market_id")),
    )


def _whole(text: str | None) -> tuple[int, ...]:
    return (int(text),) if text and text.isascii() and text.isdigit() and len(text) < 20 else ()
