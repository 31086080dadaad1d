"""The examples are right, and say how to run them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from hedgepair_runner.contract.manifest import MINIMUM, HedgePair, load_manifest
from hedgepair_runner.contract.spec import Mode, Network
from tests.contract.pairs import CRD, EXAMPLES, ROOT, a_testnet_pair, as_yaml


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_accepted_by_the_command_line_and_by_the_crd(path: Path) -> None:
    resource = yaml.safe_load(path.read_text())

    assert isinstance(load_manifest(path.read_text()), HedgePair)
    assert CRD.errors(resource) == []
    assert CRD.unknown_fields(resource) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_how_to_run_it(path: Path) -> None:
    header = path.read_text().split("apiVersion:")[0]

    assert f"hedgepair run -f examples/{path.name}" in header
    assert f"-f examples/{path.name}" in header.partition("kubectl apply")[2]


def test_the_minimum_has_six_fields_and_the_documented_defaults() -> None:
    text = (ROOT / "examples" / "minimum.yaml").read_text()
    pair = load_manifest(text)

    assert yaml.safe_load(text)["spec"] == MINIMUM
    assert len(list(_leaves(MINIMUM))) == 6
    assert pair.spec.max_net_exposure == pair.spec.quantity == Decimal("0.05")
    assert (pair.namespace, pair.pairing) == ("default", "eth-minimum")
    assert (pair.spec.exchange.effective_url, pair.spec.exchange.effective_chain_id) == (None, 300)


def test_the_two_halves_meet() -> None:
    maker, hedger = (
        load_manifest((ROOT / "examples" / f"{half}-only.yaml").read_text())
        for half in ("maker", "hedger")
    )

    assert (maker.spec.mode, hedger.spec.mode) == (Mode.MAKER_ONLY, Mode.HEDGER_ONLY)
    assert (maker.namespace, maker.pairing) == (hedger.namespace, hedger.pairing)
    assert maker.name != hedger.name
    assert maker.spec.maker.account == hedger.spec.maker.account
    assert (maker.spec.runs_maker, maker.spec.runs_hedger) == (True, False)
    assert (hedger.spec.runs_maker, hedger.spec.runs_hedger) == (False, True)


@pytest.mark.parametrize(
    ("network", "url", "chain_id"),
    [
        (Network.TESTNET, "https://testnet.zklighter.elliot.ai", 300),
        (Network.MAINNET, "https://mainnet.zklighter.elliot.ai", 304),
    ],
)
def test_a_network_stands_for_its_address_and_chain(
    network: Network, url: str, chain_id: int
) -> None:
    exchange = load_manifest(
        as_yaml(a_testnet_pair({"spec/exchange/network": network.value}))
    ).spec.exchange

    assert (exchange.effective_url, exchange.effective_chain_id) == (url, chain_id)


GOOD = [
    pytest.param({}, id="testnet"),
    pytest.param({"spec/mode": "HedgerOnly", "spec/maker/account": {"accountIndex": 7}},
                 id="a hedger needs no key of the maker"),
    pytest.param({"spec/mode": "MakerOnly", "spec/hedger/account": {"accountIndex": 7}},
                 id="a maker needs no key of the hedger"),
    pytest.param({"spec/exchange": {"network": "Testnet", "url": "http://gw.example:8080/v1",
                                    "chainId": 9}}, id="an address of one's own"),
    pytest.param({"spec/exchange/chainId": 300}, id="a chain id spelt out"),
    pytest.param({"spec/risk": {"maxPosition": "0.05", "maxNetExposure": "0.050",
                                "acceptedNet": "-1.5", "minMarginDistance": "0.2"}}, id="limits"),
    pytest.param({"spec/runner": {
        "image": "registry.example/hedgepair@sha256:" + "0a" * 32,
        "imagePullSecrets": [{"name": "pull"}],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": 1}},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        "podAnnotations": {"vault.example/agent-inject-secret": "yes", "sum": "0a" * 32},
        "podLabels": {"team": "desk-a"},
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname",
             "labelSelector": {"matchLabels": {"team": "desk-a"}}}}]}},
    }}, id="pods"),
]  # fmt: skip


@pytest.mark.parametrize("changes", GOOD)
def test_a_correct_pair_is_accepted_by_both(changes: dict[str, object]) -> None:
    pair = a_testnet_pair(changes)

    assert isinstance(load_manifest(as_yaml(pair)), HedgePair)
    assert CRD.errors(pair) == []
    assert CRD.unknown_fields(pair) == []


def _leaves(tree: object) -> list[object]:
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in _leaves(value)]
    return [tree]
