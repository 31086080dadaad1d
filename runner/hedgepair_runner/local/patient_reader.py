"""GETs of a venue's records, slow enough to leave a live pair its budget (protocol §8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

import aiohttp
import orjson

from hedgepair_runner.local.records import RecordsUnavailable, TokenMaker

Json = Mapping[str, Any]

_ANSWER_WITHIN_S: Final = 20.0
_OK: Final = 200
_RATE_LIMITED: Final = 429
_FIREWALL: Final = 405
_SERVER_ERROR: Final = 500
_LIMITED_PAUSE_S: Final = 15.0
_FIREWALL_PAUSE_S: Final = 60.0
"""The web firewall wants silence for so long (protocol §8)."""
_RETRY_PAUSE_S: Final = 1.0


class PatientReader:
    """An async context manager. `pace_s` is the least time between two requests.

    A refusal for the rate, a venue that fails or does not answer is tried again, `tries` times in
    all; any other refusal is final.
    """

    def __init__(
        self, rest_url: str, *, token_of: TokenMaker, pace_s: float = 0.0, tries: int = 5
    ) -> None:
        self.requests = 0
        self._rest_url = rest_url.rstrip("/")
        self._token_of = token_of
        self._pace_s = pace_s
        self._tries = tries
        self._next_s = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> PatientReader:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(
        self, path: str, query: Mapping[str, str | int], *, token_for: int | None = None
    ) -> Json:
        """Raises RecordsUnavailable."""
        why = ""
        for _ in range(self._tries):
            await self._wait_for_turn()
            pause_s = _RETRY_PAUSE_S
            try:
                status, body = await self._ask(path, query, token_for)
            except (aiohttp.ClientError, TimeoutError) as error:
                why = f"{path} gave no answer: {error or 'too late'}"
            else:
                if status == _OK:
                    return _json(path, body)
                why = f"{path} answered {status}"
                if not _is_passing(status):
                    break
                pause_s = _pause_after(status)
            self._next_s = _now_s() + pause_s
        raise RecordsUnavailable(why)

    async def _wait_for_turn(self) -> None:
        delay_s = self._next_s - _now_s()
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        self._next_s = _now_s() + self._pace_s
        self.requests += 1

    async def _ask(
        self, path: str, query: Mapping[str, str | int], token_for: int | None
    ) -> tuple[int, bytes]:
        if self._session is None:
            raise AssertionError("the reader is used inside its async with")
        headers = {} if token_for is None else {"Authorization": self._token_of(token_for)}
        url = f"{self._rest_url}/api/v1/{path}"
        async with self._session.get(url, params=dict(query), headers=headers) as response:
            return response.status, await response.read()


def _is_passing(status: int) -> bool:
    """Whether asking again may mend it."""
    return status in (_FIREWALL, _RATE_LIMITED) or status >= _SERVER_ERROR


def _pause_after(status: int) -> float:
    if status == _FIREWALL:
        return _FIREWALL_PAUSE_S
    return _LIMITED_PAUSE_S if status == _RATE_LIMITED else _RETRY_PAUSE_S


def _json(path: str, body: bytes) -> Json:
    try:
        answer: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RecordsUnavailable(f"{path} answered with something other than JSON") from error
    return answer


def _now_s() -> float:
    return asyncio.get_running_loop().time()
