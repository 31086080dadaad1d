"""The venue's rate limits: who may ask, who gets 429, when the firewall shuts (protocol §8).

Budgets count over a rolling minute. A request with a valid token, and every transaction, counts
for the L1 address of its account; any other for its IP. Refused requests cost nothing, but every
refusal brings an IP nearer to the firewall. Pure: time is an argument.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

MINUTE_US = 60_000_000
_DROP_IDLE_FROM = 4_096
_UPDATE_LEVERAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a tier may ask for in a minute. A request costs its weight, at least `least_weight`.

    `sends_per_minute` is a bucket of transactions of its own; None: they draw on the weight.
    `sends_of_type` caps single transaction types.
    """

    weight_per_minute: int
    least_weight: int
    sends_per_minute: int | None
    sends_of_type: Mapping[int, int] = field(default_factory=dict)


STANDARD = Budget(
    weight_per_minute=24_000,
    least_weight=400,
    sends_per_minute=None,
    sends_of_type=MappingProxyType({_UPDATE_LEVERAGE: 40}),
)
"""60 requests, whatever their weight up to 400."""
PLUS = Budget(weight_per_minute=120_000, least_weight=1, sends_per_minute=8_000)
PREMIUM = Budget(weight_per_minute=24_000, least_weight=1, sends_per_minute=4_000)
BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {"none": STANDARD, "standard": STANDARD, "plus": PLUS, "premium": PREMIUM}
)
"""By tier name; a tier that is not named here counts as Standard."""

WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "sendTx": 6,
        "sendTxBatch": 6,
        "nextNonce": 6,
        "publicPools": 50,
        "txFromL1TxHash": 50,
        "accountInactiveOrders": 100,
        "deposit/latest": 100,
        "apikeys": 150,
        "transferFeeInfo": 500,
        "trades": 600,
        "recentTrades": 600,
        "changeAccountTier": 3_000,
        "tokens": 3_000,
        "setAccountMetadata": 3_000,
        "notification/ack": 3_000,
        "fastwithdraw": 3_000,
        "referral": 3_000,
        "tokens/create": 23_000,
    }
)
_OTHER_WEIGHT = 300


