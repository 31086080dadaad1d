"""What the model test does to the venue: small frozen actions whose text is runnable Python."""

from __future__ import annotations

from dataclasses import dataclass

from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.transaction_shapes import CancelAllTimeInForce

GTT, POST_ONLY, IOC = int(TimeInForce.GTT), int(TimeInForce.POST_ONLY), int(TimeInForce.IOC)
LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
TRIGGERED = (2, 3, 4, 5)
IMMEDIATE, SCHEDULED, ABORT = map(int, CancelAllTimeInForce)


@dataclass(frozen=True, slots=True)
class Place:
    """An order `offset` ticks from the start price. `client` 0: it has no name."""

    account: int
    key: int
    market: int
    is_ask: bool
    lots: int
    offset: int
    tif: int = GTT
    kind: int = LIMIT
    reduce_only: bool = False
    client: int = 0
    behaviour: int = 0
    equality: int = 0
    skip: int = 0
    """Leaves out so many nonces."""
    trigger: int = 0
    """Of stop-loss and take-profit orders: ticks from the start price."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """`which` of the account's live orders; a closed one if `closed` and there is any."""

    account: int
    key: int
    which: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Modify:
    account: int
    key: int
    which: int
    lots: int
    offset: int
    version: int = 0


@dataclass(frozen=True, slots=True)
class CancelAll:
    account: int
    key: int
    mode: int = IMMEDIATE
    market: int | None = None
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Leverage:
    account: int
    key: int
    market: int
    fraction: int


@dataclass(frozen=True, slots=True)
class Batch:
    """All of one account and key."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class WrongNonce:
    account: int
    key: int
    by: int


@dataclass(frozen=True, slots=True)
class Halt:
    """The market is halted for the next few actions."""

    market: int


@dataclass(frozen=True, slots=True)
class Wait:
    ms: int


Action = Place | Cancel | Modify | CancelAll | Leverage | Batch | WrongNonce | Halt | Wait
