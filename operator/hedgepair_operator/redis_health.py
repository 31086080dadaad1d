"""What is wrong with a Redis, from what it says of itself. Pure (design §8).

Safety never rests on Redis (law 8): a concern costs time or visibility, and an unfit Redis stops
trading. Each is a sentence with its remedy, for a condition and an Event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hedgepair_operator.redis_port import RedisConcern

OLDEST_VERSION: Final = (6, 2)
FULL_AT: Final = 0.9

Concern = tuple[RedisConcern, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """What INFO tells; None where the server does not tell.

    `run_id` is new at every start: another one means that what was not saved is gone.
    """

    run_id: str
    version: str
    role: str | None
    is_clustered: bool
    appends: bool | None
    writes_succeed: bool
    maxmemory_policy: str | None
    maxmemory_bytes: int
    used_bytes: int


def facts_of(info: Mapping[str, Any]) -> RedisFacts:
    """From the answer to INFO, as the client parses it."""
    failing = {info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")} - {"ok", None}
    return RedisFacts(
        run_id=str(info.get("run_id", "")),
        version=str(info.get("redis_version", "")),
        role=info.get("role"),
        is_clustered=bool(info.get("cluster_enabled", 0)),
        appends=None if "aof_enabled" not in info else bool(info["aof_enabled"]),
        writes_succeed=not failing,
        maxmemory_policy=info.get("maxmemory_policy"),
        maxmemory_bytes=int(info.get("maxmemory", 0)),
        used_bytes=int(info.get("used_memory", 0)),
    )


def unfit(facts: RedisFacts) -> str | None:
    """Why pairs cannot trade over this Redis, or None."""
    if _version(facts.version) < OLDEST_VERSION:
        return f"Redis {facts.version} is too old: HedgePair needs 6.2 or newer, or Valkey"
    if facts.role in ("slave", "replica"):
        return "This Redis is a replica and takes no writes: name the primary's address"
    if facts.is_clustered:
        return "This Redis runs in cluster mode, which runners do not speak: name a single one"
    if not facts.writes_succeed:
        return "Redis cannot write to its disk: free space on its volume or mend it"
    return None


def concerns(facts: RedisFacts) -> tuple[Concern, ...]:
    found: list[Concern] = []
    if facts.maxmemory_policy not in (None, "noeviction"):
        sentence = (
            "Redis may drop any record when it is full (maxmemory-policy is "
            f"{facts.maxmemory_policy}): set noeviction"
        )
        found.append((RedisConcern.MAY_EVICT, sentence))
    if facts.appends is False:
        sentence = (
            "Redis forgets halts, epochs and leases when it restarts; pairs recover from the "
            "exchange and from their status, in more time: set appendonly yes"
        )
        found.append((RedisConcern.NOT_DURABLE, sentence))
    if facts.maxmemory_bytes and facts.used_bytes > FULL_AT * facts.maxmemory_bytes:
        used, limit = facts.used_bytes >> 20, facts.maxmemory_bytes >> 20
        sentence = f"Redis holds {used} of {limit} MiB; full, it takes no writes: raise maxmemory"
        found.append((RedisConcern.ALMOST_FULL, sentence))
    return tuple(found)


USERS_NOT_SAVED: Final[Concern] = (
    RedisConcern.USERS_NOT_SAVED,
    "Redis has no aclfile: should it restart while the operator is down, runners are locked out "
    "until the operator is back; start Redis with an aclfile on its volume",
)


def _version(text: str) -> tuple[int, ...]:
    """Forks that say nothing of the kind are taken as new."""
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(p.isdecimal() for p in parts) else (99,)
