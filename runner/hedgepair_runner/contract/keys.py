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


def token(pair: PairId) -> str:
    """Hash: the right to act on the gap (design §6)."""
    return f"hp:{{{pair}}}:token"


def desired(pair: PairId, role: Role) -> str:
    """String (JSON of `contract.desired`): what the operator wants of this role now."""
    return f"hp:{{{pair}}}:desired:{role.label}"


def halts(pair: PairId) -> str:
    """Hash: halt id → JSON of `contract.halts.Halt`, while it stands."""
    return f"hp:{{{pair}}}:halts"


def acknowledged(pair: PairId) -> str:
    """Hash: halt id → Unix milliseconds at which a person ended that halt (law 11)."""
    return f"hp:{{{pair}}}:acknowledged"


def progress(pair: PairId) -> str:
    """String (JSON): rounds and volume so far, by which stopAfter is judged."""
    return f"hp:{{{pair}}}:progress"


def receipts(pair: PairId) -> str:
    """Stream: one entry for each executed order (design §8)."""
    return f"hp:{{{pair}}}:receipts"


def alarm(pair: PairId) -> str:
    """Stream: failed orders, halts, breaches."""
    return f"hp:{{{pair}}}:alarm"


def starts(pair: PairId, role: Role) -> str:
    """Hash: when this role was started lately, so that a crash loop backs off."""
    return f"hp:{{{pair}}}:starts:{role.label}"


def lease(venue: VenueId, account_index: int, api_key_index: int) -> str:
    return f"hp:lease:{venue}:{account_index}:{api_key_index}"


def epoch(venue: VenueId, account_index: int, api_key_index: int) -> str:
    return f"hp:epoch:{venue}:{account_index}:{api_key_index}"


def budget(venue: VenueId, namespace: str, l1_address: str) -> str:
    """Hash: the request budget that the accounts of one L1 address share (design §5).

    Within a namespace only: whose an L1 address is, nobody but the exchange can say, and a
    neighbour that named ours could otherwise use up our budget.
    """
    return f"hp:budget:{venue}:{namespace}:{l1_address.lower()}"


def dead_mans_switch(venue: VenueId, account_index: int) -> str:
    """Hash: the scheduled cancel-all that the pairs of one account renew together (design §7)."""
    return f"hp:dms:{venue}:{account_index}"


def operator_mark() -> str:
    """String: names the operator process that published last; gone after a loss of Redis."""
    return "hp:operator"
