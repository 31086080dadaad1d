"""A spec in whole numbers: what its market cannot trade is refused with field and remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hedgepair_runner.contract.manifest import HedgePair, load_manifest
from hedgepair_runner.hedging import HedgerPolicy
from hedgepair_runner.orders import Side
from hedgepair_runner.policies import hedger_policy, needs_cover, quote_policy
from hedgepair_runner.quoting import Cycling, QuotePolicy
from hedgepair_runner.refusals import StartRefused
from tests.contract.pairs import GONE, a_testnet_pair, as_yaml
from tests.decide.facts import MARKET


def pair(changes: dict[str, Any] | None = None) -> HedgePair:
    return load_manifest(as_yaml(a_testnet_pair(changes)))


def test_the_defaults_in_whole_numbers() -> None:
    assert quote_policy(pair(), MARKET) == QuotePolicy(
        cycle=Cycling.ROUND_TRIP,
        open_side=Side.BUY,
        quantity_lots=500,
        depth=1,
        timeout_s=60.0,
        requote_ticks=0,
        max_distance_bps=200,
        max_position_lots=5_000,
        closing_bps=50,
        min_distance_bps=1_000,
    )
    assert hedger_policy(pair(), MARKET, same_master=True) == HedgerPolicy(
        max_slippage_bps=50, accepted_net_lots=0, max_net_lots=500, same_master=True
    )


def test_every_field_reaches_its_policy() -> None:
    chosen = pair(
        {
            "spec/cycle": "Accumulate",
            "spec/makerSide": "Sell",
            "spec/depth": 3,
            "spec/timeoutSeconds": 5,
            "spec/maker/requoteTicks": 4,
            "spec/maker/maxDistanceBps": 30,
            "spec/hedger/maxSlippageBps": 20,
            "spec/risk/acceptedNet": "-0.01",
            "spec/risk/maxNetExposure": "0.2",
        }
    )

    assert quote_policy(chosen, MARKET) == QuotePolicy(
        cycle=Cycling.ACCUMULATE,
        open_side=Side.SELL,
        quantity_lots=500,
        depth=3,
        timeout_s=5.0,
        requote_ticks=4,
        max_distance_bps=30,
        max_position_lots=5_000,
        closing_bps=20,
        min_distance_bps=1_000,
    )
    assert hedger_policy(chosen, MARKET, same_master=False) == HedgerPolicy(
        max_slippage_bps=20, accepted_net_lots=-100, max_net_lots=2_000, same_master=False
    )


@pytest.mark.parametrize(
    ("quantity", "sentence"),
    [
        pytest.param(
            "0.00005",
            r"spec\.quantity 0\.00005 is not a multiple of the ETH market's step of 0\.0001; round",
            id="off the grid",
        ),
        pytest.param(
            "0.0009",
            r"spec\.quantity 0\.0009 is below the ETH market's minimum of 0\.0010; raise",
            id="below the minimum",
        ),
    ],
)
def test_a_quantity_that_cannot_rest_is_refused(quantity: str, sentence: str) -> None:
    with pytest.raises(StartRefused, match=sentence):
        quote_policy(pair({"spec/quantity": quantity}), MARKET)


def test_an_accepted_net_off_the_grid_is_refused() -> None:
    with pytest.raises(StartRefused, match=r"spec\.risk\.acceptedNet -0\.00001 is not a multiple"):
        hedger_policy(pair({"spec/risk/acceptedNet": "-0.00001"}), MARKET, same_master=False)


def test_limits_round_down_to_whole_lots() -> None:
    coarse = replace(MARKET, size_decimals=1, min_base_lots=1)
    limited = pair(
        {
            "spec/quantity": "1",
            "spec/risk/maxPosition": "1.29",
            "spec/risk/maxNetExposure": "1.19",
        }
    )

    assert quote_policy(limited, coarse).max_position_lots == 12
    assert hedger_policy(limited, coarse, same_master=False).max_net_lots == 11


ALONE = {"spec/mode": "MakerOnly", "spec/hedger": GONE}


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        pytest.param({}, True, id="a whole pair"),
        pytest.param(ALONE, False, id="a maker alone, by its owner's choice"),
        pytest.param(ALONE | {"spec/pairing": "eth"}, True, id="a maker that expects its partner"),
    ],
)
def test_who_needs_cover(changes: dict[str, Any], needs: bool) -> None:
    assert needs_cover(pair(changes)) is needs
