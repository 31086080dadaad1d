"""The token over Redis: one hash a pair, replaced by version in a script of one key (design §6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
import redis.asyncio as redis

from hedgepair_runner.acting import Errand, Owner, Position, Token
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.redis_bus import asked

# Version numbers travel as text: Lua's numbers are floats.
REPLACE = """
local epoch = redis.call('HGET', KEYS[1], 'hedger_epoch') or ''
local sequence = redis.call('HGET', KEYS[1], 'sequence') or ''
if epoch ~= ARGV[1] or sequence ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'hedger_epoch', ARGV[3], 'sequence', ARGV[4], 'owner', ARGV[5],
    'token', ARGV[6], 'schema_version', ARGV[7])
return 1
"""


class RedisTokens:
    def __init__(self, client: redis.Redis, *, pair: PairId) -> None:
        self._client = client
        self._key = keys.token(pair)
        self._replace: Callable[..., Awaitable[Any]] = client.register_script(REPLACE)

    async def read_token(self) -> Token | None:
        text = await asked(cast(Awaitable[bytes | None], self._client.hget(self._key, "token")))
        return None if text is None else _read(text)

    async def replace_token(self, token: Token, *, instead_of: Token | None) -> bool:
        was = ("", "") if instead_of is None else instead_of.version
        args = [*was, *token.version, token.owner.value, orjson.dumps(token), keys.SCHEMA_VERSION]
        return bool(await asked(self._replace(keys=[self._key], args=args)))


def _read(text: bytes) -> Token:
    raw = orjson.loads(text)
    errand = raw["errand"]
    return Token(
        hedger_epoch=raw["hedger_epoch"],
        sequence=raw["sequence"],
        owner=Owner(raw["owner"]),
        maker_epoch=raw["maker_epoch"],
        is_acknowledged=raw["is_acknowledged"],
        is_retired=raw["is_retired"],
        position=Position(**raw["position"]),
        errand=None if errand is None else Errand(**errand),
    )
