"""Names of Redis keys (design §8). The braces keep a pair on one cluster slot."""

from __future__ import annotations

from hedgepair_runner.contract.identity import PairId, Role, VenueId

SCHEMA_VERSION = 1
"""Of every record we write; readers accept the previous one too."""


def fills(pair: PairId) -> str:
    """Stream: A's trades and A's quotes, in the order they were told."""
    return f"hp:{{{pair}}}:fills"


def quotes(pair: PairId) -> str:
    """Hash: client order index → what the maker rests or is placing."""
    return f"hp:{{{pair}}}:quotes"


def intents(pair: PairId) -> str:
    """Hash: nonce → the hedger's intent, until closed."""
    return f"hp:{{{pair}}}:intents"


def report(pair: PairId, role: Role) -> str:
    """String (JSON) with an expiry: the runner's report of itself."""
    return f"hp:{{{pair}}}:report:{role.label}"


def alarm(pair: PairId) -> str:
    """Stream: failed orders, halts, breaches."""
    return f"hp:{{{pair}}}:alarm"


def lease(venue: VenueId, account_index: int, api_key_index: int) -> str:
    return f"hp:lease:{venue}:{account_index}:{api_key_index}"


def epoch(venue: VenueId, account_index: int, api_key_index: int) -> str:
    return f"hp:epoch:{venue}:{account_index}:{api_key_index}"
