"""WebSocket channel names, in (`order_book/0`) and out (`order_book:0`) (protocol §6.3, §6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from hedgepair_runner.venues.paper.candles import RESOLUTIONS


class Kind(StrEnum):
    ORDER_BOOK = "order_book"
    TICKER = "ticker"
    TRADE = "trade"
    MARKET_STATS = "market_stats"
    CANDLE = "candle"
    HEIGHT = "height"
    ACCOUNT_ALL = "account_all"
    USER_STATS = "user_stats"
    ACCOUNT_MARKET = "account_market"
    ACCOUNT_ORDERS = "account_orders"
    ACCOUNT_ALL_ORDERS = "account_all_orders"
    ACCOUNT_ALL_TRADES = "account_all_trades"
    ACCOUNT_ALL_POSITIONS = "account_all_positions"
    ACCOUNT_ALL_ASSETS = "account_all_assets"
    ACCOUNT_TX = "account_tx"
    NOTIFICATION = "notification"


class _Part(Enum):
    MARKET = "market"
    MARKET_OR_ALL = "market or all"
    ACCOUNT = "account"
    RESOLUTION = "resolution"


_PARTS: dict[Kind, tuple[_Part, ...]] = {
    Kind.ORDER_BOOK: (_Part.MARKET,),
    Kind.TICKER: (_Part.MARKET,),
    Kind.TRADE: (_Part.MARKET,),
    Kind.MARKET_STATS: (_Part.MARKET_OR_ALL,),
    Kind.CANDLE: (_Part.MARKET, _Part.RESOLUTION),
    Kind.HEIGHT: (),
    Kind.ACCOUNT_MARKET: (_Part.MARKET, _Part.ACCOUNT),
    Kind.ACCOUNT_ORDERS: (_Part.MARKET, _Part.ACCOUNT),
}
_ACCOUNT_ONLY = (_Part.ACCOUNT,)
_KINDS: dict[str, Kind] = {kind.value: kind for kind in Kind}

PUBLIC_ACCOUNT_KINDS = frozenset({Kind.ACCOUNT_ALL, Kind.USER_STATS})
"""Documented without auth (protocol §6.4); a token does no harm."""

ALL_MARKETS = -1
"""`market_id` of `market_stats/all`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel that somebody may subscribe to. `name` is how the venue spells it outbound."""

    kind: Kind
    name: str
    market_id: int | None = None
    account_index: int | None = None
    resolution: str | None = None

    @property
    def needs_token(self) -> bool:
        return self.account_index is not None and self.kind not in PUBLIC_ACCOUNT_KINDS


def parse_channel(text: str) -> Channel | None:
    """The channel that a client means, spelled with `/` (or `:`); None where there is none such."""
    head, *rest = text.replace(":", "/").split("/")
    kind = _KINDS.get(head)
    if kind is None:
        return None
    parts = _PARTS.get(kind, _ACCOUNT_ONLY)
    if len(parts) != len(rest):
        return None
    market_id: int | None = None
    account_index: int | None = None
    resolution: str | None = None
    for part, value in zip(parts, rest, strict=True):
        if part is _Part.RESOLUTION:
            if value not in RESOLUTIONS:
                return None
            resolution = value
        elif part is _Part.MARKET_OR_ALL and value == "all":
            market_id = ALL_MARKETS
        elif not (value.isascii() and value.isdigit() and len(value) <= 18):
            return None
        elif part is _Part.ACCOUNT:
            account_index = int(value)
        else:
            market_id = int(value)
    # A canonical name: "order_book/00" must not be a second stream beside "order_book/0".
    spelled = [_spell(value) for value in rest]
    return Channel(
        kind=kind,
        name=":".join([head, *spelled]),
        market_id=market_id,
        account_index=account_index,
        resolution=resolution,
    )


def _spell(value: str) -> str:
    return str(int(value)) if value.isdigit() else value


def account_channel(kind: Kind, account_index: int) -> str:
    return f"{kind.value}:{account_index}"


def market_channel(kind: Kind, market_id: int) -> str:
    return f"{kind.value}:{market_id}"


def market_account_channel(kind: Kind, market_id: int, account_index: int) -> str:
    return f"{kind.value}:{market_id}:{account_index}"
