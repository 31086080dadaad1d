"""The real Redis as runners of a release have it: each pair logs in as its own user (design §8).

What passes in `RedisWorld` and fails here needs a command or key that `acl_rules` does not grant.
"""

from __future__ import annotations

from itertools import product

from hedgepair_operator.redis_access import RedisAccess
from hedgepair_operator.redis_admin import ManagedUsers
from hedgepair_operator.redis_port import PairUser, SigningAccount
from hedgepair_runner.contract.identity import PairId
from hedgepair_runner.redis_bus import connect
from tests.flow.bus_worlds import OTHER_PAIR, PAIR, VENUE, RedisWorld

SIGNS = tuple(
    SigningAccount(venue=VENUE, account_index=account, api_key_index=key)
    for account, key in product((1, 2, 101, 102), (4, 5))
)
"""All accounts of the scenarios: what is asked here is whether the commands suffice."""


class RestrictedWorld(RedisWorld):
    """Make it by `of`. `client` is the first pair's; what only an administrator may is done by
    another one."""

    def __init__(self, url: str, users: ManagedUsers) -> None:
        self._users = users
        super().__init__(self.url_of(PAIR))
        self.admin = connect(url, timeout_s=5.0)
        self.opened.append(self.admin)

    @classmethod
    async def of(cls, url: str) -> RestrictedWorld:
        access = _access(url)
        users = ManagedUsers(lambda: access, rotation="1")
        for pair in (PAIR, OTHER_PAIR):
            await users.ensure(_user(pair))
        await users.close()
        return cls(url, users)

    def url_of(self, pair: PairId) -> str:
        return self._users.url_of(_user(pair))

    async def flush(self) -> None:
        await self.admin.flushdb()

    async def interrupt(self) -> None:
        client, self.client = self.client, self.admin
        try:
            await super().interrupt()
        finally:
            self.client = client


def _user(pair: PairId) -> PairUser:
    return PairUser(uid=f"scenario-{pair.namespace}-{pair.pairing}", pair=pair, accounts=SIGNS)


def _access(url: str) -> RedisAccess:
    bare = f"redis://{url.rpartition('@')[2]}"
    return RedisAccess(url=url, master=b"a master of the tests", runner_url=bare)
