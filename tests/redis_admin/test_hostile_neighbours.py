"""Somebody with a pair of their own, their own Redis user and any client they like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role
from tests.redis_admin.bundled import BundledRedis
from tests.redis_admin.users import VENUE, admin_of, logged_in, name_of, stranger, user

VICTIM = user("trading", "eth")
NEIGHBOUR = user("evil", "eth", account=2)
PREFIX_OF_VICTIM = f"hp:{{{VICTIM.pair}}}:"
KEYS_OF_VICTIM = (
    keys.lease(VENUE, 1, 4),
    keys.epoch(VENUE, 1, 4),
    keys.dead_mans_switch(VENUE, 1),
    keys.budget(VENUE, "trading", "0xabc"),
    keys.desired(VICTIM.pair, Role.MAKER),
    keys.report(VICTIM.pair, Role.HEDGER),
    PREFIX_OF_VICTIM + "anything",
)
ACTS: dict[str, tuple[str, ...]] = {
    "read": ("GET", "KEY"),
    "write": ("SET", "KEY", "mine"),
    "squat": ("SET", "KEY", "mine", "NX", "PX", "600000"),
    "delete": ("DEL", "KEY"),
    "expire": ("PEXPIRE", "KEY", "1"),
    "look": ("EXISTS", "KEY"),
    "hash": ("HGETALL", "KEY"),
    "add": ("XADD", "KEY", "*", "a", "b"),
    "follow": ("XREAD", "STREAMS", "KEY", "0"),
    "beside an own key": ("DEL", f"hp:{{{NEIGHBOUR.pair}}}:own", "KEY"),
    "by a script": ("EVAL", "return redis.call('SET', KEYS[1], 'mine')", "1", "KEY"),
    "by a script that names no key": ("EVAL", "return redis.call('SET', 'KEY', 'mine')", "0"),
    "in a transaction": ("MULTI", "KEY"),
}
REFUSED = r"NOPERM|permission|can't access"
FORBIDDEN: tuple[tuple[str, ...], ...] = (
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("RANDOMKEY",),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", name_of(NEIGHBOUR), "allkeys"),
    ("ACL", "GETUSER", name_of(VICTIM)),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("MONITOR",),
    ("SHUTDOWN", "NOSAVE"),
    ("DEBUG", "SLEEP", "0"),
    ("SCRIPT", "FLUSH"),
    ("RENAME", f"hp:{{{NEIGHBOUR.pair}}}:own", PREFIX_OF_VICTIM + "fills"),
    ("COPY", PREFIX_OF_VICTIM + "fills", f"hp:{{{NEIGHBOUR.pair}}}:own"),
    ("SORT", f"hp:{{{NEIGHBOUR.pair}}}:own", "BY", PREFIX_OF_VICTIM + "*"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("SUBSCRIBE", "x"),
    ("PUBLISH", "x", "y"),
    ("INFO",),
)


@pytest.mark.parametrize("act", ACTS)
def test_a_neighbour_cannot_touch_a_key_of_another_pair(shared: BundledRedis, act: str) -> None:
    async def main() -> None:
        async with admin_of(shared) as admin:
            await admin.ensure(VICTIM)
            await admin.ensure(NEIGHBOUR)
        async with logged_in(shared, NEIGHBOUR) as client:
            for key in KEYS_OF_VICTIM:
                words = [part.replace("KEY", key) if part != "KEYS" else part for part in ACTS[act]]
                words[-1] = ACTS[act][-1].replace("KEYS[1]", "\0").replace("KEY", key)
                words = [word.replace("\0", "KEYS[1]") for word in words]
                await refused(client, words)
        async with logged_in(shared, VICTIM) as owner:
            for key in KEYS_OF_VICTIM:
                assert await owner.exists(key) == 0

    asyncio.run(main())


@pytest.mark.parametrize("words", FORBIDDEN, ids=lambda words: " ".join(words[:2]))
def test_a_neighbour_cannot_look_around_or_harm_the_server(
    shared: BundledRedis, words: tuple[str, ...]
) -> None:
    async def main() -> None:
        async with admin_of(shared) as admin:
            await admin.ensure(NEIGHBOUR)
        async with logged_in(shared, NEIGHBOUR) as client:
            await refused(client, words)

    asyncio.run(main())


def test_a_prefix_that_begins_like_anothers_is_another(shared: BundledRedis) -> None:
    """Namespaces trad and trading, pairs eth and eth-2: no name is the start of another's keys."""

    async def main() -> None:
        likes = [
            user("trad", "eth"),
            user("trading", "et"),
            user("trading", "eth-2"),
            user("t", "e"),
        ]
        async with admin_of(shared) as admin:
            for like in likes:
                await admin.ensure(like)
        for like in likes:
            async with logged_in(shared, like) as client:
                await refused(client, ("GET", PREFIX_OF_VICTIM + "fills"))

    asyncio.run(main())


def test_two_resources_of_one_pairing_meet_only_within_their_namespace(
    shared: BundledRedis,
) -> None:
    maker, hedger = user(pairing="split", uid="m"), user(pairing="split", uid="h", account=2)
    other = user("evil", "split", account=3)
    key = keys.fills(PairId(namespace="trading", pairing="split"))

    async def main() -> None:
        async with admin_of(shared) as admin:
            for each in (maker, hedger, other):
                await admin.ensure(each)
        async with logged_in(shared, maker) as client:
            await client.xadd(key, {"k": "trade"})
        async with logged_in(shared, hedger) as client:
            assert await client.xlen(key) == 1
        async with logged_in(shared, other) as client:
            await refused(client, ("XLEN", key))

    asyncio.run(main())


def test_a_password_opens_its_own_user_only(shared: BundledRedis) -> None:
    async def main() -> None:
        async with admin_of(shared) as admin:
            await admin.ensure(VICTIM)
            await admin.ensure(NEIGHBOUR)
        async with logged_in(shared, NEIGHBOUR) as client:
            own = client.connection_pool.connection_kwargs["password"]
        for username in (name_of(VICTIM), "default", None):
            intruder = stranger(shared, username=username, password=own)
            with pytest.raises(AuthenticationError):
                await intruder.get("x")
            await intruder.aclose()

    asyncio.run(main())


def test_nobody_comes_in_without_a_password(shared: BundledRedis) -> None:
    async def main() -> None:
        client = stranger(shared, username=None, password=None)
        with pytest.raises(AuthenticationError):
            await client.get("x")
        await client.aclose()

    asyncio.run(main())


async def refused(client: Any, words: list[str] | tuple[str, ...]) -> None:
    if words[0] == "MULTI":
        pipe = client.pipeline(transaction=True)
        pipe.set(words[1], "mine")
        with pytest.raises(ResponseError, match=REFUSED):
            await pipe.execute()
        return
    with pytest.raises((NoPermissionError, ResponseError), match=REFUSED):
        await client.execute_command(*words)