def weight_of(endpoint: str) -> int:
    return WEIGHTS.get(endpoint, _OTHER_WEIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    is_on: bool = False
    """Off: everything passes, and only a block by hand or by a fault shuts the firewall."""
    firewall_after: int = 20
    """So many refusals of one IP within a minute lead to the firewall's 405."""
    firewall_us: int = MINUTE_US
    counts_each_of_a_batch: bool = True
    """A batch of n draws n on the transaction bucket (protocol §12); else 1."""
    new_connections_per_minute: int = 255
    connections_per_ip: int = 255
    messages_per_minute: int = 200
    subscriptions_per_ip: int = 5_000
    accounts_per_ip: int = 5_000


class Scope(StrEnum):
    IP = "ip"
    L1 = "l1"
    SENDS = "sends"
    TX_TYPE = "tx_type"
    CONNECTIONS = "connections"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose budget pays: an L1 address and its tier. Its accounts and keys share it."""

    l1_address: str
    tier_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """One bucket as it stands: `limit − used` is left until the oldest use is a minute old."""

    scope: Scope
    name: str
    used: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(slots=True)
class _Bucket:
    """One rolling minute of one resource."""

    limit: int
    used: int = 0
    spent: deque[tuple[int, int]] = field(default_factory=deque)

    def forget(self, now_us: int) -> None:
        while self.spent and self.spent[0][0] + MINUTE_US <= now_us:
            self.used -= self.spent.popleft()[1]

    def spend(self, cost: int, now_us: int) -> None:
        self.used += cost
        self.spent.append((now_us, cost))


_Draw = tuple[Scope, str, int, int]
"""Scope, name, limit, cost."""


class RequestLimiter:
    """Every question is answered and booked at once; False is a 429 (or its frame)."""

    def __init__(self, settings: LimitSettings, *, default_tier: str = "none") -> None:
        """The default tier's budget holds for IPs, whose requests name nobody."""
        self.settings = settings
        self._default_tier = default_tier
        self._buckets: dict[tuple[Scope, str], _Bucket] = {}
        self._refusals: dict[str, deque[int]] = {}
        self._blocked_until_us: dict[str, int] = {}

    # -- the firewall --

    def is_blocked(self, ip: str, now_us: int) -> bool:
        """A 405 without useful body, whatever is asked."""
        until_us = self._blocked_until_us.get(ip)
        if until_us is None:
            return False
        if until_us <= now_us:
            del self._blocked_until_us[ip]
            return False
        return True

    def block(self, ip: str, *, until_us: int) -> None:
        self._blocked_until_us[ip] = until_us
        self._refusals.pop(ip, None)

    def unblock_all(self) -> None:
        self._blocked_until_us.clear()

    def blocked(self, now_us: int) -> dict[str, int]:
        """IPs and until when (µs)."""
        return {ip: us for ip, us in self._blocked_until_us.items() if us > now_us}

    # -- questions --

    def admit_read(self, endpoint: str, *, ip: str, owner: Owner | None, now_us: int) -> bool:
        """`owner`: whose valid token came with it, if any."""
        budget = self._budget(owner)
        cost = max(budget.least_weight, weight_of(endpoint))
        draw = (*_payer(owner, ip), budget.weight_per_minute, cost)
        return self._admit([draw], ip=ip, now_us=now_us)

    def admit_sends(
        self, tx_types: Iterable[int], *, ip: str, owner: Owner | None, now_us: int
    ) -> bool:
        """Transactions of one request or frame; without an owner they are malformed."""
        kinds = list(tx_types)
        count = max(1, len(kinds)) if self.settings.counts_each_of_a_batch else 1
        budget = self._budget(owner)
        draws: list[_Draw]
        if owner is not None and budget.sends_per_minute is not None:
            draws = [(Scope.SENDS, owner.l1_address, budget.sends_per_minute, count)]
        else:
            cost = count * max(budget.least_weight, weight_of("sendTx"))
            draws = [(*_payer(owner, ip), budget.weight_per_minute, cost)]
        if owner is not None:
            draws += [
                (Scope.TX_TYPE, f"{owner.l1_address} type {kind}", limit, kinds.count(kind))
                for kind, limit in budget.sends_of_type.items()
                if kind in kinds
            ]
        return self._admit(draws, ip=ip, now_us=now_us)

    def admit_connection(self, *, ip: str, now_us: int) -> bool:
        limit = self.settings.new_connections_per_minute
        return self._admit([(Scope.CONNECTIONS, ip, limit, 1)], ip=ip, now_us=now_us)

    def admit_message(self, *, ip: str, now_us: int) -> bool:
        """A client's frame other than a transaction. Its refusal is a frame, not a 429."""
        if not self.settings.is_on:
            return True
        limit = self.settings.messages_per_minute
        return self._draw([(Scope.MESSAGES, ip, limit, 1)], now_us)

    # -- what is left --

    def headroom(self, now_us: int) -> list[Headroom]:
        """Buckets in use, by scope and name."""
        self._drop_idle(now_us)
        return [
            Headroom(scope=scope, name=name, used=bucket.used, limit=bucket.limit)
            for (scope, name), bucket in sorted(self._buckets.items())
        ]

    def refusals(self, now_us: int) -> dict[str, int]:
        """How often each IP was refused within the last minute."""
        found = {}
        for ip, refused in self._refusals.items():
            found[ip] = sum(1 for at_us in refused if at_us + MINUTE_US > now_us)
        return found

    # -- inside --

    def _budget(self, owner: Owner | None) -> Budget:
        name = owner.tier_name if owner is not None else self._default_tier
        return BUDGETS.get(name, STANDARD)

    def _admit(self, draws: list[_Draw], *, ip: str, now_us: int) -> bool:
        if not self.settings.is_on:
            return True
        if self._draw(draws, now_us):
            return True
        refusals = self._refusals.setdefault(ip, deque())
        while refusals and refusals[0] + MINUTE_US <= now_us:
            refusals.popleft()
        refusals.append(now_us)
        if len(refusals) >= self.settings.firewall_after:
            self.block(ip, until_us=now_us + self.settings.firewall_us)
        return False

    def _draw(self, draws: list[_Draw], now_us: int) -> bool:
        """All or nothing."""
        if len(self._buckets) > _DROP_IDLE_FROM:
            self._drop_idle(now_us)
        chosen: list[tuple[_Bucket, int]] = []
        for scope, name, limit, cost in draws:
            bucket = self._buckets.setdefault((scope, name), _Bucket(limit))
            bucket.limit = limit
            bucket.forget(now_us)
            if bucket.used + cost > limit:
                return False
            chosen.append((bucket, cost))
        for bucket, cost in chosen:
            bucket.spend(cost, now_us)
        return True

    def _drop_idle(self, now_us: int) -> None:
        for key, bucket in list(self._buckets.items()):
            bucket.forget(now_us)
            if not bucket.used:
                del self._buckets[key]


def _payer(owner: Owner | None, ip: str) -> tuple[Scope, str]:
    return (Scope.L1, owner.l1_address) if owner is not None else (Scope.IP, ip)
