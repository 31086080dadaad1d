"""What a runner reports of its own account's risk (design §6): the maker decides for both legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRisk:
    """One account by one read of the venue. Amounts are decimals as text, in quote currency.

    `position_lots` is signed, `value_ticks` the mark that the venue valued it by (None when flat).
    `equity_quote` is what the account is worth, `other_maintenance_quote` what its positions in
    other markets need of it. `liquidation_ticks` None: nothing to be liquidated.
    `is_near` and `is_near_twice`: nearer to liquidation than `risk.minMarginDistance`, by this
    read, and by the one before as well.
    `day_quote`: what the account made in this market since the UTC `day` began, realised,
    unrealised, fees and funding; None: not known, or nobody asked for it.
    """

    account_index: int
    read_ms: int
    position_lots: int
    value_ticks: int | None
    available_quote: str
    equity_quote: str
    other_maintenance_quote: str
    initial_margin_bps: int
    maintenance_margin_bps: int
    liquidation_ticks: int | None
    is_near: bool = False
    is_near_twice: bool = False
    day: str = ""
    day_quote: str | None = None


def read_leg(raw: dict[str, Any] | None) -> LegRisk | None:
    """As it stands in a report; fields that a newer writer added are passed over."""
    if raw is None:
        return None
    known = {name: raw[name] for name in LegRisk.__dataclass_fields__ if name in raw}
    return LegRisk(**known)
