"""What the venue says of an account's limits, margin and day (protocol §3.4, §3.6, §3.10)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from hedgepair_runner.venues.lighter.fields import Fields, MalformedFrame
from hedgepair_runner.venues.tiers import AccountLimits


def limits_of(body: object) -> AccountLimits:
    """An `accountLimits` answer. A paper exchange without limits says so in a field of its own."""
    fields = Fields(body, channel="accountLimits")
    return AccountLimits(
        tier_name=fields.text("user_tier_name"),
        staked_lit=decimal_of(fields, "effective_lit_stakes", "0"),
        maker_fee_millionths=fields.integer("current_maker_fee_tick", 0),
        taker_fee_millionths=fields.integer("current_taker_fee_tick", 0),
        are_enforced=fields.flag("request_limits_enforced", True),
    )


def decimal_of(fields: Fields, field: str, default: str | None = None) -> Decimal:
    """A decimal text; MalformedFrame for anything else, infinities and NaN too."""
    text = fields.text(field, default)
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise MalformedFrame(fields.channel, field, "is no decimal number") from error
    if not value.is_finite():
        raise MalformedFrame(fields.channel, field, "is no finite number")
    return value
