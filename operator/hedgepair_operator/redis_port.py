"""What the operator asks of Redis besides reading reports: users for pairs, and whether it is fit.

The port alone; `redis_admin.py` holds both ways: the operator makes the users, or an administrator
does and the operator looks whether they work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hedgepair_runner.contract.identity import PairId, VenueId


class RedisUnavailable(Exception):
    """Redis does not answer, or not in time. The message holds no URL and no password."""


class RedisRefused(Exception):
    """Redis answers, and will not: wrong password, forbidden command. Without secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningAccount:
    """An account and key that a pair's runners sign with: what the shared keys are named by.

    `hp:lease:…`, `hp:epoch:…`, `hp:dms:…` of design §8; `hp:budget:<venue>:<namespace>:*` by the
    namespace, since the operator knows no L1 address.
    """

    venue: VenueId
    account_index: int
    api_key_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairUser:
    """Whom a pair's runners are to Redis. `uid` is the resource's, and names the user.

    `accounts` are those for which this resource's own runners sign: none of a partner's. Kept by
    the caller: of two resources in different namespaces that sign for one account, under any key,
    only the older is accepted, so that no two namespaces ever share a key of an account.
    """

    uid: str
    pair: PairId
    accounts: tuple[SigningAccount, ...]


class RedisConcern(StrEnum):
    """What is not as a pair needs it; words of conditions and Events."""

    NOT_DURABLE = "RedisNotDurable"
    MAY_EVICT = "RedisMayEvict"
    ALMOST_FULL = "RedisAlmostFull"
    USERS_NOT_SAVED = "RedisUsersNotSaved"
    """There is no ACL file: a restart while the operator is down locks runners out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisHealth:
    """`run_id` changes when another server process answers: then users are asserted anew."""

    run_id: str
    concerns: tuple[tuple[RedisConcern, str], ...] = field(default=())
    """Each with a sentence that names the remedy."""


class RedisAdmin(Protocol):
    """All methods but `url_of` raise RedisUnavailable or RedisRefused."""

    def url_of(self, user: PairUser) -> str:
        """The URL for this user's runners, password included: for the pair's Secret alone.

        Reads the mounted files; raises RedisRefused where they hold nothing usable. The same
        files give the same URL.
        """
        ...

    async def ensure(self, user: PairUser) -> None:
        """The user exists with this password and these rights. Idempotent."""
        ...

    async def remove(self, user: PairUser) -> None:
        """The user is gone, and so are its connections. Idempotent."""
        ...

    async def examine(self) -> RedisHealth:
        """One cheap look, to be taken every few seconds: which process answers, durability,
        eviction. When another process answers than before, all users are made again first.

        RedisRefused says why nothing can be done with this Redis, and the remedy.
        """
        ...

    async def close(self) -> None:
        """Lets go of its connections."""
        ...
