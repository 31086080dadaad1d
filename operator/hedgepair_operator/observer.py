"""Gathers what one decision rests on: from the cache, or live where absence must be certain."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from hedgepair_operator import names
from hedgepair_operator.desk import Desk
from hedgepair_operator.differing import digest_of
from hedgepair_operator.facts import Key, Kind, Observed, PairFact, RedisFact
from hedgepair_operator.kube import Kube
from hedgepair_operator.pods import account_of, roles_of
from hedgepair_operator.redis_port import PairUser, RedisAdmin, RedisRefused, SigningAccount
from hedgepair_operator.settings import OperatorSettings
from hedgepair_runner.contract.identity import VenueId
from hedgepair_runner.contract.manifest import HedgePair

LIVE_KINDS: Final = (Kind.STATEFUL_SET, Kind.CONFIG_MAP, Kind.POD)
# Enough to see a change, too little to search a password by.
_DIGEST_DIGITS: Final = 6


class Observer:
    def __init__(self, desk: Desk, kube: Kube, admin: RedisAdmin) -> None:
        self._desk = desk
        self._kube = kube
        self._admin = admin

    def observe(self, pair: PairFact, now: datetime, *, is_live: bool = False) -> Observed:
        desk = self._desk
        pods = desk.cache.pods_of(pair.key)
        user = user_of(pair, desk.settings)
        digest = None
        redis = desk.redis
        if user.accounts:
            try:
                url = self._admin.url_of(user)
            except RedisRefused as refused:
                redis = redis if redis.refusal else _with_refusal(redis, str(refused))
            else:
                digest = digest_of({"url": url})[:_DIGEST_DIGITS]
        return Observed(
            pair=pair,
            children=desk.cache.children_of(pair.key),
            pods=pods,
            faults=desk.cache.faults_of(pods),
            reports=desk.reports.facts_of(pair.id, now),
            redis=redis,
            refusal=desk.refusals().get(pair.key),
            is_live=is_live,
            is_namespace_ending=pair.key.namespace in desk.ending_namespaces,
            redis_digest=digest,
            is_user_ready=pair.uid in desk.ready_users,
            apply_error=desk.apply_errors.get(pair.key, ""),
        )

    async def read_live(self, key: Key) -> PairFact | None:
        """Reads the pair, its children and its pods into the cache; None: the pair is gone."""
        labels = f"{names.SELECTOR},{names.PAIR}={key.name}"
        item, *_ = await asyncio.gather(
            self._kube.get(Kind.PAIR, key),
            *(self._relist(kind, key, labels) for kind in LIVE_KINDS),
        )
        cache = self._desk.cache
        if item is None:
            self._desk.spread(cache.drop(Kind.PAIR, key))
            return None
        self._desk.spread(cache.put(Kind.PAIR, item))
        return cache.pairs.get(key)

    async def _relist(self, kind: Kind, pair: Key, labels: str) -> None:
        cache = self._desk.cache
        seen: set[Key] = set()
        async for items, _ in self._kube.pages(kind, pair.namespace, labels=labels):
            for item in items:
                self._desk.spread(cache.put(kind, item))
                seen.add(Key(pair.namespace, item["metadata"]["name"]))
        for key in cache.keys_of_pair(kind, pair):
            if key not in seen:
                self._desk.spread(cache.drop(kind, key))


def user_of(pair: PairFact, settings: OperatorSettings) -> PairUser:
    """Without accounts while the spec cannot be read: then it is not to be asserted."""
    if pair.manifest is None:
        return PairUser(uid=pair.uid, pair=pair.id, accounts=())
    venue = venue_of(pair.manifest, settings)
    accounts = tuple(
        SigningAccount(
            venue=venue,
            account_index=account.account_index,
            api_key_index=account.api_key_index,
        )
        for account in (
            account_of(pair.manifest.spec, role) for role in roles_of(pair.manifest.spec)
        )
    )
    return PairUser(uid=pair.uid, pair=pair.id, accounts=accounts)


def venue_of(manifest: HedgePair, settings: OperatorSettings) -> VenueId:
    exchange = manifest.spec.exchange
    url = exchange.effective_url or settings.paper_url or ""
    return VenueId(chain_id=exchange.effective_chain_id, url=url.rstrip("/"))


def _with_refusal(redis: RedisFact, refusal: str) -> RedisFact:
    return RedisFact(lost_since=redis.lost_since, refusal=refusal, concerns=redis.concerns)
