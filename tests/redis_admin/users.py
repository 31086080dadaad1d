"""Pairs' users and their connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hedgepair_operator import acl_rules
from hedgepair_operator.redis_admin import ManagedUsers
from hedgepair_operator.redis_port import PairUser, SigningAccount
from hedgepair_runner.contract.identity import PairId, VenueId
from tests.redis_admin.bundled import BundledRedis

VENUE = VenueId(chain_id=300, url="http://one")


def user(
    namespace: str = "trading",
    pairing: str = "eth",
    *,
    uid: str | None = None,
    account: int = 1,
) -> PairUser:
    signs = SigningAccount(venue=VENUE, account_index=account, api_key_index=4)
    pair = PairId(namespace=namespace, pairing=pairing)
    return PairUser(uid=uid or f"uid-{namespace}-{pairing}", pair=pair, accounts=(signs,))


def name_of(who: PairUser) -> str:
    return acl_rules.username(who)


@asynccontextmanager
async def admin_of(server: BundledRedis, *, rotation: str = "1") -> AsyncIterator[ManagedUsers]:
    admin = ManagedUsers(server.files.read, rotation=rotation)
    try:
        assert (await admin.examine()).run_id
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def logged_in(
    server: BundledRedis, who: PairUser, *, rotation: str = "1"
) -> AsyncIterator[redis.Redis]:
    url = ManagedUsers(server.files.read, rotation=rotation).url_of(who)
    client = redis.Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0))
    try:
        yield client
    finally:
        await client.aclose()


def stranger(server: BundledRedis, *, username: str | None, password: str | None) -> redis.Redis:
    never = Retry(NoBackoff(), 0)
    return redis.Redis(port=server.port, username=username, password=password, retry=never)


def root_of(server: BundledRedis) -> redis.Redis:
    return stranger(server, username=None, password=server.password)
