"""What a spec asks of the venue in a minute, against what the account's tier allows (design §5)."""

from __future__ import annotations

from hedgepair_runner.venues.tiers import UNLIMITED, Tier

SENDS_A_QUOTE = 2
"""An order and its cancel."""
READS_A_MINUTE = 10
"""What a maker and a hedger read to know their positions, margin and the day's result."""
_MINUTE_S = 60


def quote_sends_per_minute(tier: Tier) -> int | None:
    """Transactions that are left for quotes beside the reserve and the reads; None: no limit."""
    if tier == UNLIMITED:
        return None
    if tier.sends_per_minute is not None:
        return tier.sends_per_minute * 3 // 4
    return requests_per_minute(tier) - tier.reserved_requests - READS_A_MINUTE


def requests_per_minute(tier: Tier) -> int:
    return tier.weight_per_minute // max(tier.least_weight, 1)


def least_timeout_s(tier: Tier) -> int:
    """The shortest `timeoutSeconds` whose quotes the tier can carry when none of them fills."""
    left = quote_sends_per_minute(tier)
    return 1 if left is None else -(-_MINUTE_S * SENDS_A_QUOTE // left)


def least_rest_s(tier: Tier, *, at_least_s: float) -> float:
    """How long a quote rests before a moved level may be followed: following spends the same."""
    left = quote_sends_per_minute(tier)
    return at_least_s if left is None else max(at_least_s, _MINUTE_S * SENDS_A_QUOTE / left)


def why_unaffordable(timeout_s: int, tier: Tier) -> str | None:
    """The sentence with the arithmetic for a spec that its tier cannot carry; None: it can."""
    left = quote_sends_per_minute(tier)
    needed = -(-_MINUTE_S * SENDS_A_QUOTE // timeout_s)
    if left is None or needed <= left:
        return None
    return (
        f"spec.timeoutSeconds {timeout_s} needs {needed} transactions a minute (an order and its "
        f"cancel every {timeout_s} s), but {_allowance(tier, left)}; raise spec.timeoutSeconds to "
        f"at least {least_timeout_s(tier)}, or use an account of a higher tier."
    )


def _allowance(tier: Tier, left: int) -> str:
    if tier.sends_per_minute is not None:
        return (
            f"a {tier.name} account has {tier.sends_per_minute}, of which a quarter is kept for "
            f"hedging: {left} are left"
        )
    return (
        f"a {tier.name} account has {requests_per_minute(tier)} requests a minute, of which "
        f"{tier.reserved_requests} are kept for hedging and {READS_A_MINUTE} for reads: {left} "
        "are left"
    )
