"""Pairs that the operator does not take, and what it says of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedgepair_operator.settings import Ceilings
from tests.operator.conftest import Play
from tests.operator.world import NAMESPACE, World, accounts, pair_object


def test_of_two_pairs_on_one_account_the_oldest_wins_and_deleting_it_frees(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("first"))
        await here.until(lambda: here.is_ready("first"), "the first runs")

        here.apply(pair_object("second"))
        await here.until(
            lambda: here.condition("second", "Accepted") == ("False", "AccountInUse"), "refused"
        )
        assert here.condition("second", "Stalled") == ("True", "AccountInUse")
        assert "trading/first" in here.message("second", "Accepted")
        assert not any(name.startswith("second") for name in here.names("statefulsets"))

        here.delete("first")
        await here.until(lambda: here.is_ready("second"), "the second runs")
        assert here.condition("second", "Accepted") == ("True", "Accepted")

    play(story)


def test_a_refused_pair_is_deleted_at_once(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth", exchange={"network": "Mainnet"}, **with_secrets()))
        await here.until(
            lambda: here.condition("eth", "Accepted") == ("False", "MainnetNotAllowed"), "refused"
        )

        here.delete("eth")

        assert here.is_gone("eth")

    play(story)


def with_secrets() -> dict[str, Any]:
    legs = accounts(1)
    for leg in legs.values():
        leg["account"]["secretRef"] = {"name": "lighter-key"}
    return legs


def test_a_missing_secret_is_named_and_found_again(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth", exchange={"network": "Testnet"}, **with_secrets()))
        await here.until(
            lambda: here.condition("eth", "Accepted") == ("False", "SecretMissing"), "missing"
        )
        assert "lighter-key" in here.message("eth", "Accepted")
        assert NAMESPACE in here.message("eth", "Accepted")

        here.kubelet.provide_secret(NAMESPACE, "lighter-key")
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        assert here.condition("eth", "Accepted") == ("True", "Accepted")

    play(story)


def test_a_pair_that_never_ran_is_deleted_without_proof(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth", exchange={"network": "Testnet"}, **with_secrets()))
        await here.until(
            lambda: here.condition("eth", "Accepted") == ("False", "SecretMissing"), "missing"
        )

        here.delete("eth")

        await here.until(lambda: here.is_gone("eth"), "the pair is gone")

    play(story)


def test_a_spec_that_the_rules_refuse_is_told_in_sentences_and_touches_nothing(
    play: Play,
) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")
        before = here.item("configmaps", "eth-hedgepair")["data"]

        here.set_spec("eth", quantity="5")
        await here.until(
            lambda: here.condition("eth", "Accepted") == ("False", "InvalidSpec"), "refused"
        )
        assert "risk.maxPosition must be at least quantity" in here.message("eth", "Accepted")
        assert here.item("configmaps", "eth-hedgepair")["data"] == before
        assert here.condition("eth", "Hedged") == ("True", "NetFlat")

        here.set_spec("eth", quantity="0.1")
        await here.until(lambda: here.is_ready("eth"), "the pair runs again")

    play(story)


def test_an_immutable_field_is_refused_where_cel_did_not(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")

        here.set_spec("eth", market="BTC")

        await here.until(
            lambda: here.condition("eth", "Accepted") == ("False", "ChangeRefused"), "refused"
        )

    play(story)


def test_an_image_that_cannot_be_pulled_is_named(play: Play) -> None:
    async def story(here: World) -> None:
        here.kubelet.broken_images.add("typo:1")
        here.apply(pair_object("eth", runner={"image": "typo:1"}))

        await here.until(
            lambda: here.condition("eth", "Ready") == ("False", "ImagePull"), "not ready"
        )
        here.set_spec("eth", runner={"image": "runner:2"})
        await here.until(lambda: here.is_ready("eth"), "the pair runs")

    play(story)


def test_ceilings_of_the_release_are_told_with_the_remedy(play: Play) -> None:
    async def story(here: World) -> None:
        await here.stop()
        limits = Ceilings(pairs=1, notional_per_pair=Decimal(3_000), prices={"ETH": Decimal(4_000)})
        here.settings = replace(here.settings, ceilings=limits)
        here.start()

        here.apply(pair_object("one"))
        await here.until(lambda: here.is_ready("one"), "one runs")
        here.apply(pair_object("two", **accounts(2)))

        await here.until(
            lambda: here.condition("two", "Accepted") == ("False", "TooManyPairs"), "refused"
        )
        assert "ceilings.pairs" in here.message("two", "Accepted")

    play(story)


def test_an_unknown_market_is_what_the_runner_says(play: Play) -> None:
    async def story(here: World) -> None:
        here.apply(pair_object("eth"))
        await here.until(lambda: here.is_ready("eth"), "the pair runs")

        here.puppet("eth-maker-0").reason_code = "UnknownMarket"

        await here.until(
            lambda: here.condition("eth", "Accepted") == ("False", "UnknownMarket"), "refused"
        )

    play(story)
