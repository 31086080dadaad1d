"""How far behind each REST endpoint answers: as from a replica that has not caught up.

Endpoints are named by the last part of their path (`nextNonce`, `account`); `*` is every read that
has no lag of its own. A range draws anew for each request, as behind a load balancer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

EVERY = "*"
LONGEST_LAG_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    low_ms: int
    high_ms: int

    def __post_init__(self) -> None:
        if not 0 <= self.low_ms <= self.high_ms <= LONGEST_LAG_MS:
            raise ValueError(f"a lag is between 0 and {LONGEST_LAG_MS} ms, the low end first")


class Lags:
    def __init__(self, chance: Random, lags: Mapping[str, Lag] | None = None) -> None:
        self._chance = chance
        self._lags = {name: lag for name, lag in (lags or {}).items() if lag.high_ms}

    def __bool__(self) -> bool:
        return bool(self._lags)

    def set(self, endpoint: str, lag: Lag | None) -> Lag | None:
        """Returns what held before. None, or a lag of nothing: the endpoint is up to date."""
        before = self._lags.pop(endpoint, None)
        if lag is not None and lag.high_ms:
            self._lags[endpoint] = lag
        return before

    def all(self) -> Mapping[str, Lag]:
        return dict(self._lags)

    def draw_us(self, endpoint: str) -> int:
        """How far behind this request is answered."""
        lag = self._lags.get(endpoint) or self._lags.get(EVERY)
        if lag is None:
            return 0
        return self._chance.randint(lag.low_ms * 1_000, lag.high_ms * 1_000)

    @property
    def longest_us(self) -> int:
        return max((lag.high_ms for lag in self._lags.values()), default=0) * 1_000
