"""`kubectl hedgepair` against the fake API server: what it shows, and what its verbs write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgepair_operator.plugin import main
from tests.operator.fake_api.rights import Right
from tests.operator.fake_api.server import FakeApi, serve
from tests.operator.fake_api.store import Name

Captured = pytest.CaptureFixture[str]
ETH = Name("hedgepairs", "trading", "eth")


def pair(name: str, **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "hedgepair.io/v1alpha1",
        "kind": "HedgePair",
        "metadata": {"name": name, "namespace": "trading"},
        "spec": {
            "market": "ETH",
            "quantity": "0.05",
            "exchange": {"network": "Paper"},
            "maker": {"account": {"accountIndex": 101}},
            "hedger": {"account": {"accountIndex": 102}},
            "risk": {"maxPosition": "0.5"},
        },
        "status": status,
    }


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


RUNNING = {
    "conditions": [condition("Ready", "True"), condition("Hedged", "True")],
    "maker": {"position": "0.0500", "pod": "eth-maker-0", "epoch": 3},
    "hedger": {"position": "-0.0500", "pod": "eth-hedger-0", "epoch": 2},
    "netExposure": "0.0000",
}
HALTED = {
    "conditions": [
        condition("Ready", "False", "Halted"),
        condition("Halted", "True", "ForeignOrders", "Account 101 has 2 foreign orders."),
    ],
    "halt": {"id": "3fa9c1d2", "reason": "ForeignOrders", "since": "2026-11-24T12:00:00Z"},
}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, FakeApi]]:
    """Runs the plugin against a server that holds these pairs."""

    def run_with(pairs: list[dict[str, Any]], *words: str) -> tuple[int, FakeApi]:
        async def scenario() -> tuple[int, FakeApi]:
            api = FakeApi()
            api.allowed |= {Right("hedgepair.io", "hedgepairs", "delete")}
            for each in pairs:
                api.store.create("hedgepairs", dict(each))
            async with serve(api):
                kubeconfig = tmp_path / "kubeconfig"
                kubeconfig.write_text(yaml.safe_dump(_kubeconfig(api.url)))
                arguments = [words[0], "--kubeconfig", str(kubeconfig), *words[1:]]
                return await asyncio.to_thread(main, arguments), api

        return asyncio.run(scenario())

    return run_with


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "first"}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "trading"}}
        ],
    }


Run = Callable[..., tuple[int, FakeApi]]


def test_the_list_shows_each_pair_and_the_command_that_ends_a_halt(
    run: Run, capsys: Captured
) -> None:
    code, _ = run([pair("btc", **HALTED), pair("eth", **RUNNING)], "status")

    told = capsys.readouterr().out.splitlines()
    assert code == 0
    columns = [" ".join(line.split()) for line in told]
    assert columns[0] == "NAME MARKET READY HEDGED MAKER HEDGER NET STATE"
    assert columns[1] == "btc ETH False Unknown unknown unknown unknown Halted"
    assert columns[2] == "eth ETH True True 0.0500 -0.0500 0.0000 Running"
    assert "HALT 3fa9c1d2 of btc" in told[3]
    assert told[4].endswith("kubectl hedgepair acknowledge btc 3fa9c1d2 -n trading")


def test_one_pair_is_shown_with_both_legs_and_its_conditions(run: Run, capsys: Captured) -> None:
    run([pair("eth", **RUNNING)], "status", "eth")

    told = capsys.readouterr().out
    assert "trading/eth · Hedge · ETH · Paper" in told
    assert "pod              eth-maker-0                  eth-hedger-0" in told
    assert "Ready        True" in told


def test_json_is_the_resource_itself(run: Run, capsys: Captured) -> None:
    run([pair("eth", **RUNNING)], "status", "eth", "-o", "json")

    assert json.loads(capsys.readouterr().out)["status"]["netExposure"] == "0.0000"


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        pytest.param(["suspend", "eth"], (True, "CancelOrders"), id="suspend"),
        pytest.param(["suspend", "eth", "--flatten"], (True, "Flatten"), id="suspend and flatten"),
        pytest.param(["flatten", "eth"], (True, "Flatten"), id="flatten"),
        pytest.param(["resume", "eth"], (False, None), id="resume"),
    ],
)
def test_steering_changes_the_spec_and_nothing_else(
    run: Run, words: list[str], spec: tuple[bool, str | None]
) -> None:
    code, api = run([pair("eth", **RUNNING)], *words)

    changed = api.store.get(ETH)["spec"]
    assert code == 0
    assert (changed["suspend"], changed.get("suspendPolicy")) == spec
    kept = {"suspend", "suspendPolicy"}
    assert {k: v for k, v in changed.items() if k not in kept} == pair("eth")["spec"]


def test_waiting_ends_with_the_proof_or_says_what_the_status_is(run: Run, capsys: Captured) -> None:
    proved = {"conditions": [condition("Suspended", "True")], "observedGeneration": 99}
    assert run([pair("eth", **proved)], "suspend", "eth", "--wait")[0] == 0
    assert "eth is suspended" in capsys.readouterr().out

    assert run([pair("eth", **RUNNING)], "suspend", "eth", "--wait", "--timeout", "0")[0] == 1
    assert "eth is not suspended after 0 s" in capsys.readouterr().err


def test_a_standing_halt_is_acknowledged_beside_earlier_ones(run: Run) -> None:
    halted = pair("eth", **HALTED)
    halted["metadata"]["annotations"] = {"hedgepair.io/acknowledge": "0ld"}

    code, api = run([halted], "acknowledge", "eth", "3fa9c1d2")

    annotations = api.store.get(ETH)["metadata"]["annotations"]
    assert code == 0
    assert annotations["hedgepair.io/acknowledge"] == "0ld,3fa9c1d2"


def test_a_halt_that_does_not_stand_is_refused_with_the_one_that_does(
    run: Run, capsys: Captured
) -> None:
    code, api = run([pair("eth", **HALTED)], "acknowledge", "eth", "deadbeef")

    assert code == 2
    assert "no halt deadbeef stands; 3fa9c1d2 does (ForeignOrders)" in capsys.readouterr().err
    assert api.writes == []


def test_restart_writes_the_time(run: Run) -> None:
    _, api = run([pair("eth", **RUNNING)], "restart", "eth")

    assert api.store.get(ETH)["metadata"]["annotations"]["hedgepair.io/restartedAt"]


def test_force_delete_needs_yes_and_then_annotates_before_it_deletes(
    run: Run, capsys: Captured
) -> None:
    code, api = run([pair("eth", **RUNNING)], "force-delete", "eth")
    assert (code, api.writes) == (2, [])
    assert "add --yes" in capsys.readouterr().err

    code, api = run([pair("eth", **RUNNING)], "force-delete", "eth", "--yes")
    assert code == 0
    assert [method for method, _ in api.writes] == ["PATCH", "DELETE"]


def test_what_is_not_there_is_a_sentence(run: Run, capsys: Captured, tmp_path: Path) -> None:
    assert run([], "status", "eth")[0] == 2
    assert "there is no HedgePair eth" in capsys.readouterr().err
    assert run([], "status")[0] == 0
    assert "No HedgePair in namespace trading." in capsys.readouterr().out

    assert main(["status", "--kubeconfig", str(tmp_path / "nowhere")]) == 2
    assert "no usable kubeconfig" in capsys.readouterr().err
