"""Keeps pairs' Redis users as they shall be, and looks whether Redis is fit (design §8).

The port of `redis_port` in two ways: the operator makes the users (`ManagedUsers`), or an
administrator does and the operator looks whether they work (`PreprovisionedUsers`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from hedgepair_operator import acl_rules, redis_health
from hedgepair_operator.redis_access import RedisAccess
from hedgepair_operator.redis_calls import answered
from hedgepair_operator.redis_port import (
    PairUser,
    RedisAdmin,
    RedisHealth,
    RedisRefused,
    RedisUnavailable,
)
from hedgepair_operator.settings import RedisAcl
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import Role

TIMEOUT_S: Final = 2.0
BATCH: Final = 100
Answer = TypeVar("Answer")
ReadAccess = Callable[[], RedisAccess]

_MAY_MAKE_NO_USERS: Final = (
    "Redis lets the operator make no users: grant its user +acl|setuser, +acl|deluser and "
    "+acl|save, or set redis.acl to Preprovisioned and make the pairs' users yourself"
)


def redis_admin(acl: RedisAcl, read_access: ReadAccess, *, rotation: str) -> RedisAdmin:
    """`read_access` is called again and again: what it reads may be rotated."""
    if acl is RedisAcl.MANAGED:
        return ManagedUsers(read_access, rotation=rotation)
    return PreprovisionedUsers(read_access, rotation=rotation)


class _Server:
    """The server as the operator sees it; connects anew when its access has changed."""

    def __init__(self, read_access: ReadAccess) -> None:
        self._read_access = read_access
        self._access: RedisAccess | None = None
        self._client: redis.Redis | None = None
        self._run_id: str | None = None

    @property
    def access(self) -> RedisAccess:
        """Raises RedisRefused."""
        if self._access is None:
            self._access = self._read_access()
        return self._access

    def client(self) -> redis.Redis:
        """Raises RedisRefused."""
        if self._client is None:
            self._client = _client(self.access.url)
        return self._client

    async def look(self) -> tuple[redis_health.RedisFacts, bool]:
        """What it says of itself, and whether it is another one than at the look before."""
        access = self._read_access()
        is_other = access != self._access
        if is_other:
            await self.close()
            self._access = access
        try:
            info = await _asked(self.client().info())
        except NoPermissionError as refused:
            raise RedisRefused(
                "Redis tells the operator's user nothing: grant it +info"
            ) from refused
        facts = redis_health.facts_of(info)
        is_other = is_other or facts.run_id != self._run_id
        self._run_id = facts.run_id
        return facts, is_other

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class ManagedUsers:
    """The operator makes the users and saves them to the server's ACL file."""

    def __init__(self, read_access: ReadAccess, *, rotation: str) -> None:
        self._server = _Server(read_access)
        self._rotation = rotation
        self._users: dict[str, PairUser] = {}
        self._made: dict[str, tuple[str, ...]] = {}
        self._saves = _Saves()
        self._are_saved = True

    def url_of(self, user: PairUser) -> str:
        return _url_of(self._server.access, user, self._rotation)

    async def ensure(self, user: PairUser) -> None:
        """Asks Redis nothing while what it made stands."""
        rule = self._rule_of(user)
        self._users[rule[0]] = user
        if self._made.get(rule[0]) != rule:
            await self._make([rule])

    async def remove(self, user: PairUser) -> None:
        name = acl_rules.username(user)
        self._users.pop(name, None)
        self._made.pop(name, None)
        await _acl(self._server.client(), "DELUSER", name)
        await self._save()

    async def examine(self) -> RedisHealth:
        facts, is_other = await self._server.look()
        if is_other:
            self._made.clear()
        reason = redis_health.unfit(facts)
        if reason is not None:
            raise RedisRefused(reason)
        if is_other:
            await self._save()  # whether it can: not known of this server yet
        rules = [self._rule_of(user) for user in self._users.values()]
        missing = [rule for rule in rules if self._made.get(rule[0]) != rule]
        for start in range(0, len(missing), BATCH):
            await self._make(missing[start : start + BATCH])
        own = () if self._are_saved else (redis_health.USERS_NOT_SAVED,)
        return RedisHealth(run_id=facts.run_id, concerns=(*redis_health.concerns(facts), *own))

    async def close(self) -> None:
        await self._server.close()

    def _rule_of(self, user: PairUser) -> tuple[str, ...]:
        return acl_rules.acl_rule(self._server.access.master, user, rotation=self._rotation)

    async def _make(self, rules: list[tuple[str, ...]]) -> None:
        pipe: Any = self._server.client().pipeline(transaction=False)
        for rule in rules:
            pipe.execute_command("ACL", "SETUSER", *rule)
        try:
            await _asked(pipe.execute())
        except ResponseError as refused:
            raise RedisRefused(_MAY_MAKE_NO_USERS) from refused
        for rule in rules:
            self._made[rule[0]] = rule
        await self._save()

    async def _save(self) -> None:
        try:
            await self._saves.saved(self._server.client())
        except RedisRefused:
            self._are_saved = False
        else:
            self._are_saved = True


