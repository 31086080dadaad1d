"""A thousand HedgePairs against the real API server, with runner pods that no node takes.

The floor is measured in the same run: the same objects, as many of them, written as fast as the
API server takes them, by the operator's own client, into a namespace that no operator serves.
"""

from __future__ import annotations

import asyncio
import copy
import os
import re
import time
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hedgepair_operator.facts import Key, Kind
from hedgepair_operator.kube import Kube
from hedgepair_operator.login import read_login
from tests.e2e.conftest import make_namespace
from tests.e2e.enduring import note
from tests.e2e.kubectl import Kubectl, run, until
from tests.e2e.node import needs_node, node, process_in
from tests.e2e.pairs import SMALLEST, merged
from tests.e2e.release import Release
from tests.e2e.venue import Forward

pytestmark = [pytest.mark.alone, pytest.mark.long, needs_node, pytest.mark.timeout(1800)]

PAIRS = int(os.environ.get("E2E_SCALE", "1000"))
WRITERS = 32
MOST_FLOORS = 2.0
NOWHERE = {"runner": {"nodeSelector": {"example.com/nowhere": "yes"}}}
MOST_MIB = 250
IDLE_S = 30.0
Work = Callable[[Kube, int], Awaitable[object]]


def _pair(namespace: str, number: int, quantity: str = "0.05") -> dict[str, Any]:
    accounts = {
        "maker": {"account": {"accountIndex": 100_000 + 2 * number}},
        "hedger": {"account": {"accountIndex": 100_001 + 2 * number}},
        "quantity": quantity,
    }
    return {
        "apiVersion": "hedgepair.io/v1alpha1",
        "kind": "HedgePair",
        "metadata": {"name": f"pair-{number:04}", "namespace": namespace},
        "spec": merged(merged(SMALLEST, accounts), NOWHERE),
    }


def _each(work: Work, count: int = PAIRS) -> float:
    """Seconds for `work` on every number, by so many writers at once."""

    async def main() -> None:
        async with Kube(await read_login(), connections=WRITERS) as kube:
            numbers = iter(range(count))

            async def write() -> None:
                for number in numbers:
                    await work(kube, number)

            async with asyncio.TaskGroup() as tasks:
                for _ in range(WRITERS):
                    tasks.create_task(write())

    began_s = time.monotonic()
    asyncio.run(main())
    return time.monotonic() - began_s


def _converged(kubectl: Kubectl, generation: int) -> Callable[[], bool]:
    """All pairs have a status of this generation or a later one, and both StatefulSets."""

    def ask() -> bool:
        observed = kubectl(
            "get",
            "hedgepairs",
            "-o",
            "jsonpath={range .items[*]}{.status.observedGeneration} {end}",
        ).split()
        made = kubectl("get", "statefulsets", "-o", "name").split()
        done = sum(int(each) >= generation for each in observed)
        return done >= PAIRS and len(made) >= 2 * PAIRS

    return ask


