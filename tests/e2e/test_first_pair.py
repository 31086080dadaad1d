"""Journey 1: from an installed release to a hedged pair, read through kubectl alone."""

from __future__ import annotations

import re

from tests.e2e.conftest import MakePair
from tests.e2e.kubectl import Kubectl, run
from tests.e2e.pairs import Pair
from tests.e2e.venue import PaperVenue

COLUMNS = ["NAME", "MARKET", "MODE", "READY", "HEDGED", "MAKER", "HEDGER", "NET", "AGE"]


def test_the_six_field_pair_becomes_ready_and_hedged(
    make_pair: MakePair, venue: PaperVenue, namespace: Kubectl
) -> None:
    pair = make_pair(lively=False, changes={"timeoutSeconds": 5})
    namespace("wait", "--for=condition=Ready", "hedgepair/eth", "--timeout=90s")
    records = venue.wait_fills(pair, 2)
    namespace("wait", "--for=condition=Hedged", "hedgepair/eth", "--timeout=60s")
    assert records.maker is not None
    assert records.hedger is not None
    pair.apply({"suspend": True})
    pair.wait("Suspended", within_s=60)
    verdict = venue.audit(pair)
    assert verdict["exit_code"] == 0, verdict
    ended = venue.records(pair)
    assert ended.net_lots == 0
    assert ended.maker is not None
    assert not ended.maker.orders


def test_kubectl_get_is_a_truthful_line(
    trading: Pair, venue: PaperVenue, namespace: Kubectl
) -> None:
    header, row = namespace("get", "hedgepairs").splitlines()
    assert header.split() == COLUMNS
    words = row.split()
    assert words[:4] == [trading.name, "ETH", "Hedge", "True"]
    assert re.fullmatch(r"-?\d+\.\d{4}", words[5]), row
    wide = namespace("get", "hp", "-o", "wide").splitlines()[0].split()
    assert {"REASON", "NETWORK", "QUANTITY", "PNL", "OBSERVED"} <= set(wide)


def test_describe_tells_the_story(trading: Pair, namespace: Kubectl) -> None:
    told = namespace("describe", "hedgepair", trading.name)
    for word in (
        "Accepted",
        "Ready",
        "Hedged",
        "Degraded",
        "Suspended",
        "Net Exposure",
        "RunnersUp",
    ):
        assert word in told, told


def test_every_field_is_explained(namespace: Kubectl) -> None:
    for path in ("", ".spec", ".spec.risk", ".spec.maker.account", ".spec.runner", ".status"):
        told = namespace("explain", f"hedgepair{path}", "--recursive=false")
        assert "<no description>" not in told, told
        assert "DESCRIPTION" in told


def test_the_short_name_and_the_category_find_it(trading: Pair, namespace: Kubectl) -> None:
    for kind in ("hp", "hedgepair", "hedgepairs"):
        assert trading.name in namespace("get", kind, "-o", "name")
    assert run("kubectl", "api-resources", "--categories=hedgepair", "-o", "name").strip()