class PreprovisionedUsers:
    """An administrator makes the users; the operator logs in as each, to see that it works."""

    def __init__(self, read_access: ReadAccess, *, rotation: str) -> None:
        self._server = _Server(read_access)
        self._rotation = rotation
        self._works: set[PairUser] = set()

    def url_of(self, user: PairUser) -> str:
        return _url_of(self._server.access, user, self._rotation)

    async def ensure(self, user: PairUser) -> None:
        """Raises RedisRefused with the rule by which an administrator makes the user."""
        if user in self._works:
            return
        client = _client(self.url_of(user))
        try:
            await client.exists(keys.report(user.pair, Role.MAKER))
        except (AuthenticationError, NoPermissionError) as refused:
            access = self._server.access
            rule = " ".join(acl_rules.acl_rule(access.master, user, rotation=self._rotation))
            raise RedisRefused(
                f"Redis has no user for this pair that fits: run ACL SETUSER {rule}"
            ) from refused
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisUnavailable(type(error).__name__) from error
        finally:
            await client.aclose()
        self._works.add(user)

    async def remove(self, user: PairUser) -> None:
        self._works.discard(user)

    async def examine(self) -> RedisHealth:
        try:
            facts, is_other = await self._server.look()
        except RedisRefused as refused:
            if not isinstance(refused.__cause__, NoPermissionError):
                raise
            return RedisHealth(run_id="")  # it may not look: then it says nothing
        if is_other:
            self._works.clear()
        reason = redis_health.unfit(facts)
        if reason is not None:
            raise RedisRefused(reason)
        return RedisHealth(run_id=facts.run_id, concerns=redis_health.concerns(facts))

    async def close(self) -> None:
        await self._server.close()


class _Saves:
    """ACL SAVE writes all users: those who ask while one is under way share the next."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._asked = 0
        self._done = 0

    async def saved(self, client: redis.Redis) -> None:
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._done >= mine:
                return
            upto = self._asked
            await _acl(client, "SAVE")
            self._done = upto


def _url_of(access: RedisAccess, user: PairUser, rotation: str) -> str:
    words = acl_rules.password(access.master, user, rotation=rotation)
    return access.url_of(acl_rules.username(user), words)


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),  # all that is asked may be asked twice
        retry_on_error=[],
    )


async def _acl(client: Any, *words: str) -> None:
    """The library types its commands of ACL too narrowly."""
    try:
        await _asked(client.execute_command("ACL", *words))
    except ResponseError as refused:
        raise RedisRefused(_MAY_MAKE_NO_USERS) from refused


async def _asked(answer: Awaitable[Answer]) -> Answer:
    """A refused command stays a ResponseError, for who knows what it means."""
    task = asyncio.current_task()
    cancels = task.cancelling() if task is not None else 0
    try:
        return await answered(answer)
    except AuthenticationError as refused:
        raise RedisRefused(
            "Redis refuses the operator's own password: the mounted Secret and Redis differ; "
            "restart Redis after a change of the Secret"
        ) from refused
    except ResponseError as refused:
        # A server that starts up or fails over refuses for a moment.
        if str(refused).partition(" ")[0] in ("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"):
            raise RedisUnavailable(type(refused).__name__) from refused
        raise
    except (RedisError, OSError, TimeoutError) as error:
        raise RedisUnavailable(type(error).__name__) from error
    finally:
        # The library sends within asyncio.wait_for, which before Python 3.12 swallows a
        # cancellation that comes as the send ends: its task would never stop.
        if task is not None and task.cancelling() > cancels:
            raise asyncio.CancelledError
