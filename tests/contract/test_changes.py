"""What may change in a living HedgePair: the CRD's transition rules and ours say the same."""

from __future__ import annotations

from typing import Any

import pytest

from hedgepair_runner.contract.changing import refuse_change
from hedgepair_runner.contract.manifest import read_resource
from tests.contract.pairs import CRD, GONE, a_testnet_pair

SUSPENDED = {"spec/suspend": True}
ELSEWHERE = {"spec/exchange/url": "https://gateway.example", "spec/exchange/chainId": 300}

# old, new, the refused field (None: allowed), words of the sentence
CHANGES = [
    pytest.param({}, {}, None, "", id="nothing"),
    pytest.param({}, {"spec/quantity": "0.1"}, None, "", id="quantity"),
    pytest.param({}, SUSPENDED, None, "", id="suspend"),
    pytest.param(SUSPENDED, {}, None, "", id="resume"),
    pytest.param({}, {"spec/maker/account/apiKeyIndex": 7}, None, "", id="another api key"),
    pytest.param(
        {}, {"spec/maker/account/secretRef/name": "rotated"}, None, "", id="another secret"
    ),
    pytest.param({}, {"spec/market": "BTC"}, "market", "make a new HedgePair", id="market"),
    pytest.param(
        SUSPENDED, {"spec/market": "BTC"}, "market", "immutable", id="market even when suspended"
    ),
    pytest.param(
        {}, {"spec/exchange/network": "Paper"}, "exchange.network", "immutable", id="network"
    ),
    pytest.param(
        {},
        {"spec/maker/account/accountIndex": 7},
        "maker.account.accountIndex",
        "immutable",
        id="maker account",
    ),
    pytest.param(
        SUSPENDED,
        {"spec/hedger/account/accountIndex": 7},
        "hedger.account.accountIndex",
        "immutable",
        id="hedger account even when suspended",
    ),
    pytest.param(
        {"spec/mode": "MakerOnly"},
        {"spec/mode": "MakerOnly", "spec/hedger": GONE},
        "hedger",
        "may not be removed",
        id="hedger removed",
    ),
    pytest.param(
        {"spec/mode": "MakerOnly", "spec/hedger": GONE},
        {"spec/mode": "MakerOnly"},
        None,
        "",
        id="hedger added",
    ),
    pytest.param({}, {"spec/mode": "MakerOnly"}, "mode", "only after suspend", id="mode"),
    pytest.param({}, {"spec/makerSide": "Sell"}, "mode", "only after suspend", id="side"),
    pytest.param(
        {},
        {"spec/mode": "MakerOnly"} | SUSPENDED,
        "mode",
        "suspend first, then change",
        id="mode together with suspend",
    ),
    pytest.param(SUSPENDED, {"spec/mode": "MakerOnly"}, None, "", id="mode when suspended"),
    pytest.param(
        SUSPENDED, {"spec/makerSide": "Sell"} | SUSPENDED, None, "", id="side when suspended"
    ),
    pytest.param({}, ELSEWHERE, "exchange.url", "only after suspend", id="url added"),
    pytest.param(ELSEWHERE, {}, "exchange.url", "only after suspend", id="url removed"),
    pytest.param(
        ELSEWHERE,
        ELSEWHERE | {"spec/exchange/chainId": 301},
        "exchange.url",
        "only after suspend",
        id="chain id",
    ),
    pytest.param(ELSEWHERE, ELSEWHERE, None, "", id="url as it was"),
    pytest.param(ELSEWHERE | SUSPENDED, {}, None, "", id="url when suspended"),
    pytest.param({}, {"spec/pairing": "both"}, "pairing", "only after suspend", id="pairing"),
    pytest.param({}, {"spec/pairing": "eth-main"}, None, "", id="pairing spelt out"),
    pytest.param({"spec/pairing": "a"}, {}, "pairing", "only after suspend", id="pairing removed"),
    pytest.param(SUSPENDED, {"spec/pairing": "both"}, None, "", id="pairing when suspended"),
]


@pytest.mark.parametrize(("before", "after", "field", "words"), CHANGES)
def test_a_change_is_judged_alike_by_the_command_line_and_the_crd(
    before: dict[str, Any], after: dict[str, Any], field: str | None, words: str
) -> None:
    old, new = a_testnet_pair(before), a_testnet_pair(after)

    problems = refuse_change(read_resource(old), read_resource(new))
    errors = CRD.errors(new, old)

    assert [problem.field for problem in problems] == ([f"spec.{field}"] if field else [])
    assert all(words in problem.sentence for problem in problems)
    assert [error.partition(": ")[2] + "." for error in errors] == [p.sentence for p in problems]


def test_every_refused_change_of_one_edit_is_told() -> None:
    after = {"spec/market": "BTC", "spec/mode": "MakerOnly", "spec/pairing": "x"}
    old, new = a_testnet_pair(), a_testnet_pair(after)

    problems = refuse_change(read_resource(old), read_resource(new))

    assert [problem.field for problem in problems] == ["spec.market", "spec.mode", "spec.pairing"]
    assert len(CRD.errors(new, old)) == 3
