"""The vocabulary of faults: what can go wrong, when, and how (protocol §9, fault knobs)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from hedgepair_runner.venues.paper.channels import Kind


class BadFaultError(ValueError):
    """A fault that cannot be followed; the text is a sentence."""


class FaultKind(StrEnum):
    # Of a request, or of a frame that carries transactions.
    RATE_LIMITED = "rate_limited"
    FIREWALL = "firewall"
    BAD_GATEWAY = "bad_gateway"
    REFUSE = "refuse"
    DROP_REQUEST = "drop_request"
    DROP_ANSWER = "drop_answer"
    SLOW_REQUEST = "slow_request"
    SLOW_ANSWER = "slow_answer"
    SECOND_COPY = "second_copy"
    # Of an accepted transaction.
    ENGINE_FAILURE = "engine_failure"
    SLOW_EXECUTION = "slow_execution"
    IOC_SHORT_FILL = "ioc_short_fill"
    HIDE_REDUCE_ONLY = "hide_reduce_only"
    # Of a frame on a channel.
    DROP_FRAME = "drop_frame"
    DUPLICATE_FRAME = "duplicate_frame"
    DELAY_FRAME = "delay_frame"
    REORDER_FRAME = "reorder_frame"
    LATE_ORDERS = "late_orders"
    BOOK_GAP = "book_gap"
    OFFSET_JUMP = "offset_jump"
    REPLAY_TRADES = "replay_trades"
    # Of pings and their answers.
    STOP_PINGS = "stop_pings"
    STOP_PONGS = "stop_pongs"
    # By time alone.
    MARKET_STATUS = "market_status"
    MINIMUM_RAISED = "minimum_raised"
    REPLICA_LAG = "replica_lag"
    SWITCH = "switch"
    CLOSE_SOCKETS = "close_sockets"
    OTHER_CLIENT = "other_client"


class Group(StrEnum):
    """What a fault happens to."""

    REQUEST = "request"
    TRANSACTION = "transaction"
    FRAME = "frame"
    PING = "ping"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFacts:
    """`options` are the fields of Details that the kind knows; those in `needs` are a must."""

    group: Group
    about: str
    options: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    channels: frozenset[Kind] = frozenset()
    """Frames of these channels only, unless `when.channel` names others."""


def _facts(
    group: Group, about: str, options: str = "", *, needs: str = "", channels: tuple[Kind, ...] = ()
) -> KindFacts:
    must = frozenset(needs.split())
    return KindFacts(
        group=group,
        about=about,
        options=frozenset(options.split()) | must,
        needs=must,
        channels=frozenset(channels),
    )


_ORDER_CHANNELS = (Kind.ACCOUNT_ALL_ORDERS, Kind.ACCOUNT_ORDERS)
_REQUEST, _TX, _FRAME, _TIME = Group.REQUEST, Group.TRANSACTION, Group.FRAME, Group.TIME

KINDS: Mapping[FaultKind, KindFacts] = MappingProxyType(
    {
        FaultKind.RATE_LIMITED: _facts(_REQUEST, "429 with 23000; nothing is executed"),
        FaultKind.FIREWALL: _facts(
            _REQUEST, "405 without useful body to everything from that IP for 60 s", "block_ms"
        ),
        FaultKind.BAD_GATEWAY: _facts(_REQUEST, "502 with an HTML body; nothing is executed"),
        FaultKind.REFUSE: _facts(
            _REQUEST, "400 with this code; nothing is executed", "message", needs="code"
        ),
        FaultKind.DROP_REQUEST: _facts(
            _REQUEST, "never arrives; silence, or with `cut` a cut connection", "cut"
        ),
        FaultKind.DROP_ANSWER: _facts(
            _REQUEST, "is executed, the answer is lost; with `cut` so is the connection", "cut"
        ),
        FaultKind.SLOW_REQUEST: _facts(_REQUEST, "arrives late", needs="delay_ms"),
        FaultKind.SLOW_ANSWER: _facts(
            _REQUEST, "is executed at once and answered late", needs="delay_ms"
        ),
        FaultKind.SECOND_COPY: _facts(
            _REQUEST, "the same bytes arrive once more, later", needs="delay_ms"
        ),
        FaultKind.ENGINE_FAILURE: _facts(
            _TX, "accepted, then it fails in the engine (`ae`)", "code message consumes_nonce"
        ),
        FaultKind.SLOW_EXECUTION: _facts(
            _TX, "executes later than was predicted", needs="delay_ms"
        ),
        FaultKind.IOC_SHORT_FILL: _facts(
            _TX, "an IOC order fills this part at most, or nothing", "fill_ratio"
        ),
        FaultKind.HIDE_REDUCE_ONLY: _facts(
            _TX, "an invalid reduce-only order is accepted and silently dropped"
        ),
        FaultKind.DROP_FRAME: _facts(_FRAME, "a frame is lost"),
        FaultKind.DUPLICATE_FRAME: _facts(_FRAME, "a frame comes twice"),
        FaultKind.DELAY_FRAME: _facts(
            _FRAME, "a frame and those behind it on its channel come late", needs="delay_ms"
        ),
        FaultKind.REORDER_FRAME: _facts(
            _FRAME, "a frame comes after the next frame of another channel", "delay_ms"
        ),
        FaultKind.LATE_ORDERS: _facts(
            _FRAME,
            "order updates come late: fills before the orders that they fill",
            "delay_ms",
            channels=_ORDER_CHANNELS,
        ),
        FaultKind.BOOK_GAP: _facts(
            _FRAME, "one link of the book's nonce chain is missing", channels=(Kind.ORDER_BOOK,)
        ),
        FaultKind.OFFSET_JUMP: _facts(
            _FRAME,
            "the book's offset jumps, its nonces do not",
            "jump",
            channels=(Kind.ORDER_BOOK,),
        ),
        FaultKind.REPLAY_TRADES: _facts(
            _FRAME,
            "the channel's snapshot comes again after a frame",
            channels=(Kind.ACCOUNT_ALL_TRADES,),
        ),
        FaultKind.STOP_PINGS: _facts(Group.PING, "the server sends no pings"),
        FaultKind.STOP_PONGS: _facts(Group.PING, "the server answers no pings"),
        FaultKind.MARKET_STATUS: _facts(_TIME, "markets have another status", "status"),
        FaultKind.MINIMUM_RAISED: _facts(
            _TIME, "markets demand larger orders", "min_base min_quote"
        ),
        FaultKind.REPLICA_LAG: _facts(
            _TIME, "an endpoint answers from the past", "low_ms", needs="high_ms"
        ),
        FaultKind.SWITCH: _facts(_TIME, "an uncertain rule is the other way", needs="name value"),
        FaultKind.CLOSE_SOCKETS: _facts(_TIME, "sockets close, 1006 unless told", "code"),
        FaultKind.OTHER_CLIENT: _facts(
            _TIME, "somebody else sends a transaction on the key, so that its nonce is used"
        ),
    }
)

DELAY_MS = 250
"""Where a kind may be delayed and does not say for how long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which requests, transactions or frames. All that is given must hold; nothing given: all."""

    endpoint: str | None = None
    """`nextNonce`, `sendTx`, …; `stream` is the WebSocket handshake."""
    transport: str | None = None
    """`rest` or `socket`."""
    tx_type: int | None = None
    account: int | None = None
    key: int | None = None
    market: int | None = None
    channel: str | None = None
    """A kind (`account_tx`) or an outbound name (`account_tx:2`)."""
    ip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """How exactly; what a kind knows is in `KINDS`."""

    delay_ms: int | None = None
    block_ms: int = 60_000
    code: int | None = None
    message: str = ""
    consumes_nonce: bool = True
    fill_ratio: Decimal = Decimal(0)
    cut: bool = False
    jump: int = 1_000
    status: str = "inactive"
    min_base: Decimal | None = None
    min_quote: Decimal | None = None
    low_ms: int = 0
    high_ms: int = 0
    name: str = ""
    value: str | int | bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One line of a scenario. `at` counts from the moment it is armed."""

    kind: FaultKind
    when: When = When()
    at_us: int = 0
    for_us: int | None = None
    """None: until it is cleared, or its count is used up."""
    probability: float = 1.0
    """Of each chance to happen; of faults by time, once at their beginning."""
    count: int | None = None
    """How often it happens; None: as often as it can."""
    details: Details = field(default_factory=Details)

    @property
    def facts(self) -> KindFacts:
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a rule is held against."""

    endpoint: str | None = None
    transport: str | None = None
    tx_types: frozenset[int] = frozenset()
    accounts: frozenset[int] = frozenset()
    keys: frozenset[int] = frozenset()
    markets: frozenset[int] = frozenset()
    channel: str | None = None
    channel_kind: Kind | None = None
    ip: str = ""


def meets(rule: FaultRule, occasion: Occasion) -> bool:
    when = rule.when
    return (
        when.endpoint in (None, occasion.endpoint)
        and when.transport in (None, occasion.transport)
        and (when.tx_type is None or when.tx_type in occasion.tx_types)
        and (when.account is None or when.account in occasion.accounts)
        and (when.key is None or when.key in occasion.keys)
        and (when.market is None or when.market in occasion.markets)
        and when.ip in (None, occasion.ip)
        and _on_channel(rule, occasion)
    )


def _on_channel(rule: FaultRule, occasion: Occasion) -> bool:
    wanted = rule.when.channel
    if wanted is not None:
        return wanted in (occasion.channel, occasion.channel_kind)
    channels = rule.facts.channels
    return not channels or occasion.channel_kind in channels
