"""Journeys 6 and 7: two resources with one pairing, and what two pairs may share."""

from __future__ import annotations

from tests.e2e.conftest import MakePair
from tests.e2e.venue import PaperVenue


def test_maker_and_hedger_as_two_resources_with_one_pairing(
    make_pair: MakePair, venue: PaperVenue
) -> None:
    whole = make_pair("eth", apply=False)
    maker = make_pair("eth-a", {**whole.spec, "mode": "MakerOnly", "pairing": "eth"}, apply=False)
    hedger = make_pair("eth-b", {**whole.spec, "mode": "HedgerOnly", "pairing": "eth"}, apply=False)
    maker.apply()
    hedger.apply()
    maker.wait("Ready", within_s=90)
    hedger.wait("Ready", within_s=90)
    venue.wait_fills(whole, 3)
    maker.apply({"suspend": True})
    maker.wait("Suspended", within_s=60)
    venue.wait_net_zero(whole, within_s=15)
    assert venue.audit(whole)["exit_code"] == 0


def test_of_two_pairs_on_one_key_the_oldest_wins(make_pair: MakePair, venue: PaperVenue) -> None:
    first = make_pair("first")
    first.wait("Ready", within_s=90)
    second = make_pair("second", first.spec)
    second.wait("Accepted", "False", reason="AccountInUse", within_s=30)
    assert "first" in second.condition("Accepted")["message"]
    venue.wait_fills(first, 2)
    first.delete("--timeout=120s")
    second.wait("Ready", within_s=120)
    venue.wait_fills(second, 2)


def test_two_pairs_share_an_account_with_keys_and_markets_of_their_own(
    make_pair: MakePair, venue: PaperVenue
) -> None:
    one = make_pair("eth")
    other = make_pair("btc", {**one.spec, "market": "BTC", "quantity": "0.001"}, apply=False)
    other.apply(
        {"maker": {"account": {"apiKeyIndex": 5}}, "hedger": {"account": {"apiKeyIndex": 5}}}
    )
    for pair in (one, other):
        pair.wait("Ready", within_s=90)
    venue.wait_fills(one, 3)
    venue.wait_fills(other, 3)
    for pair in (one, other):
        pair.apply({"suspend": True})
        pair.wait("Suspended", within_s=60)
        venue.wait_net_zero(pair, within_s=15)
