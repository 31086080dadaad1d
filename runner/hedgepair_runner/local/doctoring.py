"""What `hedgepair doctor` makes of Redis, the exchange and the record of the probe.

What could not be looked at is unknown, which is not well (law 3); what nobody named is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hedgepair_runner.local.diagnoses import Diagnosis, bad, good, skipped, unknown
from hedgepair_runner.units import Market

SLOW_MS: Final = 20.0
"""Of a round trip to Redis: a hedge waits for one, and half a second of quotes hangs on it."""
MOST_SKEW_MS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSeen:
    """None: could not be found out (many managed ones hide INFO). `error`: it did not answer."""

    error: str = ""
    latency_ms: float | None = None
    version: str | None = None
    write_error: str | None = ""
    is_persistent: bool | None = None
    eviction: str | None = None


def judge_redis(seen: RedisSeen | None) -> list[Diagnosis]:
    """None: nobody named one."""
    if seen is None:
        return [skipped("redis", "reachable", "not named; give --redis URL to have it looked at")]
    if seen.error:
        return [
            bad(
                "redis",
                "reachable",
                f"no answer ({seen.error})",
                "Is it running, and is the URL right, password included? Without Redis the maker "
                "withdraws; nothing is lost.",
            )
        ]
    version = f"version {seen.version}, " if seen.version else ""
    found = [good("redis", "reachable", f"{version}{seen.latency_ms or 0:.1f} ms a round trip")]
    if seen.latency_ms is not None and seen.latency_ms > SLOW_MS:
        found = [
            bad(
                "redis",
                "reachable",
                f"{seen.latency_ms:.0f} ms a round trip",
                f"More than {SLOW_MS:g} ms: each fill is told late. Put Redis nearer.",
            )
        ]
    if seen.write_error:
        found.append(
            bad(
                "redis",
                "writable",
                f"a write was refused ({seen.write_error})",
                "No replica, no full disk or memory, and a user that may write to the pair's keys "
                "are needed.",
            )
        )
    elif seen.write_error is None:
        found.append(unknown("redis", "writable", "a write got no answer", "Run doctor again."))
    else:
        found.append(good("redis", "writable", "yes"))
    return [*found, _persistence(seen.is_persistent), _eviction(seen.eviction)]


def _persistence(is_persistent: bool | None) -> Diagnosis:
    if is_persistent is None:
        return skipped("redis", "persistence", "it does not say (INFO is hidden)")
    if is_persistent:
        return good("redis", "persistence", "append-only file")
    return bad(
        "redis",
        "persistence",
        "none",
        "Set `appendonly yes`: a restart of Redis forgets reports, receipts and wishes.",
    )


def _eviction(policy: str | None) -> Diagnosis:
    if policy is None:
        return skipped("redis", "eviction", "it does not say (INFO is hidden)")
    if policy == "noeviction":
        return good("redis", "eviction", policy)
    return bad(
        "redis",
        "eviction",
        policy,
        "Set `maxmemory-policy noeviction`: another one drops receipts and leases when memory "
        "runs short.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSeen:
    """The exchange, by whoever asked. `error`: it did not answer."""

    error: str = ""
    skew_ms: int | None = None
    symbol: str = ""
    market: Market | None = None
    knows_market: bool | None = None


def judge_venue(seen: VenueSeen | None) -> list[Diagnosis]:
    """None: nobody said where it is."""
    if seen is None:
        return [skipped("exchange", "status", "not named; give --exchange-url URL")]
    if seen.error:
        return [
            unknown(
                "exchange",
                "status",
                f"no answer ({seen.error})",
                "Look at the exchange's own status page. Until it answers the pair holds: no "
                "quotes, nothing is flattened on a guess.",
            )
        ]
    return [good("exchange", "status", "answers"), _clock(seen.skew_ms), _market(seen)]


def _clock(skew_ms: int | None) -> Diagnosis:
    if skew_ms is None:
        return unknown("exchange", "clock", "it did not tell the time", "Run doctor again.")
    words = f"{abs(skew_ms) / 1000:.0f} s {'ahead of' if skew_ms > 0 else 'behind'} the exchange's"
    if abs(skew_ms) > MOST_SKEW_MS:
        return bad(
            "exchange", "clock", words, "Set this machine's clock by NTP: runners refuse to start."
        )
    # It tells whole seconds.
    return good("exchange", "clock", "within a second" if abs(skew_ms) <= 1_500 else words)


def _market(seen: VenueSeen) -> Diagnosis:
    if seen.market is not None and seen.market.is_active:
        return good("exchange", "market", f"{seen.symbol} is open")
    if seen.market is not None:
        return bad(
            "exchange",
            "market",
            f"{seen.symbol} is halted",
            "The pair holds until it opens. Nothing is to be done here.",
        )
    if seen.knows_market is False:
        return bad(
            "exchange", "market", f"there is no {seen.symbol}", "Correct spec.market; it is fixed."
        )
    return unknown("exchange", "market", "the list of markets got no answer", "Run doctor again.")


def judge_probe(against: str | None, *, is_needed: bool, remedy: str) -> Diagnosis:
    if not is_needed:
        return skipped("probe", "record", "needed on Mainnet only")
    if against is None:
        return good("probe", "record", "recent, and all as counted on")
    return bad("probe", "record", against, remedy)
