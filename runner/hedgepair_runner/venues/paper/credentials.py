"""The file that tells clients how to trade here: addresses, accounts and their paper keys.

Paper keys are functions of the seed and public by design (design §7); the file is private all the
same, so that nobody learns a bad habit from it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from hedgepair_runner.venues.paper import keys

FIRST_KEY = 4
"""Keys 0–3 belong to the venue's own apps (protocol §1.2)."""


def account_entries(
    account_index: int, *, seed: str, l1_address: str, api_key_indexes: Iterable[int]
) -> list[dict[str, Any]]:
    """One entry for each key of the account."""
    return [
        {
            "account_index": account_index,
            "api_key_index": index,
            "api_key_private_key": keys.private_hex(keys.private_key(seed, account_index, index)),
            "api_key_public_key": keys.public_key(seed, account_index, index).hex(),
            "l1_address": l1_address,
        }
        for index in api_key_indexes
    ]


def write(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, readable by the owner only. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(
                orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