def _children(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    """What the operator made of one pair, as it would be written anew elsewhere."""
    kept = []
    for item in kubectl.items("statefulsets,configmaps,secrets"):
        owners = item["metadata"].get("ownerReferences", ())
        if any(owner["name"] == name for owner in owners):
            labels = item["metadata"].get("labels", {})
            item["metadata"] = {"name": item["metadata"]["name"], "labels": labels}
            item.pop("status", None)
            kept.append(item)
    return kept


def _floor(kubectl: Kubectl, served: str, children: list[dict[str, Any]], name: str) -> float:
    async def write(kube: Kube, number: int) -> None:
        for child in children:
            item = copy.deepcopy(child)
            own = item["metadata"]["name"].replace(name, f"floor-{number:04}")
            item["metadata"] |= {"name": own, "namespace": kubectl.namespace}
            await kube.apply(item)
        key = Key(namespace=served, name=f"pair-{number:04}")
        await kube.merge_patch(
            Kind.PAIR, key, {"metadata": {"annotations": {"example.com/a": "1"}}}
        )
        status = {**_pair(served, number), "status": {"observedGeneration": 0}}
        status.pop("spec")
        await kube.apply_status(status)

    return _each(write)


def _writes(text: str) -> float:
    """Of a metrics page: calls of the operator that change something."""
    rows = re.findall(r"^hedgepair_operator_api_calls_total\{(.*?)\} (\S+)$", text, re.MULTILINE)
    return sum(float(count) for labels, count in rows if not re.search(r'"(get|list)"', labels))


def test_a_thousand_pairs(release: Release) -> None:
    namespace = make_namespace("scale")
    floor = make_namespace("scale-floor")
    try:
        template = _pair(namespace.namespace, 0)
        name = template["metadata"]["name"]
        with release.without_operator():
            create_s = _each(lambda kube, n: kube.create(_pair(namespace.namespace, n)))
        cold_s = _time(_converged(namespace, 1), "all pairs converged", within_s=600)
        children = _children(namespace, name)
        assert len(children) == 4, [child["kind"] for child in children]

        idle, mib = _idle(release)
        churned = PAIRS // 10
        edit_s = _each(
            lambda kube, n: kube.merge_patch(
                Kind.PAIR,
                Key(namespace=namespace.namespace, name=f"pair-{n:04}"),
                {"spec": {"quantity": "0.04"}},
            ),
            churned,
        )
        churn_s = edit_s + _time(
            lambda: _observed(namespace, churned, 2), "the edited pairs converged", within_s=300
        )
        latency_s = _latency(namespace)
        with release.without_operator():
            floor_s = _floor(floor, namespace.namespace, children, name)
        note(
            scale=PAIRS,
            created_s=round(create_s, 1),
            cold_start_s=round(cold_s, 1),
            floor_s=round(floor_s, 1),
            floors=round(cold_s / floor_s, 2),
            operator_mib=mib,
            idle_writes=idle,
            churn_of_a_tenth_s=round(churn_s, 1),
            status_latency_s=round(latency_s, 2),
        )
        assert idle == 0
        assert mib <= MOST_MIB
        assert cold_s <= MOST_FLOORS * floor_s
    finally:
        for each in (floor, namespace):
            run("kubectl", "delete", "namespace", each.namespace, "--wait=false")
        _let_go(namespace)


def _time(ask: Callable[[], bool], what: str, *, within_s: float) -> float:
    began_s = time.monotonic()
    until(ask, what, within_s=within_s, every_s=0.5)
    return time.monotonic() - began_s


def _observed(kubectl: Kubectl, count: int, generation: int) -> bool:
    told = kubectl(
        "get", "hedgepairs", "-o", "jsonpath={range .items[*]}{.status.observedGeneration} {end}"
    ).split()
    return sum(int(each) >= generation for each in told) >= count


def _idle(release: Release) -> tuple[float, int]:
    """(writes of the operator in a while without events, its memory in MiB)."""
    time.sleep(20)
    pod = release.kubectl.get("pod", release.pod("operator"))
    forward = Forward(release.namespace, f"pod/{pod['metadata']['name']}", 8080)
    try:
        before = _writes(_metrics(forward))
        time.sleep(IDLE_S)
        written = _writes(_metrics(forward)) - before
    finally:
        forward.close()
    process = process_in(str(pod["status"]["containerStatuses"][0]["containerID"]))
    rollup = node(f"cat /proc/{process}/smaps_rollup")
    found = re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return written, int(found[1]) // 1024


def _metrics(forward: Forward) -> str:
    with urllib.request.urlopen(f"{forward.url}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


def _latency(kubectl: Kubectl) -> float:
    """From an edit to the status that has observed it, among all the others."""
    name = f"pair-{PAIRS - 1:04}"
    kubectl.patch("hedgepair", name, {"spec": {"depth": 2}})
    generation = kubectl.get("hedgepair", name)["metadata"]["generation"]
    return _time(
        lambda: kubectl.get("hedgepair", name)["status"]["observedGeneration"] >= generation,
        "the edit is observed",
        within_s=60,
    )


def _let_go(kubectl: Kubectl) -> None:
    """No runner ever ran, so nothing is left to prove: break-glass for all of them."""

    async def release_one(kube: Kube, number: int) -> None:
        key = Key(namespace=kubectl.namespace, name=f"pair-{number:04}")
        annotation = {"hedgepair.io/force-delete": "true"}
        await kube.merge_patch(Kind.PAIR, key, {"metadata": {"annotations": annotation}})

    _each(release_one)
    until(lambda: not kubectl.items("hedgepairs"), "all pairs are gone", within_s=300)
