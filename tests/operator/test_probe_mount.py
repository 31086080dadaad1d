"""Pods of Mainnet pairs find the records of probes; no other pod changes for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hedgepair_operator import pods
from hedgepair_operator.facts import Key, PairFact
from hedgepair_operator.settings import OperatorSettings
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import load_manifest

ROOT = Path(__file__).parents[2]
SETTINGS = OperatorSettings(
    runner_image="runner:1",
    own_namespace="hedgepair",
    redis_url_file=Path("/url"),
    redis_master_file=Path("/master"),
)


def container_and_volumes(network: str) -> tuple[dict[str, Any], dict[str, Any]]:
    text = (ROOT / "examples" / "testnet.yaml").read_text(encoding="utf-8")
    manifest = load_manifest(text.replace("network: Testnet", f"network: {network}"))
    pair = PairFact(
        key=Key("trading", manifest.name),
        uid="u",
        generation=1,
        resource_version="1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        deleted_at=None,
        finalizers=(),
        annotations={},
        manifest=manifest,
        problems=(),
        status={},
        pairing=manifest.pairing,
    )
    spec = pods.stateful_set(pair, manifest, Role.MAKER, SETTINGS)["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    return spec["containers"][0], volumes


def test_a_mainnet_pod_mounts_the_records_where_its_gate_looks() -> None:
    container, volumes = container_and_volumes("Mainnet")

    told = {each["name"]: each["value"] for each in container["env"]}
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert told["HEDGEPAIR_PROBES"] == mounts["probes"]
    assert volumes["probes"]["configMap"] == {"name": "hedgepair-probes", "optional": True}


def test_other_pods_mount_none() -> None:
    container, volumes = container_and_volumes("Testnet")

    assert "probes" not in volumes
    assert "HEDGEPAIR_PROBES" not in {each["name"] for each in container["env"]}
