"""The HedgePair's spec, as users write it: shapes, limits and defaults of every field.

camelCase in the file, snake_case here. Rules between fields are in `rules.py`, rules between an
old and a new spec in `changing.py`. Amounts are decimals, written as strings.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from hedgepair_runner.contract.fields import (
    DNS_LABEL,
    INT32,
    INT64,
    MARKET,
    MAX_ACCOUNT_INDEX,
    URL,
    DataKey,
    DecimalText,
    Flag,
    ObjectName,
    RatioText,
    Section,
    SignedDecimalText,
    Whole,
    text,
)
from hedgepair_runner.contract.placement import RunnerPods

DEFAULT_SECRET_KEY: Final = "apiKeyPrivateKey"


class Mode(StrEnum):
    HEDGE = "Hedge"
    MAKER_ONLY = "MakerOnly"
    HEDGER_ONLY = "HedgerOnly"


class Cycle(StrEnum):
    ROUND_TRIP = "RoundTrip"
    ACCUMULATE = "Accumulate"


class MakerSide(StrEnum):
    BUY = "Buy"
    SELL = "Sell"


class SuspendPolicy(StrEnum):
    CANCEL_ORDERS = "CancelOrders"
    FLATTEN = "Flatten"


class DeletionPolicy(StrEnum):
    CANCEL_ORDERS = "CancelOrders"
    FLATTEN = "Flatten"
    ORPHAN = "Orphan"


class RolloutPolicy(StrEnum):
    WHEN_FLAT = "WhenFlat"
    IMMEDIATE = "Immediate"
    MANUAL = "Manual"


class ExchangeName(StrEnum):
    LIGHTER = "Lighter"


class Network(StrEnum):
    PAPER = "Paper"
    TESTNET = "Testnet"
    MAINNET = "Mainnet"


class OnUnhedged(StrEnum):
    UNWIND = "Unwind"
    FLATTEN = "Flatten"
    HALT = "Halt"


class OnBreach(StrEnum):
    HALT = "Halt"
    CANCEL_ORDERS = "CancelOrders"
    FLATTEN = "Flatten"


# protocol §1.1. A paper exchange has Testnet's chain id unless told otherwise, so that bytes
# signed for paper are never valid on Mainnet; the release's own paper exchange has no fixed URL.
NETWORK_URLS: Final[dict[Network, str | None]] = {
    Network.PAPER: None,
    Network.TESTNET: "https://testnet.zklighter.elliot.ai",
    Network.MAINNET: "https://mainnet.zklighter.elliot.ai",
}
CHAIN_IDS: Final[dict[Network, int]] = {
    Network.PAPER: 300,
    Network.TESTNET: 300,
    Network.MAINNET: 304,
}


class SecretRef(Section):
    """A key of a Secret in the pair's own namespace."""

    name: ObjectName
    key: DataKey = DEFAULT_SECRET_KEY


class Account(Section):
    account_index: Annotated[Whole, Field(ge=0, le=MAX_ACCOUNT_INDEX, json_schema_extra=INT64)]
    api_key_index: Annotated[Whole, Field(ge=2, le=254, json_schema_extra=INT32)] = 4
    secret_ref: SecretRef | None = None


class Exchange(Section):
    network: Network
    name: ExchangeName = ExchangeName.LIGHTER
    url: Annotated[str, text(256, pattern=URL)] | None = None
    chain_id: Annotated[Whole, Field(ge=1, le=2147483647, json_schema_extra=INT32)] | None = None
    require_fencing: Flag = True
    adopt_orders: Flag = False

    @property
    def effective_url(self) -> str | None:
        """Where the exchange is; None means the release's own paper exchange."""
        return self.url if self.url is not None else NETWORK_URLS[self.network]

    @property
    def effective_chain_id(self) -> int:
        return self.chain_id if self.chain_id is not None else CHAIN_IDS[self.network]


class Maker(Section):
    account: Account
    requote_ticks: Annotated[Whole, Field(ge=0, le=10_000, json_schema_extra=INT32)] = 0
    max_distance_bps: Annotated[Whole, Field(ge=1, le=5_000, json_schema_extra=INT32)] = 200


class Hedger(Section):
    account: Account
    max_slippage_bps: Annotated[Whole, Field(ge=1, le=1_000, json_schema_extra=INT32)] = 50
    standby: Flag = False


class Risk(Section):
    max_position: DecimalText
    max_net_exposure: DecimalText | None = None
    max_unhedged_seconds: Annotated[Whole, Field(ge=1, le=3_600, json_schema_extra=INT32)] = 10
    on_unhedged: OnUnhedged = OnUnhedged.UNWIND
    max_daily_loss: DecimalText | None = None
    on_breach: OnBreach = OnBreach.CANCEL_ORDERS
    min_margin_distance: RatioText = Decimal("0.10")
    accepted_net: SignedDecimalText = Decimal("0")


class StopAfter(Section):
    """Any of them ends the pair flat. Volume (filled on A) and cost are in quote currency."""

    rounds: Annotated[Whole, Field(ge=1, le=1_000_000_000, json_schema_extra=INT32)] | None = None
    volume: DecimalText | None = None
    cost: DecimalText | None = None


class HedgePairSpec(Section):
    market: Annotated[str, text(32, pattern=MARKET, min_length=1)]
    quantity: DecimalText
    exchange: Exchange
    maker: Maker
    risk: Risk
    hedger: Hedger | None = None
    mode: Mode = Mode.HEDGE
    cycle: Cycle = Cycle.ROUND_TRIP
    maker_side: MakerSide = MakerSide.BUY
    depth: Annotated[Whole, Field(ge=1, le=50, json_schema_extra=INT32)] = 1
    timeout_seconds: Annotated[Whole, Field(ge=1, le=3_600, json_schema_extra=INT32)] = 60
    suspend: Flag = False
    suspend_policy: SuspendPolicy = SuspendPolicy.CANCEL_ORDERS
    deletion_policy: DeletionPolicy = DeletionPolicy.CANCEL_ORDERS
    teardown_timeout_seconds: Annotated[Whole, Field(ge=10, le=3_600, json_schema_extra=INT32)] = (
        300
    )
    rollout_policy: RolloutPolicy = RolloutPolicy.WHEN_FLAT
    stop_after: StopAfter | None = None
    pairing: Annotated[str, text(63, pattern=DNS_LABEL, min_length=1)] | None = None
    runner: RunnerPods | None = None

    @property
    def max_net_exposure(self) -> Decimal:
        """`risk.maxNetExposure`, by default one quantity."""
        if self.risk.max_net_exposure is None:
            return self.quantity
        return self.risk.max_net_exposure

    @property
    def runs_maker(self) -> bool:
        return self.mode is not Mode.HEDGER_ONLY

    @property
    def runs_hedger(self) -> bool:
        return self.mode is not Mode.MAKER_ONLY
