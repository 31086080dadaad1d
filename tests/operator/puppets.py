"""Runners of straw: they report what a real one would in answer to its desired state.

For tests of the operator alone. What real runners do is tested in test_whole_product.py.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import orjson
from redis.asyncio import Redis

from hedgepair_runner.contract import keys
from hedgepair_runner.contract.desired import Desired, Wish, config_hash, newer, read_desired
from hedgepair_runner.contract.halts import Halt, standing
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.manifest import read_resource
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from tests.operator.fake_api.kubelet import Kubelet
from tests.operator.fake_api.store import Name, Object, Store

TICK_S = 0.05
TTL_MS = 3_000
_STATES = {
    Wish.RUN: RunnerState.RUNNING,
    Wish.SUSPEND: RunnerState.SUSPENDED,
    Wish.FLATTEN: RunnerState.FLAT,
    Wish.RELEASE: RunnerState.RELEASED,
}


@dataclass
class Puppet:
    """One pod's runner. What tests set is what it reports."""

    pod: Name
    uid: str
    pair: PairId
    role: Role
    lots: int | None = 0
    gap_lots: int | None = 0
    unhedged_s: float | None = None
    is_mute: bool = False
    is_deaf: bool = False
    obeys: bool = True
    halts: tuple[Halt, ...] = ()
    reason_code: str = ""
    epoch: int = 1
    counter: int = 0


class PuppetKubelet(Kubelet):
    """Pods run at once. `broken_images` never do; `missing_secrets` keep pods from starting."""

    def __init__(self, store: Store, client: Redis, *, tick_s: float = TICK_S) -> None:
        super().__init__(store)
        self._client = client
        self._tick_s = tick_s
        self.puppets: dict[Name, Puppet] = {}
        self.broken_images: set[str] = set()
        self.secrets: set[tuple[str, str]] = set()
        self.started_count = 0
        self.history: list[tuple[str, str]] = []
        """("start" | "end", pod name), in order."""

    def started(self, name: Name, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        image = pod["spec"]["containers"][0]["image"]
        if image in self.broken_images:
            state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
            self.tell(name, uid, is_ready=False, state=state)
            return
        missing = self._missing_secret(name, pod)
        if missing is not None:
            self.tell(name, uid, is_ready=False, state={"waiting": {"reason": "ContainerCreating"}})
            self.mount_failed(name, uid, missing)
            return
        labels = pod["metadata"]["labels"]
        role = Role.MAKER if labels["hedgepair.io/role"] == "maker" else Role.HEDGER
        pairing = self._pairing(name, labels["hedgepair.io/pair"])
        self.started_count += 1
        self.history.append(("start", name.name))
        self.puppets[name] = Puppet(
            pod=name,
            uid=uid,
            pair=PairId(namespace=name.namespace, pairing=pairing),
            role=role,
            epoch=self.started_count,
        )
        self.tell(name, uid, is_ready=True)

    def ended(self, name: Name, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if self.puppets.pop(name, None) is not None:
            self.history.append(("end", name.name))
        asyncio.get_running_loop().call_soon(self.gone, name, uid)

    def provide_secret(self, namespace: str, name: str) -> None:
        """Somebody made it: pods that waited for it start."""
        self.secrets.add((namespace, name))
        for place, pod in list(self.store.all_of("pods", namespace)):
            if place not in self.puppets and "deletionTimestamp" not in pod["metadata"]:
                self.started(place, pod)

    def puppet(self, name: str) -> Puppet:
        return next(puppet for place, puppet in self.puppets.items() if place.name == name)

    async def run(self) -> None:
        while True:
            await self.report_all()
            await asyncio.sleep(self._tick_s)

    async def report_all(self) -> None:
        puppets = [each for each in self.puppets.values() if not each.is_mute]
        if not puppets:
            return
        async with self._client.pipeline(transaction=False) as pipe:
            for each in puppets:
                pipe.get(keys.desired(each.pair, each.role))
            texts = await pipe.execute()
        async with self._client.pipeline(transaction=False) as pipe:
            for each, text in zip(puppets, texts, strict=True):
                each.counter += 1
                report = self._report(each, text)
                pipe.set(keys.report(each.pair, each.role), orjson.dumps(report), px=TTL_MS)
            await pipe.execute()

    def _report(self, puppet: Puppet, text: bytes | None) -> RunnerReport:
        told = None if text is None else read_desired(text)
        wanted = newer(told, self._mounted(puppet)) if puppet.obeys else None
        wish = Wish.RUN if wanted is None else wanted.wish
        is_quiet = wish is not Wish.RUN
        if wanted is not None:
            ended = wanted.acknowledged
            puppet.halts = standing((*puppet.halts, *wanted.halts), acknowledged=ended)
        if wish is Wish.FLATTEN:
            puppet.lots = 0
        now_ms = round(time.time() * 1000)
        state = RunnerState.HALTED if puppet.halts else _STATES[wish]
        return RunnerReport(
            role=puppet.role.label,
            holder=f"{puppet.pod.name}/{puppet.uid}",
            version="test",
            state=state,
            epoch=puppet.epoch,
            reported_ms=now_ms + puppet.counter,
            market="ETH",
            size_decimals=4,
            price_decimals=2,
            position_lots=puppet.lots,
            maker_chain_lots=puppet.lots,
            hedger_chain_lots=puppet.lots,
            gap_lots=puppet.gap_lots,
            unhedged_s=puppet.unhedged_s,
            generation=0 if wanted is None else wanted.generation,
            step=0 if wanted is None else wanted.step,
            wish=wish.value,
            config_hash=_hash(wanted),
            reason_code=puppet.reason_code,
            halts=puppet.halts,
            withdrawn_ms=now_ms if is_quiet else None,
            flat_ms=now_ms if is_quiet and puppet.lots == 0 else None,
            open_orders=0 if is_quiet or puppet.role is Role.HEDGER else 1,
            pod=puppet.pod.name,
            source_ages_s={"account": None if puppet.is_deaf else 0.1},
        )

    def _mounted(self, puppet: Puppet) -> Desired | None:
        pair = puppet.pod.name.rsplit("-", 2)[0]
        name = Name("configmaps", puppet.pod.namespace, f"{pair}-hedgepair")
        item = self.store.items.get(name)
        return None if item is None else read_desired(item["data"]["desired.json"])

    def _pairing(self, pod: Name, pair: str) -> str:
        item = self.store.items.get(Name("hedgepairs", pod.namespace, pair)) or {}
        found: str = (item.get("spec") or {}).get("pairing") or pair
        return found

    def _missing_secret(self, pod: Name, item: Object) -> str | None:
        for volume in item["spec"]["volumes"]:
            secret = volume.get("secret")
            if secret is None:
                continue
            name = secret["secretName"]
            there = Name("secrets", pod.namespace, name) in self.store.items
            if not there and (pod.namespace, name) not in self.secrets:
                return f'MountVolume.SetUp failed for volume "key" : secret "{name}" not found'
        return None


_HASHES: dict[str, str] = {}


def _hash(wanted: Desired | None) -> str:
    if wanted is None or wanted.manifest is None:
        return ""
    text = orjson.dumps(wanted.manifest).decode()
    if text not in _HASHES:
        _HASHES[text] = config_hash(read_resource(dict(wanted.manifest)))
    return _HASHES[text]
