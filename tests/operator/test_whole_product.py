"""The whole product without a cluster: operator, real runner processes, real Redis, paper exchange.

One story, as a user lives it: apply → fills → hedged → edit → suspend → resume → rotate a key →
delete, which ends flat.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hedgepair_runner.local import redis_server
from hedgepair_runner.venues.paper import keys as paper_keys
from tests.flow import auditing
from tests.flow.live_pair import LivePair, live_pair
from tests.operator.fake_api.controllers import StatefulSetController
from tests.operator.fake_api.server import FakeApi, serve
from tests.operator.process_kubelet import ProcessKubelet
from tests.operator.world import NAMESPACE, Station, pair_object

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ACCOUNTS = {"maker": 101, "hedger": 102}


class Product(Station):
    def __init__(self, api: FakeApi, kubelet: ProcessKubelet, pair: LivePair, **where: Any) -> None:
        super().__init__(api, **where)
        self.kubelet = kubelet
        self.venue = pair
        self.settings = replace(self.settings, paper_url=pair.server.url, version="")

    def make_secret(self, name: str, account: int) -> None:
        key = paper_keys.private_hex(paper_keys.private_key("7", account, 4))
        meta = {"name": name, "namespace": NAMESPACE}
        self.store.create(
            "secrets",
            {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"key": key}},
        )

    async def expect(self, holds: Any, what: str) -> None:
        try:
            await self.until(holds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.kubelet.last_words()}") from None

    async def expect_hedged(self) -> None:
        await self.expect(lambda: self.condition("eth", "Hedged") == ("True", "NetFlat"), "hedged")


def leg(role: str, secret: str) -> dict[str, Any]:
    return {
        "account": {
            "accountIndex": ACCOUNTS[role],
            "secretRef": {"name": secret, "key": "key"},
        }
    }


async def live(here: Product) -> None:
    venue = here.venue
    for role, account in ACCOUNTS.items():
        here.make_secret(f"{role}-1", account)
        here.make_secret(f"{role}-2", account)
    here.start()

    # apply → fills → hedged
    here.apply(
        pair_object(
            "eth",
            deletionPolicy="Flatten",
            cycle="Accumulate",
            maker=leg("maker", "maker-1"),
            hedger=leg("hedger", "hedger-1"),
        )
    )
    await here.expect(lambda: here.is_ready("eth"), "the pair runs")
    await venue.trade_on()
    await here.expect(
        lambda: here.status("eth")["maker"]["position"] == "0.0500", "the status shows the fill"
    )
    assert here.status("eth")["hedger"]["position"] == "-0.0500"
    await here.expect_hedged()

    # edit: a larger order, by the same processes
    here.set_spec("eth", quantity="0.06")
    await here.expect(lambda: here.is_ready("eth"), "the edit is taken in")
    await here.expect(
        lambda: [quote.initial_lots for quote in venue.quotes()] == [600], "a larger quote rests"
    )

    # suspend and resume
    here.set_spec("eth", suspend=True)
    await here.expect(
        lambda: here.condition("eth", "Suspended") == ("True", "Suspended"), "suspended"
    )
    assert venue.quotes() == ()
    here.set_spec("eth", suspend=False)
    await here.expect(
        lambda: here.condition("eth", "Suspended") == ("False", "NotSuspended"), "resumed"
    )
    await venue.trade_on()
    starts = [pod for what, pod in here.kubelet.history if what == "start"]
    assert sorted(starts) == ["eth-hedger-0", "eth-maker-0"]

    # rotate the key of each leg: another Secret, a restart in order, though positions are held
    here.set_spec(
        "eth",
        rolloutPolicy="Immediate",
        maker=leg("maker", "maker-2"),
        hedger=leg("hedger", "hedger-2"),
    )
    await here.expect(lambda: "RolledOut" in here.events("eth"), "both were restarted")
    await here.expect(lambda: here.is_ready("eth"), "the pair runs")
    assert [pod for what, pod in here.kubelet.history if what == "end"] == [
        "eth-hedger-0",
        "eth-maker-0",
    ]
    await venue.trade_on()
    await here.expect_hedged()

    # delete: flat, nothing rests, nobody is left
    here.delete("eth")
    await here.expect(lambda: here.is_gone("eth"), "the pair is gone")
    assert venue.quotes() == ()
    assert venue.net_lots() == 0
    for account in ACCOUNTS.values():
        assert auditing.position_lots(venue.exchange, account) == 0
    assert here.names("pods") == set()
    assert "crash" not in [what for what, _ in here.kubelet.history]
    assert here.api.refused == []
    venue.audit()


def test_a_pair_lives_and_ends_flat(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            redis = stack.enter_context(redis_server.start())
            venue = await stack.enter_async_context(live_pair(redis=redis, home=tmp_path))
            api = await stack.enter_async_context(serve(FakeApi()))
            kubelet = ProcessKubelet(api.store, tmp_path)
            stack.callback(kubelet.end)
            here = Product(api, kubelet, venue, home=tmp_path, url=redis.url)
            controller = StatefulSetController(api.store)
            tasks = [asyncio.create_task(each.run()) for each in (controller, kubelet)]
            try:
                await live(here)
            finally:
                while here.services:
                    await here.kill()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
