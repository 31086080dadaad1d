"""Journey 11: what Git says stays what the cluster has, and GitOps tools read the resource."""

from __future__ import annotations

import json
from pathlib import Path

import lupa.lua54 as lua
import pytest

from tests.e2e.conftest import MakePair
from tests.e2e.kubectl import Kubectl, run
from tests.e2e.pairs import Pair
from tests.e2e.release import CHART, Release
from tests.e2e.venue import PaperVenue

HEALTH = Path(__file__).parents[2] / "examples" / "gitops" / "argocd" / "health.lua"


def test_the_chart_renders_the_same_twice(release: Release) -> None:
    where = ("-n", release.namespace, "--kube-version", "1.34.0")
    words = ("helm", "template", release.name, str(CHART), *where)
    assert run(*words) == run(*words)


@pytest.mark.parametrize("flags", [(), ("--server-side", "--field-manager=git")])
def test_applying_again_after_trading_changes_nothing(
    make_pair: MakePair, venue: PaperVenue, namespace: Kubectl, flags: tuple[str, ...]
) -> None:
    pair = make_pair(apply=False)
    namespace.apply(pair.manifest(), *flags)
    pair.wait("Ready", within_s=90)
    venue.wait_fills(pair, 3)
    before = pair.read()
    namespace.apply(pair.manifest(), *flags)
    after = pair.read()
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["spec"] == before["spec"]
    assert namespace("diff", "-f", "-", *flags, stdin=pair.manifest()) == ""


def test_argo_cd_calls_the_live_object_healthy(trading: Pair) -> None:
    runtime = lua.LuaRuntime()
    health = runtime.eval(f"function(obj) {HEALTH.read_text()} end")
    plain = json.loads(json.dumps(trading.read()))
    verdict = health(_table(runtime, plain))
    assert verdict["status"] == "Healthy", verdict["message"]


def test_kubectl_wait_understands_the_conditions(trading: Pair, namespace: Kubectl) -> None:
    for condition in ("Ready", "Hedged"):
        namespace("wait", f"--for=condition={condition}", f"hp/{trading.name}", "--timeout=60s")


def _table(runtime: lua.LuaRuntime, value: object) -> object:
    if isinstance(value, dict):
        return runtime.table_from({key: _table(runtime, item) for key, item in value.items()})
    if isinstance(value, list):
        return runtime.table_from([_table(runtime, item) for item in value])
    return value
