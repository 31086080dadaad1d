"""The operator's line to Redis: all reports in one pipelined read, desired states written.

Redis may be gone, restarted, failed over or flushed at any moment. A marker key of our own tells:
where it is missing, everything that was published is published again.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from hedgepair_operator.redis_calls import answered
from hedgepair_operator.redis_port import RedisRefused, RedisUnavailable
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role

logger = logging.getLogger(__name__)

_TIMEOUT_S: Final = 5.0
_CHUNK: Final = 500
Place = tuple[PairId, Role]


def connect(url: str) -> Redis:
    """A client that fails in seconds rather than waits."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        health_check_interval=15,
        client_name="hedgepair-operator",
    )
    return client


class RedisLink:
    """All methods raise RedisUnavailable or RedisRefused.

    `read_url` is asked again after a refusal: what it reads may have been rotated.
    """

    def __init__(self, read_url: Callable[[], str]) -> None:
        self._read_url = read_url
        self._open: Redis | None = None
        self._mark = uuid.uuid4().hex
        self._told: dict[Place, str] = {}

    @property
    def _client(self) -> Redis:
        if self._open is None:
            self._open = connect(self._read_url())
        return self._open

    async def read_reports(self, places: Sequence[Place]) -> tuple[list[bytes | None], bool]:
        """(each place's report, whether Redis still is the one that we wrote to)."""
        found: list[bytes | None] = []
        try:
            mark = await answered(self._client.get(keys.operator_mark()))
            for start in range(0, len(places), _CHUNK):
                async with self._client.pipeline(transaction=False) as pipe:
                    for pair, role in places[start : start + _CHUNK]:
                        pipe.get(keys.report(pair, role))
                    found.extend(await answered(pipe.execute()))
            is_same = mark == self._mark.encode()
            if not is_same:
                self._told.clear()
                await answered(self._client.set(keys.operator_mark(), self._mark))
        except (RedisError, OSError, TimeoutError) as error:
            raise await self._failed(error) from error
        return found, is_same

    def publish_anew(self) -> None:
        """Another server answers: even where it holds our mark, it may hold older wishes."""
        self._told.clear()

    async def tell(self, pair: PairId, role: Role, text: str) -> None:
        """Publishes a desired state, unless it is there already."""
        if self._told.get((pair, role)) == text:
            return
        try:
            await answered(self._client.set(keys.desired(pair, role), text))
        except (RedisError, OSError, TimeoutError) as error:
            raise await self._failed(error) from error
        self._told[pair, role] = text

    async def forget(self, pair: PairId, roles: Iterable[Role]) -> None:
        """A pair is gone: what it wanted must not greet its namesake."""
        names = [key for role in roles for key in _of(pair, role)]
        try:
            if names:
                await answered(self._client.delete(*names))
        except (RedisError, OSError, TimeoutError) as error:
            raise await self._failed(error) from error
        for role in roles:
            self._told.pop((pair, role), None)

    async def close(self) -> None:
        client, self._open = self._open, None
        if client is not None:
            await client.aclose()

    async def _failed(self, error: Exception) -> RedisUnavailable | RedisRefused:
        mapped = _mapped(error)
        if isinstance(mapped, RedisRefused):
            await self.close()
        return mapped


def _of(pair: PairId, role: Role) -> tuple[str, str]:
    return keys.desired(pair, role), keys.report(pair, role)


def _mapped(error: Exception) -> RedisUnavailable | RedisRefused:
    """Without the error's own words: they may quote the URL."""
    if isinstance(error, (AuthenticationError, NoPermissionError)):
        return RedisRefused("Redis refuses the operator: check its user and password.")
    if isinstance(error, ResponseError):
        return RedisRefused(f"Redis refuses a command of the operator: {_first_word(error)}.")
    return RedisUnavailable(type(error).__name__)


def _first_word(error: Exception) -> str:
    """Redis' own error code, such as OOM or READONLY."""
    word = str(error).split(" ", 1)[0]
    return word if word.isalpha() and word.isupper() else type(error).__name__
