"""What an account may ask for itself outside of transactions: its tier, its maker-only keys."""

from __future__ import annotations

from collections.abc import Collection

from hedgepair_runner.venues.paper.accounts import LAST_KEY, Account
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.refusals import Code

TIERS_ON_OFFER = frozenset({"standard", "premium", "plus"})
FIRST_MAKER_KEY = 4


def change_tier(engine: Engine, account: Account, new_tier: str) -> Code | None:
    """For the whole L1 address: flat, without orders, once in 24 hours (protocol §7.12)."""
    if new_tier not in TIERS_ON_OFFER:
        return Code.INVALID_TIER
    if account.tier.name == new_tier:
        return Code.ALREADY_IN_TIER
    siblings = engine.accounts.of_owner(account.owner_index)
    if any(held.size_lots for each in siblings for held in each.positions.values()):
        return Code.TIER_WITH_POSITIONS
    if any(True for each in siblings for _ in engine.live.of_account(each.account_index)):
        return Code.TIER_WITH_ORDERS
    changed_us = engine.accounts.tier_changed_us(account.owner_index)
    if _is_recent(engine, changed_us, engine.settings.tier_change_every_us):
        return Code.TIER_CHANGED_LATELY
    default = engine.settings.default_tier
    if engine.settings.tiers[default].name == new_tier:
        # "none" is the standard tier without its delays: whoever began so comes back to it.
        new_tier = default
    engine.accounts.change_tier(account.owner_index, new_tier, engine.now_us)
    engine.account_changed(account)
    return None


def set_maker_only_keys(engine: Engine, account: Account, keys: Collection[int]) -> Code | None:
    """Premium accounts only, once an hour; no keys: no restriction (protocol §7.10)."""
    if not all(FIRST_MAKER_KEY <= key <= LAST_KEY for key in keys):
        return Code.INVALID_API_KEY_INDEX
    if account.tier.name != "premium":
        return Code.INVALID_ACCOUNT_TYPE
    every_us = engine.settings.maker_only_change_every_us
    if _is_recent(engine, account.maker_only_changed_us, every_us):
        return Code.TOO_MANY_REQUESTS
    account.maker_only_keys = frozenset(keys)
    account.maker_only_changed_us = engine.now_us
    return None


def _is_recent(engine: Engine, changed_us: int | None, every_us: int) -> bool:
    return changed_us is not None and engine.now_us < changed_us + every_us
