"""The operator with 1,000 pairs against the fake API server (design §13).

    .venv/bin/python tests/bench/operator_scale.py [--quick]

The operator is a process of its own; the API server, the StatefulSet controller and runners of
straw share another, so that the figures are the operator's cost and not etcd's. Converged means:
every pair says Ready=True of its present generation.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

if __name__ == "__main__":
    # A script's folder is on the path, the project's is not.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import yaml
from redis.asyncio import Redis

from hedgepair_runner.local import children, redis_server
from tests.bench.rows import Broken, Figure, Row, table
from tests.operator.fake_api.controllers import StatefulSetController
from tests.operator.fake_api.server import FakeApi, serve
from tests.operator.fake_api.store import Name
from tests.operator.puppets import PuppetKubelet
from tests.operator.world import MASTER, NAMESPACE, accounts, pair_object

WITHIN_S: Final = 600.0
IDLE_S: Final = 20.0
TICK_S: Final = 1.0


class Fleet:
    def __init__(self, api: FakeApi, size: int) -> None:
        self.api = api
        self.store = api.store
        self.names = [f"p{number}" for number in range(size)]

    def apply_all(self) -> None:
        for number, name in enumerate(self.names):
            item = pair_object(name, **accounts(number))
            self.store.apply("hedgepairs", item, manager="kubectl")

    def edit(self, names: list[str]) -> None:
        for name in names:
            place = Name("hedgepairs", NAMESPACE, name)
            item = self.store.get(place)
            spec = {**item["spec"], "quantity": "0.06"}
            self.store.replace(place, {**item, "spec": spec})

    def are_ready(self) -> bool:
        return all(self._is_ready(name) for name in self.names)

    def _is_ready(self, name: str) -> bool:
        item = self.store.get(Name("hedgepairs", NAMESPACE, name))
        status = item.get("status") or {}
        if status.get("observedGeneration") != item["metadata"]["generation"]:
            return False
        conditions = {one["type"]: one["status"] for one in status["conditions"]}
        return bool(conditions["Ready"] == "True")


async def measure(size: int) -> Row:
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        redis = stack.enter_context(redis_server.start())
        api = await stack.enter_async_context(serve(FakeApi()))
        client = Redis.from_url(redis.url)
        stack.push_async_callback(client.aclose)
        kubelet = PuppetKubelet(api.store, client, tick_s=TICK_S)
        controller = StatefulSetController(api.store)
        tasks = [asyncio.create_task(each.run()) for each in (controller, kubelet)]
        stack.callback(lambda: [task.cancel() for task in tasks])
        fleet = Fleet(api, size)
        fleet.apply_all()

        operator = _start(api, redis.url, home)
        stack.callback(lambda: operator.end(patience_s=10.0))
        cold_s = await _until(operator, fleet.are_ready)
        cpu_s = _cpu_s(operator.pid)
        writes = len(api.writes)
        await asyncio.sleep(IDLE_S)  # the last numbers, and what a first start is late with
        settled = len(api.writes)
        await asyncio.sleep(IDLE_S)
        idle = len(api.writes) - settled
        fleet.edit(fleet.names[::10])
        churn_s = await _until(operator, fleet.are_ready)
        memory = _resident_mib(operator.pid)
        if api.refused:
            raise Broken(f"asked for what it has no right to: {api.refused[:3]}")
    return Row(
        key="operator",
        title=f"Operator, {size} pairs (fake API server; its own cost, not etcd's)",
        figures=[
            Figure(name="cold start to converged", value=cold_s, unit="s", most=15.0),
            Figure(name="processor time of that", value=cpu_s, unit="s"),
            Figure(name="resident memory", value=memory, unit="MiB", most=200.0),
            Figure(name=f"writes while idle, {IDLE_S:g} s", value=idle, unit="", most=0.0),
            Figure(name="10 % edited to converged", value=churn_s, unit="s", most=30.0),
            Figure(name="API writes of the start, per pair", value=writes / size, unit=""),
        ],
    )


def _start(api: FakeApi, redis_url: str, home: Path) -> children.Child:
    (home / "url").write_text(redis_url)
    (home / "master").write_text(MASTER)
    context = {"cluster": "fake", "user": "operator"}
    (home / "kubeconfig").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "fake",
                "clusters": [{"name": "fake", "cluster": {"server": api.url}}],
                "users": [{"name": "operator", "user": {"token": "first"}}],
                "contexts": [{"name": "fake", "context": context}],
            }
        )
    )
    environ = {
        **os.environ,
        "KUBECONFIG": str(home / "kubeconfig"),
        "HEDGEPAIR_NAMESPACE": "hedgepair",
        "HEDGEPAIR_RUNNER_IMAGE": "runner:1",
        "HEDGEPAIR_REDIS_URL_FILE": str(home / "url"),
        "HEDGEPAIR_REDIS_MASTER_FILE": str(home / "master"),
        "HEDGEPAIR_PAPER_EXCHANGE_URL": "http://exchange.hedgepair.svc:8080",
        "HEDGEPAIR_HTTP": "127.0.0.1:0",
    }
    command = [sys.executable, "-m", "hedgepair_operator"]
    return children.start("operator", command, log=home / "operator.log", environ=environ)


async def _until(operator: children.Child, holds: Callable[[], bool]) -> float:
    """Seconds until it holds. Raises Broken."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    while not holds():
        if operator.exit_code is not None:
            raise Broken(f"the operator ended\n{operator.last_words()}")
        if loop.time() - started_s > WITHIN_S:
            raise Broken(f"not converged within {WITHIN_S:g} s\n{operator.last_words()}")
        await asyncio.sleep(0.1)
    return loop.time() - started_s


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise Broken("no memory figure of the operator")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: list[str]) -> int:
    size = 100 if "--quick" in arguments else 1_000
    row = asyncio.run(measure(size))
    sys.stdout.write(table([row]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
