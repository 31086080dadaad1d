"""How a paper exchange behaves: tiers, defaults, limits of its memory, and what is uncertain.

The switches are the questions of the uncertain register (protocol §12); defaults as named there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Fees in millionths of the quote, delays before execution (protocol §7.11, §7.12)."""

    name: str
    """As `accountLimits.user_tier_name` shows it."""
    maker_fee_millionths: int = 0
    taker_fee_millionths: int = 0
    maker_delay_us: int = 0
    """Of post-only and resting orders, cancels and all else that cannot take."""
    taker_delay_us: int = 0
    has_volume_quota: bool = False


TIERS: Mapping[str, Tier] = {
    "none": Tier(name="standard"),
    "standard": Tier(name="standard", maker_delay_us=200_000, taker_delay_us=300_000),
    "plus": Tier(
        name="plus",
        maker_fee_millionths=50,
        taker_fee_millionths=50,
        maker_delay_us=200_000,
        taker_delay_us=300_000,
        has_volume_quota=True,
    ),
    "premium": Tier(
        name="premium",
        maker_fee_millionths=40,
        taker_fee_millionths=280,
        taker_delay_us=200_000,
        has_volume_quota=True,
    ),
    "premium-500k": Tier(
        name="premium",
        maker_fee_millionths=28,
        taker_fee_millionths=196,
        taker_delay_us=140_000,
        has_volume_quota=True,
    ),
}
"""`none` is the standard tier without its delays: the demo's default."""


class CancelAllRefresh(StrEnum):
    """A schedule while one is armed: refused with 21712, or it overwrites (protocol §7.9)."""

    STRICT_21712 = "strict21712"
    OVERWRITE = "overwrite"


class DeadCancel(StrEnum):
    """A cancel or modify of an order that is not live: refused with 21715, or without effect."""

    REFUSE = "refuse"
    NO_EFFECT = "no-effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    default_collateral_micro: int = 100_000_000_000
    """Of an account at its first use: 100,000 USDC."""
    default_tier: str = "none"
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    tier_of_account: Mapping[int, str] = field(default_factory=dict)
    same_l1: frozenset[frozenset[int]] = frozenset()
    """Groups of accounts under one L1 address; any other account is its own owner."""

    scheduled_cancel_all: CancelAllRefresh = CancelAllRefresh.STRICT_21712
    dead_cancel: DeadCancel = DeadCancel.REFUSE
    refuse_skip_nonce: bool = False
    """Answer 21104 to the skip-nonce attribute."""
    skipped_nonces_live: bool = False
    """Skipping fences nothing: nonces that were skipped are still accepted."""
    refusal_uses_nonce: bool = False
    """A refusal by the API takes the nonce with it."""
    failure_keeps_nonce: bool = False
    """A failure in the engine leaves the nonce unused, whatever the reason."""
    cancel_all_everywhere: bool = False
    """Cancel-all ignores its market and cancels the whole account's orders."""
    schedule_ignored: bool = False
    """A scheduled cancel-all is accepted and arms nothing."""
    self_trade_by_account: bool = False
    """Self-trade equality by master account is ignored: only the same account is oneself."""
    client_index_once: bool = False
    """A client order index is used up for good (21728), not only while its order lives."""
    position_before_absent: bool = False
    """Trades do not carry the position before them."""
    public_trades_anonymous: bool = False
    """Public trades do not say whose they are."""
    ioc_dust_refused: bool = False
    """Hold IOC orders to the minimum sizes, too (21706)."""
    accidental_price_bps: int | None = 500
    """How far through the opposite best a limit may be (21733); None: no guard."""
    price_band_bps: int | None = 1_000
    """How far a limit may be through the mark (21734); None: no band."""
    price_band_both_sides: bool = False
    """Bind orders that rest far from the market, too. The SDK's published examples place such."""

    funding_interval_us: int | None = 3_600_000_000
    """Funding is paid at whole multiples of it and sampled 60 times between; None: never."""
    liquidation_every_us: int | None = 200_000
    """An account below maintenance margin is liquidated step by step; None: never."""
    insurance_fund_micro: int = 1_000_000_000_000
    """What the insurance fund begins with: 1,000,000 USDC."""
    tier_change_every_us: int = 86_400_000_000
    maker_only_change_every_us: int = 3_600_000_000

    first_trade_id: int = 1_000_000
    first_height: int = 1
    max_orders_per_account: int = 1_500
    max_orders_per_market: int = 1_000
    max_pending_orders_per_account: int = 500
    """Trigger orders that wait."""
    max_pending_orders_per_market: int = 16
    max_pending_per_key: int = 10_000
    """Queued transactions of one key, then 21506."""
    trades_kept: int = 100_000
    """Per market; per account a tenth of it."""
    txs_kept: int = 50_000
    inactive_orders_kept: int = 1_000
    """Per account and of the last 24 hours (protocol §3, accountOrders)."""
    fundings_kept: int = 1_000
    """Rounds per market, payments per account; liquidations per account likewise."""
