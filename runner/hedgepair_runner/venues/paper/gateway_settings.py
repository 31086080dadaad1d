"""How the gateway behaves towards its clients: batches, liveness, limits, signature checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hedgepair_runner.venues.paper.lagging import Lag
from hedgepair_runner.venues.paper.limiting_requests import LimitSettings
from hedgepair_runner.venues.paper.switches import AnswerShape


class Checking(StrEnum):
    """When signatures are verified (design §11)."""

    OFF = "off"
    SAMPLED = "sampled"
    """The first of a key and one in so many after it, once accepted. A key that fails is checked
    strictly from then on."""
    STRICT = "strict"
    """Every one, before it is queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    checking: Checking = Checking.SAMPLED
    sample_one_in: int = 50

    book_batch_us: int = 50_000
    """Book and ticker frames are gathered for so long (protocol §6.5); 0: at once."""
    statistics_every_us: int = 1_000_000
    """Market statistics, candles, heights and user statistics are sent so often, if changed."""
    trades_in_snapshot: int = 50
    complete_fields: bool = False
    """Send what the venue leaves out as well: zero and false trade fields (protocol §3.6), a quota
    where there is none. Only so do answers pass the published models (Appendix A)."""
    keys_listed: int = 8
    """`apikeys` lists so many integration keys, used or not, so that a client finds its own."""

    ping_every_us: int | None = 60_000_000
    """None: the server never pings (protocol §6.2)."""
    idle_close_us: int = 120_000_000

    connections: int = 255
    subscriptions_per_connection: int = 500
    accounts_per_connection: int = 500
    messages_per_minute: int = 200
    """Client frames other than transactions (protocol §6.8)."""
    messages_in_flight: int = 50
    txs_per_socket_batch: int = 15
    txs_per_rest_batch: int = 50

    limits: LimitSettings = field(default_factory=LimitSettings)
    """Rate limits per IP and L1 address (protocol §8). Off by default."""
    lags: Mapping[str, Lag] = field(default_factory=dict)
    """By endpoint: how far behind its replica answers."""
    sendtx_answer: AnswerShape = AnswerShape.TOP_LEVEL
    fault_seed: str = "7"
    """Decides what happens where a fault has a probability or a lag a range."""
