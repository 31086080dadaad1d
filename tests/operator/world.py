"""An operator at work in this process: a fake API server, puppets for runners, a real Redis."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from kubernetes.aio.client import Configuration
from redis.asyncio import Redis

from hedgepair_operator.service import Service
from hedgepair_operator.settings import OperatorSettings
from tests.operator.fake_api.controllers import StatefulSetController
from tests.operator.fake_api.server import FakeApi, serve
from tests.operator.fake_api.store import Name, Object
from tests.operator.puppets import Puppet, PuppetKubelet

NAMESPACE = "trading"
PATIENCE_S = 30.0
POLL_S = 0.01
MASTER = "a master secret of thirty-two characters"

SPEC: Mapping[str, Any] = {
    "market": "ETH",
    "quantity": "0.05",
    "exchange": {"network": "Paper"},
    "maker": {"account": {"accountIndex": 101}},
    "hedger": {"account": {"accountIndex": 102}},
    "risk": {"maxPosition": "0.5"},
}


def pair_object(name: str, *, namespace: str = NAMESPACE, **spec: Any) -> Object:
    return {
        "apiVersion": "hedgepair.io/v1alpha1",
        "kind": "HedgePair",
        "metadata": {"name": name, "namespace": namespace},
        "spec": copy.deepcopy(dict(SPEC)) | spec,
    }


def accounts(number: int) -> dict[str, Any]:
    """Legs that no other number has."""
    return {
        "maker": {"account": {"accountIndex": 1000 + 2 * number}},
        "hedger": {"account": {"accountIndex": 1001 + 2 * number}},
    }


class Station:
    """An API server with an operator, and what a user does there."""

    def __init__(self, api: FakeApi, *, home: Path, url: str) -> None:
        self.api = api
        self.store = api.store
        self.token = "first"
        self.services: list[tuple[Service, asyncio.Task[None], asyncio.Event]] = []
        url_file, master_file = home / "url", home / "master"
        url_file.write_text(url)
        master_file.write_text(MASTER)
        self.settings = OperatorSettings(
            runner_image="runner:1",
            own_namespace="hedgepair",
            paper_url="http://exchange.hedgepair.svc:8080",
            redis_url_file=url_file,
            redis_master_file=master_file,
            http_host="127.0.0.1",
            http_port=0,
            poll_s=0.1,
            version="test",
        )

    # -- the operator --

    async def read_login(self) -> Configuration:
        configuration = Configuration()
        configuration.host = self.api.url
        configuration.api_key["BearerToken"] = f"Bearer {self.token}"
        configuration.refresh_api_key_hook = self._refresh_token
        return configuration

    def _refresh_token(self, configuration: Configuration) -> None:
        """As the mounted token's file is read anew."""
        configuration.api_key["BearerToken"] = f"Bearer {self.token}"

    def start(self, settings: OperatorSettings | None = None) -> Service:
        service = Service(
            settings=settings or self.settings,
            read_login=self.read_login,
            backoffs_s=(0.05, 0.1, 0.2, 0.4),
        )
        stop = asyncio.Event()
        task = asyncio.create_task(service.run(stop), name="operator")
        self.services.append((service, task, stop))
        return service

    async def stop(self) -> None:
        """As SIGTERM."""
        _, task, stop = self.services.pop()
        stop.set()
        await task

    async def kill(self) -> None:
        """As SIGKILL, as near as a task comes to it: nothing more is written."""
        _, task, _ = self.services.pop()
        task.cancel()
        with suppress(asyncio.CancelledError, BaseExceptionGroup):
            await task

    # -- a user --

    def apply(self, item: Object) -> Object:
        return self.store.apply("hedgepairs", item, manager="kubectl")[0]

    def edit(self, name: str, change: Callable[[Object], None]) -> None:
        place = Name("hedgepairs", NAMESPACE, name)
        item = copy.deepcopy(self.store.get(place))
        change(item)
        self.store.replace(place, item)

    def set_spec(self, name: str, **spec: Any) -> None:
        self.edit(name, lambda item: item["spec"].update(spec))

    def annotate(self, name: str, **annotations: str) -> None:
        named = {f"hedgepair.io/{key.replace('_', '-')}": it for key, it in annotations.items()}
        self.edit(name, lambda item: item["metadata"].setdefault("annotations", {}).update(named))

    def delete(self, name: str) -> None:
        self.store.delete(Name("hedgepairs", NAMESPACE, name))

    # -- what can be seen --

    def pair(self, name: str) -> Object:
        return self.store.items.get(Name("hedgepairs", NAMESPACE, name)) or {}

    def is_gone(self, name: str) -> bool:
        return Name("hedgepairs", NAMESPACE, name) not in self.store.items

    def status(self, name: str) -> Object:
        found: Object = self.pair(name).get("status") or {}
        return found

    def condition(self, name: str, kind: str) -> tuple[str, str] | None:
        """(status, reason) of one condition of the present generation."""
        for one in self.status(name).get("conditions") or ():
            if one["type"] == kind:
                return one["status"], one["reason"]
        return None

    def message(self, name: str, kind: str) -> str:
        for one in self.status(name).get("conditions") or ():
            if one["type"] == kind:
                return str(one["message"])
        return ""

    def is_ready(self, name: str) -> bool:
        generation = self.pair(name)["metadata"].get("generation")
        ready = self.condition(name, "Ready")
        is_current = self.status(name).get("observedGeneration") == generation
        return is_current and ready is not None and ready[0] == "True"

    def names(self, plural: str, namespace: str = NAMESPACE) -> set[str]:
        return {name.name for name, _ in self.store.all_of(plural, namespace)}

    def item(self, plural: str, name: str) -> Object:
        return self.store.get(Name(plural, NAMESPACE, name))

    def events(self, about: str) -> list[str]:
        """Reasons of the operator's own Events, in the order of their making."""
        found = [
            item
            for _, item in self.store.all_of("events")
            if (item.get("regarding") or {}).get("name") == about
        ]
        found.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
        return [item["reason"] for item in found]

    async def until(self, holds: Callable[[], object], what: str) -> None:
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while not holds():
            for _, task, _ in self.services:
                if task.done():
                    await task
                    raise AssertionError("the operator ended by itself")
            if asyncio.get_running_loop().time() > deadline_s:
                states = {
                    str(name): item.get("status") for name, item in self.store.all_of("hedgepairs")
                }
                raise AssertionError(f"not within {PATIENCE_S:g} s: {what}\n{states}")
            await asyncio.sleep(POLL_S)

    async def quiet(self) -> None:
        """Nothing is due, and nothing was written for a moment."""
        while True:
            before = len(self.api.writes)
            for service, _, _ in self.services:
                await self.until(partial(_is_idle, service), "the queue is empty")
            await asyncio.sleep(0.3)
            if len(self.api.writes) == before:
                return


