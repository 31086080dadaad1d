"""How GitOps tools read a HedgePair: Argo CD by our script, Flux and Helm by kstatus' own rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lupa.lua54 as lua
import pytest
import yaml

from tests.contract.pairs import CRD
from tests.gitops.healths import CASES

FOLDER = Path(__file__).parents[2] / "examples" / "gitops"
SCRIPT = (FOLDER / "argocd" / "health.lua").read_text()


def argo_health(pair: dict[str, Any]) -> tuple[str, str]:
    """As Argo CD runs it: `obj` is the object, libraries of the system are missing."""
    runtime = lua.LuaRuntime(register_eval=False, register_builtins=False)
    for name in ("io", "os", "require", "package", "debug", "dofile", "loadfile"):
        runtime.globals()[name] = None
    runtime.globals()["obj"] = runtime.table_from(pair, recursive=True)
    found = runtime.execute(SCRIPT)
    return str(found["status"]), str(found["message"])


def kstatus(pair: dict[str, Any]) -> str:
    """The rules of kstatus for a resource it knows nothing of, restated."""
    metadata, status = pair["metadata"], pair.get("status", {})
    if "deletionTimestamp" in metadata:
        return "Terminating"
    if "observedGeneration" in status and status["observedGeneration"] != metadata["generation"]:
        return "InProgress"
    truths = {each["type"]: each["status"] for each in status.get("conditions", ())}
    if truths.get("Reconciling") == "True":
        return "InProgress"
    if truths.get("Stalled") == "True":
        return "Failed"
    if truths.get("Ready") in ("False", "Unknown"):
        return "InProgress"
    return "Current"


@pytest.mark.parametrize("name", CASES)
def test_argo_cd_sees_a_pair_as_it_is(name: str) -> None:
    pair, health, _ = CASES[name]
    status, message = argo_health(pair)
    assert status == health
    assert message


@pytest.mark.parametrize("name", [name for name in CASES if name != "just created"])
def test_kstatus_sees_a_pair_as_it_is(name: str) -> None:
    pair, _, seen = CASES[name]
    assert kstatus(pair) == seen


@pytest.mark.parametrize("name", CASES)
def test_the_fixtures_are_statuses_that_the_definition_takes(name: str) -> None:
    pair = CASES[name][0]
    status = CRD.schema["properties"]["status"]["properties"]
    assert set(pair.get("status", {})) <= set(status)
    for each in pair.get("status", {}).get("conditions", ()):
        assert set(each) <= set(status["conditions"]["items"]["properties"])


def test_the_config_map_holds_the_script_word_for_word() -> None:
    config = yaml.safe_load((FOLDER / "argocd" / "argocd-cm.yaml").read_text())
    held = config["data"]["resource.customizations.health.hedgepair.io_HedgePair"]
    assert held.strip() == SCRIPT.strip()


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_an_object_with_a_name(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        assert document["apiVersion"]
        assert document["kind"]
        assert document["metadata"]["name"]