class World(Station):
    """A station with puppets for runners."""

    def __init__(self, api: FakeApi, kubelet: PuppetKubelet, *, home: Path, url: str) -> None:
        super().__init__(api, home=home, url=url)
        self.kubelet = kubelet

    def puppet(self, pod: str) -> Puppet:
        return self.kubelet.puppet(pod)


async def kopf_gone() -> None:
    """Its threads close their sockets: left behind, they would complain in the next test."""
    for thread in threading.enumerate():
        if thread.name == "kopf":
            await asyncio.to_thread(thread.join, PATIENCE_S)


def _is_idle(service: Service) -> bool:
    return service.desk.queue.is_idle


@asynccontextmanager
async def world(redis_url: str, home: Path) -> AsyncIterator[World]:
    """The API server, the StatefulSet controller and puppets. No operator yet."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(serve(FakeApi()))
        client = Redis.from_url(redis_url)
        stack.push_async_callback(client.aclose)
        kubelet = PuppetKubelet(api.store, client)
        controller = StatefulSetController(api.store)
        tasks = [asyncio.create_task(controller.run()), asyncio.create_task(kubelet.run())]
        found = World(api, kubelet, home=home, url=redis_url)
        try:
            yield found
        finally:
            while found.services:
                await found.kill()
            await kopf_gone()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
